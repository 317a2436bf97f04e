"""ps02: a gradient checker of one's own, softmax with cross-entropy and L2, digits by one layer."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps02.checker import NUMERICAL, RELATIVE
from nncourse.exercises.ps02.classifier import CLASSIFIER, SOFTMAX
from nncourse.exercises.ps02.training import TRAINING

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (NUMERICAL, RELATIVE, SOFTMAX, CLASSIFIER, TRAINING)
}
