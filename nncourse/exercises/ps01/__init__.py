"""ps01: a neuron, Boolean functions by weights set by hand, and the perceptron rule."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps01.gates import AT_LEAST, GATES, MINTERM
from nncourse.exercises.ps01.network import ANY_FUNCTION
from nncourse.exercises.ps01.neuron import NEURON
from nncourse.exercises.ps01.training import TRAIN
from nncourse.exercises.ps01.update import UPDATE

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (NEURON, GATES, AT_LEAST, MINTERM, ANY_FUNCTION, UPDATE, TRAIN)
}
