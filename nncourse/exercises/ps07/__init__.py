"""ps07: activations with their slopes, PReLU, and initial weights judged by their distribution."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps07.activations import ACTIVATION, PRELU
from nncourse.exercises.ps07.initial import INITIALISE, ORTHOGONAL

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (ACTIVATION, PRELU, INITIALISE, ORTHOGONAL)
}
