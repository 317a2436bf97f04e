"""The exercise sets: for each piece its reference, inputs, mutants and equivalents.

``psNN`` belongs to the exercise notebook of the same name and declares ``PIECES``. ``find`` gives
a piece by its name, "ps05.linear_backward".
"""

from nncourse.exercises.piece import Equivalent, Mutant, Output, Part, Piece, Point, find

__all__ = ["Equivalent", "Mutant", "Output", "Part", "Piece", "Point", "find"]
