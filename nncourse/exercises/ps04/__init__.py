"""ps04: automatic differentiation of single numbers, from the local slopes to a trained network."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps04.engine import ENGINE
from nncourse.exercises.ps04.moons import MOONS
from nncourse.exercises.ps04.order import ORDER
from nncourse.exercises.ps04.slopes import SLOPES
from nncourse.exercises.ps04.step import STEP

PIECES: dict[str, Piece] = {piece.name: piece for piece in (SLOPES, ORDER, ENGINE, STEP, MOONS)}

GRADING = {
    "operators": ["add", "sub", "mul", "truediv", "pow", "neg"],
    "objects": {"Value": ["data", "grad", "backward"]},
}
