"""Protocols, metrics, runner, results and report."""

from cdmer.evaluation._benchmark import benchmark
from cdmer.evaluation._figures import RegionMap, plot_confusion, plot_regions
from cdmer.evaluation._label_free import label_free_pipeline
from cdmer.evaluation._metrics import class_f1, confusion, macro_f1, uar, uf1, war
from cdmer.evaluation._oracle import tgsr_grid, tgsr_oracle_sweep
from cdmer.evaluation._protocols import CDMER_EXPERIMENTS, CDMERPairs, Experiment
from cdmer.evaluation._report import write_report
from cdmer.evaluation._results import Results

__all__ = [
    "CDMER_EXPERIMENTS",
    "CDMERPairs",
    "Experiment",
    "RegionMap",
    "Results",
    "benchmark",
    "class_f1",
    "confusion",
    "label_free_pipeline",
    "macro_f1",
    "plot_confusion",
    "plot_regions",
    "tgsr_grid",
    "tgsr_oracle_sweep",
    "uar",
    "uf1",
    "war",
    "write_report",
]
