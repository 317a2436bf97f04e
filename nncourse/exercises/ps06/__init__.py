"""ps06: eight optimisers, judged by their trajectories."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps06.adaptive import ADADELTA, ADAGRAD, RMSPROP
from nncourse.exercises.ps06.moments import ADAM, NADAM
from nncourse.exercises.ps06.momentum import MOMENTUM, NESTEROV, SGD

PIECES: dict[str, Piece] = {
    piece.name: piece
    for piece in (SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADADELTA, ADAM, NADAM)
}
