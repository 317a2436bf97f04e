"""ps08: dropout both ways, and BatchNorm's backward pass two ways."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps08.backward import BACKWARD, STAGES
from nncourse.exercises.ps08.batchnorm import FORWARD
from nncourse.exercises.ps08.dropout import DROPOUT, PLAIN_DROPOUT
from nncourse.exercises.ps08.dropout_backward import DROPOUT_BACKWARD
from nncourse.exercises.ps08.running import RUNNING

PIECES: dict[str, Piece] = {
    piece.name: piece
    for piece in (DROPOUT, PLAIN_DROPOUT, DROPOUT_BACKWARD, FORWARD, RUNNING, STAGES, BACKWARD)
}
