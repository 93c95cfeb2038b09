"""Weights from files, under other names too."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from cdmer._parameters import ParameterError, check_flag
from cdmer.nets._weights.state_dict import check_finite, open_state
from cdmer.nets._weights.tensor_file import write_tensors


@dataclass(frozen=True)
class WeightsReport:
    """Report of what `load_weights` did with each tensor.

    Parameters
    ----------
    loaded : tuple of str
        The network's tensors that were filled.
    missing : tuple of str
        The network's tensors that nothing was given for. The counters of batches that layers of
        batch normalisation keep (``num_batches_tracked``) are not among them: scores do not depend
        on them, and many files have none.
    unexpected : dict of str to str
        Given tensors that the network has no place for, and where `names` sends them.
    differing : dict of str to str
        The network's tensors that were given in another shape or kind, and what was expected and
        given.
    left_out : tuple of str
        Given tensors that `names` leaves out.
    made_by : str or None
        Transformer that makes the input of released weights, which the network names from now on;
        None for weights that are not known as released ones.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: dict[str, str] = field(default_factory=dict)
    differing: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    made_by: str | None = None

    @property
    def fits(self):
        """Whether nothing was missing, unexpected or different."""
        return not (self.missing or self.unexpected or self.differing)

    def __str__(self):
        unexpected = [
            name if name == ours else f"{name} (as {ours})"
            for name, ours in self.unexpected.items()
        ]
        differing = [f"{name} ({how})" for name, how in self.differing.items()]
        rows = {
            "loaded": self.loaded,
            "missing": self.missing,
            "unexpected": unexpected,
            "differing": differing,
            "left out": self.left_out,
        }
        found = [f"{kind}: {_listed(names)}" for kind, names in rows.items() if names]
        return "; ".join(found + [f"input: {self.made_by}"] * (self.made_by is not None))


def load_weights(network, path_or_state, names=None, strict=True):
    """Load weights from a file or a state dict into a network.

    Only tensors are ever read, and only those that fit; nothing in a file can run. Files that
    `save_weights` wrote must be what it wrote, to the bit. Numbers must be finite where the
    network's own are.

    Files that the authors of `STSTNet`, or others for `C3D` and `R3D18`, have released are known by
    the names of their tensors. They want an input of their own, which the network's
    ``expected_input`` and ``made_by`` say once they are loaded: STSTNet's channels are
    ("strain", "v", "u"), reversed as `cv2.imread` (BGR) read the pictures that it was trained on.

    Parameters
    ----------
    network : torch.nn.Module
        Network to fill in place; it stays on its device and in its floating-point type.
    path_or_state : path-like or dict of str to torch.Tensor
        A safetensors file, a torch file of a state dict, or a state dict.
    names : dict of str to (str or None), callable or "released", optional
        Names in the network for given names. A dict has whole names or their beginnings up to
        a dot, of which the longest counts: ``{"conv1": "streams.0.conv", "fc": "head"}``; names it
        does not have stay. A callable gets each name and gives the network's. None in place of a
        name leaves a tensor out. "released": the names of released weights. Without `names` those
        are found out, and other names stay as they are; the input stays what it was where names
        are given by hand.
    strict : bool, default=True
        Whether everything must fit. False fills what fits.

    Returns
    -------
    WeightsReport

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be read.
    TypeError
        If an argument has the wrong type.
    ValueError
        If the file is damaged, or holds anything else than tensors by name, if numbers are infinite
        or NaN, if `names` has a name that nothing
        begins with or sends two tensors to one place, if no released weights of the network are
        known, if nothing fits or, when strict, not everything. The network is then as it was.

    Examples
    --------
    >>> from cdmer.nets import STSTNet, load_weights
    >>> released = {f"net.{name}": tensor for name, tensor in STSTNet().state_dict().items()}
    >>> report = load_weights(STSTNet(), released, names={"net": ""})
    >>> len(report.loaded), report.missing
    (23, ())
    """
    if not isinstance(network, nn.Module):
        raise ParameterError(f"network: expected a torch.nn.Module, got {network!r}")
    check_flag("strict", strict)
    own = {k: v for k, v in network.state_dict().items() if isinstance(v, torch.Tensor)}
    with open_state(path_or_state, type(network).__name__) as (source, given, read):
        released = _released_names(network, given, names)
        renamed, left_out = _rename(given, names if released is None else released, source)
        fitting, report = _compare(own, given, renamed, left_out)
        if not fitting or (strict and not report.fits):
            raise ValueError(
                f"{source}: does not fit {type(network).__name__}, which is left as it was; "
                f"{report}. names= maps given names to the network's; strict=False fills what fits"
            )
        # Only now, when each is known to be as large as the network's own.
        tensors = {ours: read(name) for ours, name in fitting.items()}
        for ours, tensor in tensors.items():
            check_finite(fitting[ours], tensor, own[ours], source)
        network.load_state_dict(tensors, strict=False)
    if released is not None:
        parts = tuple(network._released_input())
        # Other channels or sizes, of which only a part of the weights fits, keep their input.
        if [part.shape for part in parts] == [part.shape for part in network.expected_input]:
            network.expected_input = parts
            report = replace(report, made_by=network.made_by)
    return report


