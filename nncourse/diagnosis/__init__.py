"""Why a gradient is wrong: two arrays in, a reason out.

A hand-written gradient and the numerical one are compared by a list of small rules, from the
plainest (shape) to the most particular (a difference parallel to a known term). Each rule knows
one trace that a mistake leaves in the numbers. No rule guesses: an array that fits none of them
is "not recognised", because a wrong reason costs the reader more than none. Nothing here knows
about autograd, exercises or notebooks.
"""

from nncourse.diagnosis.context import Context, Quantity, Term
from nncourse.diagnosis.distribution import Law, diagnose_distribution
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.labels import diagnose_labels
from nncourse.diagnosis.measure import central_difference, distance, same, tolerance
from nncourse.diagnosis.rules import RULES, diagnose
from nncourse.diagnosis.table import diagnose_table

__all__ = [
    "RULES",
    "Context",
    "Finding",
    "Law",
    "Quantity",
    "Term",
    "central_difference",
    "diagnose",
    "diagnose_distribution",
    "diagnose_labels",
    "diagnose_table",
    "distance",
    "same",
    "tolerance",
]
