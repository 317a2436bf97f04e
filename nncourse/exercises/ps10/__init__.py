"""ps10: a recurrent network by hand: one step, the sequence, backpropagation through time."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps10.clip import CLIP
from nncourse.exercises.ps10.sequence import FORWARD
from nncourse.exercises.ps10.step import STEP, STEP_BACKWARD
from nncourse.exercises.ps10.through_time import BACKWARD

PIECES: dict[str, Piece] = {
    piece.name: piece for piece in (STEP, STEP_BACKWARD, FORWARD, BACKWARD, CLIP)
}
