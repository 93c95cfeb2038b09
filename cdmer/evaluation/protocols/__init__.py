"""Protocols: which clips are trained on, adapted to and tested."""

from cdmer._public import publish
from cdmer.evaluation.protocols._base import Fold, Protocol, read_metadata
from cdmer.evaluation.protocols._expected import missing_clips
from cdmer.evaluation.protocols._hold_out import HoldOutDatabase
from cdmer.evaluation.protocols._leave_corpus_out import LeaveOneCorpusOut
from cdmer.evaluation.protocols._leave_out import LeaveOut
from cdmer.evaluation.protocols._leave_person_out import CompositeLOSO, WithinCorpusLOSO
from cdmer.evaluation.protocols._pairs import CDMER_EXPERIMENTS, CDMERPairs, Experiment
from cdmer.evaluation.protocols._people import people
from cdmer.evaluation.protocols._registry import PROTOCOLS, register_protocol
from cdmer.evaluation.protocols._shared import fold_notes, shared_people

__all__ = [
    "CDMER_EXPERIMENTS",
    "CDMERPairs",
    "CompositeLOSO",
    "Experiment",
    "Fold",
    "HoldOutDatabase",
    "LeaveOneCorpusOut",
    "LeaveOut",
    "PROTOCOLS",
    "Protocol",
    "WithinCorpusLOSO",
    "fold_notes",
    "missing_clips",
    "people",
    "read_metadata",
    "register_protocol",
    "shared_people",
]

publish(__name__)
