"""ps05: the backward pass of each layer by hand, then a network trained with it."""

from ..piece import Piece
from .activations import RELU, SIGMOID, TANH
from .linear import LINEAR
from .network import NETWORK
from .softmax import SOFTMAX
from .training import TRAINING

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (LINEAR, RELU, SIGMOID, TANH, SOFTMAX, NETWORK, TRAINING)
}
