"""Looking into networks and their computation graphs."""

from nncourse.inspection.lint import Finding, Findings, lint_training
from nncourse.inspection.plot_model import ModelPicture, plot_model
from nncourse.inspection.profile import profile
from nncourse.inspection.statistics import LayerStatistics, Statistics, statistics
from nncourse.inspection.summary import Summary, count_flops, count_parameters, summary

__all__ = [
    "Finding",
    "Findings",
    "LayerStatistics",
    "ModelPicture",
    "Statistics",
    "Summary",
    "count_flops",
    "count_parameters",
    "lint_training",
    "plot_model",
    "profile",
    "statistics",
    "summary",
]
