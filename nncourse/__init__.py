"""nncourse: a neural-network course in Jupyter, and the NumPy library it is built on."""

from nncourse import language

__version__ = "0.1.0"

__all__ = ["language"]
