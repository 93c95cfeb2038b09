"""Classifiers fitted on labelled source rows and unlabelled target rows together."""

from cdmer._public import publish
from cdmer.adaptation._base import (
    AdaptiveClassifier,
    DomainRows,
    LargestScore,
    PathClassifier,
)
from cdmer.adaptation._component_analysis import JDA, TCA
from cdmer.adaptation._coral import CORAL
from cdmer.adaptation._domain_standardizer import DomainStandardizer
from cdmer.adaptation._ensembles import (
    GridVoting,
    MethodVoting,
    PseudoLabeling,
    class_scores,
)
from cdmer.adaptation._gram_svc import GramSVC
from cdmer.adaptation._meta import FeatureAdapter, MetaClassifier, Reweighter
from cdmer.adaptation._regression.domain_regeneration import DRFST, DRLS, TSRG
from cdmer.adaptation._regression.kernel_groups import KGSL, TTRM
from cdmer.adaptation._regression.tgsr import TGSR, iter_tgsr_path, tgsr_path
from cdmer.adaptation._reweighting import KLIEP, KMM, ULSIF, density_ratio
from cdmer.adaptation._source_only import BenchmarkSVC, SourceOnly
from cdmer.adaptation._stm import STM
from cdmer.adaptation._subspaces import GFK, SubspaceAlignment
from cdmer.adaptation._tkl import TKL
from cdmer.adaptation._transport import OptimalTransport

__all__ = [
    "CORAL",
    "DRFST",
    "DRLS",
    "GFK",
    "JDA",
    "KGSL",
    "KLIEP",
    "KMM",
    "STM",
    "TCA",
    "TGSR",
    "TKL",
    "TSRG",
    "TTRM",
    "ULSIF",
    "AdaptiveClassifier",
    "BenchmarkSVC",
    "DomainRows",
    "DomainStandardizer",
    "FeatureAdapter",
    "GramSVC",
    "GridVoting",
    "LargestScore",
    "MetaClassifier",
    "MethodVoting",
    "OptimalTransport",
    "PathClassifier",
    "PseudoLabeling",
    "Reweighter",
    "SourceOnly",
    "SubspaceAlignment",
    "class_scores",
    "density_ratio",
    "iter_tgsr_path",
    "tgsr_path",
]

publish(__name__)
