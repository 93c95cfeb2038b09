"""What a corpus is and where it comes from."""

from cdmer._faces.setups import PRESETS, RecordingSetup
from cdmer._public import publish
from cdmer.corpora._action_unit_scheme import ActionUnitScheme
from cdmer.corpora._clip import Clip
from cdmer.corpora._corpus import Corpus
from cdmer.corpora._databases.check import DatabaseCheck, check_database
from cdmer.corpora._databases.databases import (
    get_layout,
    list_databases,
    load_database,
    register_database,
)
from cdmer.corpora._databases.layout import Folders, FurtherFile, KnownMistake, Layout
from cdmer.corpora._databases.layouts.cas_me_2 import load_cas_me_2
from cdmer.corpora._databases.layouts.casme import load_casme, load_casme2
from cdmer.corpora._databases.layouts.casme3 import load_casme3
from cdmer.corpora._databases.layouts.dfme import load_dfme
from cdmer.corpora._databases.layouts.fourdme import load_4dme
from cdmer.corpora._databases.layouts.mmew import load_mmew
from cdmer.corpora._databases.layouts.samm import load_samm
from cdmer.corpora._databases.layouts.smic import load_smic
from cdmer.corpora._databases.naming import Naming
from cdmer.corpora._databases.style import RehearsalStyle
from cdmer.corpora._faults import Fault, Repair
from cdmer.corpora._label_scheme import LabelScheme
from cdmer.corpora._manifest import load_manifest
from cdmer.corpora._media.frames import FrameFolder, list_frames
from cdmer.corpora._media.video import VideoFile
from cdmer.corpora._pack import pack
from cdmer.corpora._published import (
    PublishedFeatures,
    fetch_published_features,
    load_published_features,
)
from cdmer.corpora._rehearsal.rehearsal import make_database
from cdmer.corpora._schemes import get_scheme, list_schemes
from cdmer.corpora._synthetic import make_synthetic_corpus

__all__ = [
    "PRESETS",
    "ActionUnitScheme",
    "Clip",
    "Corpus",
    "DatabaseCheck",
    "Fault",
    "Folders",
    "FrameFolder",
    "FurtherFile",
    "KnownMistake",
    "LabelScheme",
    "Layout",
    "Naming",
    "PublishedFeatures",
    "RecordingSetup",
    "RehearsalStyle",
    "Repair",
    "VideoFile",
    "check_database",
    "fetch_published_features",
    "get_layout",
    "get_scheme",
    "list_databases",
    "list_frames",
    "list_schemes",
    "load_4dme",
    "load_cas_me_2",
    "load_casme",
    "load_casme2",
    "load_casme3",
    "load_database",
    "load_dfme",
    "load_manifest",
    "load_mmew",
    "load_published_features",
    "load_samm",
    "load_smic",
    "make_database",
    "make_synthetic_corpus",
    "pack",
    "register_database",
]

publish(__name__)
