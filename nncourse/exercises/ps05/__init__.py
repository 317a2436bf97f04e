"""ps05: the backward pass of each layer by hand, then a network trained with it."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps05.activations import RELU, SIGMOID, TANH
from nncourse.exercises.ps05.linear import LINEAR
from nncourse.exercises.ps05.network import NETWORK
from nncourse.exercises.ps05.softmax import SOFTMAX
from nncourse.exercises.ps05.training import TRAINING

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (LINEAR, RELU, SIGMOID, TANH, SOFTMAX, NETWORK, TRAINING)
}
