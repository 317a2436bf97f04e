"""The error of all readers."""


class DataError(ValueError):
    """A file that does not hold what was expected: says what was, what came, and where."""
