"""What is said of answers to exercise 6."""

from nncourse.check.judge import judge
from nncourse.exercises.ps06 import PIECES


def test_of_plain_momentum_both_causes_are_named():
    piece = PIECES["Nesterov"]
    report = judge(piece, [PIECES["Momentum"].reference], seed=3)
    (diagnosis,) = report.diagnoses
    assert diagnosis.mutant == "old velocity overwritten"
    assert "Is the look ahead missing" in str(diagnosis.finding)
