"""What a corpus is and where it comes from."""

from cdmer.corpora._clip import Clip
from cdmer.corpora._corpus import Corpus, pack
from cdmer.corpora._published import (
    PublishedFeatures,
    fetch_published_features,
    load_published_features,
)
from cdmer.corpora._schemes import LabelScheme, get_scheme, list_schemes
from cdmer.corpora._setups import PRESETS, RecordingSetup
from cdmer.corpora._synthetic import make_synthetic_corpus

__all__ = [
    "PRESETS",
    "Clip",
    "Corpus",
    "LabelScheme",
    "PublishedFeatures",
    "RecordingSetup",
    "fetch_published_features",
    "get_scheme",
    "list_schemes",
    "load_published_features",
    "make_synthetic_corpus",
    "pack",
]
