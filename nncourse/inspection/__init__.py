"""Looking into networks and their computation graphs."""

from nncourse.inspection.lint import Finding, Findings, lint_training
from nncourse.inspection.summary import Summary, count_flops, count_parameters, summary

__all__ = [
    "Finding",
    "Findings",
    "Summary",
    "count_flops",
    "count_parameters",
    "lint_training",
    "summary",
]
