"""The descriptors by name."""

from inspect import isabstract
from types import MappingProxyType

from cdmer._parameters import ParameterError
from cdmer.features._descriptor import ClipDescriptor
from cdmer.features._flow.biwoof import BiWOOF
from cdmer.features._flow.histograms import FHOFO, HOOF
from cdmer.features._flow.mdmo import MDMO
from cdmer.features._gradients import HIGOTOP, HOGTOP
from cdmer.features._lbp_mop import LBPMOP
from cdmer.features._lbp_sip import LBPSIP
from cdmer.features._lbp_top import LBPTOP
from cdmer.features._lpq_top import LPQTOP
from cdmer.features._stlbp_ip import STLBPIP

_REGISTERED = {
    "bi-woof": BiWOOF,
    "fhofo": FHOFO,
    "higo-top": HIGOTOP,
    "hog-top": HOGTOP,
    "hoof": HOOF,
    "lbp-mop": LBPMOP,
    "lbp-sip": LBPSIP,
    "lbp-top": LBPTOP,
    "lpq-top": LPQTOP,
    "mdmo": MDMO,
    "stlbp-ip": STLBPIP,
}
# Names of the descriptors on the command line; to read, not to write to.
DESCRIPTORS = MappingProxyType(_REGISTERED)


def register_descriptor(name):
    """Make a descriptor known by name: a decorator of its class.

    ``cdmer extract --descriptor NAME`` then finds it by this name, and config files of
    `cdmer.evaluation.config` by that of its class, once the module that defines it is imported.

    Parameters
    ----------
    name : str
        Name on the command line, such as ``"lbp-top"``.

    Returns
    -------
    callable
        Takes the class, and gives it back.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if the name is empty or no str, if what is decorated is no
        subclass of `ClipDescriptor`, or does not define all that it must, or if another descriptor
        has the name, or its class that of the class.

    Examples
    --------
    >>> from cdmer.features import DESCRIPTORS
    >>> DESCRIPTORS["lbp-top"]
    <class 'cdmer.features.LBPTOP'>
    """
    if not isinstance(name, str) or not name:
        raise ParameterError(f"name: expected a str that is not empty, got {name!r}")

    def register(kind):
        if not isinstance(kind, type) or not issubclass(kind, ClipDescriptor) or isabstract(kind):
            missing = sorted(getattr(kind, "__abstractmethods__", ()))
            wanted = f" that defines {', '.join(missing)}" if missing else ""
            raise ParameterError(
                f"{name}: expected a subclass of ClipDescriptor{wanted}, got {kind!r}"
            )
        for other, known in _REGISTERED.items():
            taken = name == other or kind.__name__ == known.__name__
            again = name == other and repr(kind) == repr(known)  # its module was run once more
            if taken and not again:
                raise ParameterError(
                    f"{name}: expected a new name and a class of a new name, got {kind!r}; "
                    f"{other!r} is {known!r}"
                )
        _REGISTERED[name] = kind
        return kind

    return register
