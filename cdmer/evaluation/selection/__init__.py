"""Choosing hyper-parameters without target labels: criteria, splitters, scorers, `select`."""

from cdmer._public import publish
from cdmer.evaluation.selection._criteria import (
    deep_embedded_validation,
    importance_weighted_accuracy,
    information_maximization,
    reverse_validation,
    soft_neighborhood_density,
    source_accuracy,
)
from cdmer.evaluation.selection._scorers import CRITERIA, make_scorer, make_splitter
from cdmer.evaluation.selection._select import Selection, score_settings, select
from cdmer.evaluation.selection._splitters import SourceKFold, TargetSplit

__all__ = [
    "CRITERIA",
    "Selection",
    "SourceKFold",
    "TargetSplit",
    "deep_embedded_validation",
    "importance_weighted_accuracy",
    "information_maximization",
    "make_scorer",
    "make_splitter",
    "reverse_validation",
    "score_settings",
    "select",
    "soft_neighborhood_density",
    "source_accuracy",
]

publish(__name__)
