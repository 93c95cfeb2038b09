"""The metrics that come with the library, main ones first."""

from cdmer.evaluation._metrics.counts import (
    binary_f1_of_action_units,
    macro_f1_of_action_units,
    uar_of_counts,
    uf1_of_counts,
    war_of_counts,
)
from cdmer.evaluation._metrics.metric import Metric


def _by_name(*metrics):
    return {metric.name: metric for metric in metrics}


CLASS_METRICS = _by_name(
    Metric(
        "UF1",
        uf1_of_counts,
        "the mean over classes of their F1, from the pooled predictions of an experiment; the "
        "M-F1 of the CDMER benchmark",
    ),
    Metric(
        "UAR",
        uar_of_counts,
        "the mean over classes of their recall, from the pooled predictions of an experiment",
    ),
    Metric("WAR", war_of_counts, "the share of clips that are right: accuracy"),
)
ACTION_UNIT_METRICS = _by_name(
    Metric(
        "macro F1",
        macro_f1_of_action_units,
        "the mean over action units of the mean F1 of absent and present",
        action_units=True,
    ),
    Metric(
        "binary F1",
        binary_f1_of_action_units,
        "the mean over action units of the F1 of present",
        action_units=True,
    ),
)
