"""Statistics: confidence intervals of scores, and tests of differences between methods."""

from cdmer._public import publish
from cdmer.evaluation.statistics._compare import Comparison, compare
from cdmer.evaluation.statistics._comparison_plot import plot_comparisons
from cdmer.evaluation.statistics._comparisons import comparisons, holm
from cdmer.evaluation.statistics._forest import plot_forest
from cdmer.evaluation.statistics._intervals import intervals
from cdmer.evaluation.statistics._rank_plot import plot_ranks
from cdmer.evaluation.statistics._ranks import Ranks, ranks

__all__ = [
    "Comparison",
    "Ranks",
    "compare",
    "comparisons",
    "holm",
    "intervals",
    "plot_comparisons",
    "plot_forest",
    "plot_ranks",
    "ranks",
]

publish(__name__)
