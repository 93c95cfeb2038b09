"""The protocols by name."""

from inspect import isabstract
from types import MappingProxyType

from cdmer._parameters import ParameterError
from cdmer.evaluation.protocols._base import Protocol
from cdmer.evaluation.protocols._hold_out import HoldOutDatabase
from cdmer.evaluation.protocols._leave_corpus_out import LeaveOneCorpusOut
from cdmer.evaluation.protocols._leave_out import LeaveOut
from cdmer.evaluation.protocols._leave_person_out import CompositeLOSO, WithinCorpusLOSO
from cdmer.evaluation.protocols._pairs import CDMERPairs

_OURS = (
    CDMERPairs,
    CompositeLOSO,
    HoldOutDatabase,
    LeaveOneCorpusOut,
    LeaveOut,
    WithinCorpusLOSO,
)
_REGISTERED = {kind.__name__: kind for kind in _OURS}
# Names of the protocols in config files; to read, not to write to.
PROTOCOLS = MappingProxyType(_REGISTERED)


def register_protocol(kind):
    """Make a protocol known by the name of its class: a decorator.

    Config files of `cdmer.evaluation.config` then find it, once the module that defines it is
    imported.

    Parameters
    ----------
    kind : type
        Subclass of `Protocol`.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if it is no subclass of `Protocol`, does not define all that
        it must, or another protocol has its name.

    Examples
    --------
    >>> from cdmer.evaluation.protocols import PROTOCOLS
    >>> PROTOCOLS["CDMERPairs"]
    <class 'cdmer.evaluation.protocols.CDMERPairs'>
    """
    if not isinstance(kind, type) or not issubclass(kind, Protocol) or isabstract(kind):
        missing = sorted(getattr(kind, "__abstractmethods__", ()))
        wanted = f" that defines {', '.join(missing)}" if missing else ""
        raise ParameterError(f"kind: expected a subclass of Protocol{wanted}, got {kind!r}")
    known = _REGISTERED.get(kind.__name__)
    if known is not None and repr(kind) != repr(known):  # the same: its module was run once more
        raise ParameterError(
            f"kind: expected a class of a new name, got {kind!r}; {kind.__name__!r} is {known!r}"
        )
    _REGISTERED[kind.__name__] = kind
    return kind
