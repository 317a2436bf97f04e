"""ps11: LSTM and GRU by hand: one step, the sequence, peepholes, and PyTorch's convention."""

from nncourse.exercises.piece import Piece
from nncourse.exercises.ps11.gru import GRU_STEP, GRU_STEP_BACKWARD
from nncourse.exercises.ps11.peephole import PEEPHOLE_BACKWARD, PEEPHOLE_STEP
from nncourse.exercises.ps11.pytorch import TO_PYTORCH
from nncourse.exercises.ps11.sequence import FORWARD
from nncourse.exercises.ps11.step import STEP, STEP_BACKWARD
from nncourse.exercises.ps11.through_time import BACKWARD

PIECES: dict[str, Piece] = {
    piece.name: piece
    for piece in (
        STEP,
        STEP_BACKWARD,
        FORWARD,
        BACKWARD,
        PEEPHOLE_STEP,
        PEEPHOLE_BACKWARD,
        GRU_STEP,
        GRU_STEP_BACKWARD,
        TO_PYTORCH,
    )
}
