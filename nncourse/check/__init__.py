"""The check that tells the reason: ``check`` for exercises, ``explain_gradient`` for any arrays."""

from .explain import Explanation, explain_gradient
from .judge import check
from .report import Report

__all__ = ["Explanation", "Report", "check", "explain_gradient"]