def save_weights(network, path):
    """Save the weights of a network to a file, for `load_weights`.

    Parameters
    ----------
    network : torch.nn.Module
        Its parameters, and the buffers that belong to its state.
    path : path-like
        A safetensors file, with digests by which `load_weights` notices damage. Replaced if cdmer
        wrote it.

    Raises
    ------
    FileExistsError
        If another file is there.
    ImportError
        If safetensors is missing.
    OSError
        If the file cannot be written.
    TypeError
        If `network` is no torch.nn.Module, or holds numbers of a type that files do not have.

    See Also
    --------
    load_weights : Fill a network from a file.

    Examples
    --------
    >>> import tempfile
    >>> from cdmer.nets import STSTNet, load_weights, save_weights
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(STSTNet(), f"{folder}/ststnet.safetensors")
    ...     report = load_weights(STSTNet(), f"{folder}/ststnet.safetensors")
    >>> report.fits
    True
    """
    if not isinstance(network, nn.Module):
        raise ParameterError(f"network: expected a torch.nn.Module, got {network!r}")
    tensors = {k: v for k, v in network.state_dict().items() if isinstance(v, torch.Tensor)}
    write_tensors(path, "weights", tensors, {"network": type(network).__name__})


def _released_names(network, given, names):
    """Names that a network's released weights have, where these are such weights, else None."""
    released = getattr(network, "_released_names", None)
    if isinstance(names, str) and names == "released":
        if not released:
            raise ParameterError(
                f"names: expected a dict, a callable or None, got 'released'; no released weights "
                f"of {type(network).__name__} are known"
            )
        return released
    is_release = names is None and released and not _without_match(released, given)
    return released if is_release else None


def _without_match(beginnings, names):
    """Beginnings, up to a dot, that no name has."""
    return [
        beginning
        for beginning in beginnings
        if not any(f"{name}.".startswith(f"{beginning}.") for name in names)
    ]


def _compare(own, given, renamed, left_out):
    """Given names of tensors that fit, by the network's names, and the report."""
    fitting, unexpected, differing = {}, {}, {}
    for name, ours in renamed.items():
        if ours not in own:
            unexpected[name] = ours
        elif _kind(given[name]) == _kind(own[ours]):
            fitting[ours] = name
        else:
            differing[ours] = f"expected {_described(own[ours])}, got {_described(given[name])}"
    loaded = tuple(name for name in own if name in fitting)
    missing = tuple(
        name
        for name in own
        if name not in fitting and name not in differing
        if not name.endswith("num_batches_tracked")
    )
    return fitting, WeightsReport(loaded, missing, unexpected, differing, left_out)


def _kind(tensor):
    # Half precision may fill single and so on; quantised integers are no weights.
    return tuple(tensor.shape), tensor.dtype.is_floating_point, tensor.dtype.is_complex


def _described(tensor):
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _rename(given, names, source):
    """The network's name for each given one, a dict, and the names that are left out."""
    if names is None:
        return {name: name for name in given}, ()
    if isinstance(names, Mapping):
        unmatched = _without_match(names, given)
        if unmatched:
            raise ValueError(
                f"names: no tensor's name is or begins with {unmatched[0]!r}; {source} holds "
                f"{_listed(given)}"
            )
        ours = {name: _replace_beginning(name, names) for name in given}
    elif callable(names):
        ours = {name: names(name) for name in given}
    else:
        raise ParameterError(
            f'names: expected a dict, a callable, "released" or None, got {names!r}'
        )
    taken = {}
    for name, own in ours.items():
        if not isinstance(own, str | None):
            raise ParameterError(f"names: expected a name or None for {name!r}, got {own!r}")
        if own is not None and taken.setdefault(own, name) != name:
            raise ValueError(f"names: sends both {taken[own]!r} and {name!r} to {own!r}")
    renamed = {name: own for name, own in ours.items() if own is not None}
    return renamed, tuple(name for name in ours if name not in renamed)


def _replace_beginning(name, names):
    steps = name.split(".")
    for n in range(len(steps), 0, -1):
        beginning = ".".join(steps[:n])
        if beginning in names:
            own = names[beginning]
            # "" takes the beginning away; what is no string is for the caller to refuse.
            return ".".join([own, *steps[n:]]).lstrip(".") if isinstance(own, str) else own
    return name


def _listed(names, most=5):
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
