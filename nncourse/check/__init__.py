"""The check that tells the reason: ``check`` for exercises, ``explain_gradient`` for any arrays."""

from nncourse.check.explain import Explanation, explain_gradient
from nncourse.check.judge import check
from nncourse.check.report import Report

__all__ = ["Explanation", "Report", "check", "explain_gradient"]
