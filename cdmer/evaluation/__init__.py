"""Protocols, metrics, runner, store, results, statistics and report."""

from cdmer._public import publish
from cdmer.evaluation._label_free import label_free_pipeline
from cdmer.evaluation._metrics.metric import Metric
from cdmer.evaluation._metrics.metrics import class_f1, confusion, macro_f1, uar, uf1, war
from cdmer.evaluation._oracle import tgsr_grid, tgsr_oracle_sweep
from cdmer.evaluation._results import Results
from cdmer.evaluation._runner.benchmark import benchmark
from cdmer.evaluation._runner.methods import Method
from cdmer.evaluation._store.records import JobResult, TestSet
from cdmer.evaluation._store.store import ResultStore
from cdmer.evaluation.figures import (
    RegionMap,
    domain_gap,
    plot_confusion,
    plot_embedding,
    plot_regions,
)
from cdmer.evaluation.protocols import (
    CDMER_EXPERIMENTS,
    CDMERPairs,
    CompositeLOSO,
    Experiment,
    Fold,
    HoldOutDatabase,
    LeaveOneCorpusOut,
    LeaveOut,
    Protocol,
    WithinCorpusLOSO,
)
from cdmer.evaluation.published import published_for
from cdmer.evaluation.report import write_report
from cdmer.evaluation.statistics import (
    Comparison,
    Ranks,
    compare,
    comparisons,
    holm,
    intervals,
    plot_comparisons,
    plot_forest,
    plot_ranks,
    ranks,
)

__all__ = [
    "CDMERPairs",
    "CDMER_EXPERIMENTS",
    "Comparison",
    "CompositeLOSO",
    "Experiment",
    "Fold",
    "HoldOutDatabase",
    "JobResult",
    "LeaveOneCorpusOut",
    "LeaveOut",
    "Method",
    "Metric",
    "Protocol",
    "Ranks",
    "RegionMap",
    "ResultStore",
    "Results",
    "TestSet",
    "WithinCorpusLOSO",
    "benchmark",
    "class_f1",
    "compare",
    "comparisons",
    "confusion",
    "domain_gap",
    "holm",
    "intervals",
    "label_free_pipeline",
    "macro_f1",
    "plot_comparisons",
    "plot_confusion",
    "plot_embedding",
    "plot_forest",
    "plot_ranks",
    "plot_regions",
    "published_for",
    "ranks",
    "tgsr_grid",
    "tgsr_oracle_sweep",
    "uar",
    "uf1",
    "war",
    "write_report",
]

publish(__name__)
