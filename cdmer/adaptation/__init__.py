"""Classifiers fitted on labelled source rows and unlabelled target rows together."""

from cdmer.adaptation._source_only import SourceOnly
from cdmer.adaptation._tgsr import TGSR, iter_tgsr_path, tgsr_path

__all__ = ["TGSR", "SourceOnly", "iter_tgsr_path", "tgsr_path"]
