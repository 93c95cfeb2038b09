"""What runs a network from a file of the caller's, and goes on without its folder."""

import hashlib
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar

from cdmer._files.reading import foreign_kind, read_regular
from cdmer._parameters import ParameterError, check_number

# The networks have less than eight megabytes.
_MOST_BYTES = 2**27
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, repr=False)
class NetworkFile:
    """Base of what runs a network from a file.

    Equal ones run the same network, wherever its file lies. Pickled to workers, they keep the path;
    in saved models they have name and digest of the file alone, and ask for it again.
    """

    _network: ClassVar[str]
    _again: ClassVar[str] = ": with_file(path)"

    model_path: str | None = field(compare=False)
    score_threshold: float
    model_name: str | None = field(default=None, compare=False, kw_only=True)
    model_sha256: str | None = field(default=None, kw_only=True)

    def __post_init__(self):
        check_number("score_threshold", self.score_threshold, least=0, most=1)
        if self.model_sha256 is not None and not _is_text(self.model_sha256, _DIGEST.fullmatch):
            raise ParameterError(
                f"model_sha256: expected 64 hexadecimal digits, got {self.model_sha256!r:.80}"
            )
        if self.model_path is None:
            self._check_named()
            return
        path = Path(self.model_path)
        if path.is_dir() or not path.exists():
            raise FileNotFoundError(
                f"model_path: there is no file {str(path)!r}; expected the network "
                f"{self._network}, which cdmer does not download"
            )
        digest = _digest(path, self._network)
        if self.model_sha256 not in (None, digest):
            raise ValueError(
                f"model_path: expected the network of sha256 {self.model_sha256[:12]}…, got "
                f"{path} of sha256 {digest[:12]}…"
            )
        # Frozen: caches know it by its parameters.
        for name, value in (("path", str(path)), ("name", path.name), ("sha256", digest)):
            object.__setattr__(self, f"model_{name}", value)

    def _check_named(self):
        if self.model_sha256 is None:
            raise ParameterError("model_path: expected the path of a file, got None")
        if not _is_text(self.model_name, lambda name: Path(name).name == name):
            raise ParameterError(
                f"model_name: expected the name of a file, without folder, got {self.model_name!r}"
            )

    @property
    def needs_file(self):
        """Whether the file is still to be given, by `with_file`, as after loading a model."""
        return self.model_path is None

    def with_file(self, path):
        """Give the file of the network again.

        Parameters
        ----------
        path : path-like
            A file of the same content.

        Returns
        -------
        object
            A copy that runs.

        Raises
        ------
        OSError
            If there is no such file, or it cannot be read.
        ValueError
            If its content is another one.
        """
        return replace(self, model_path=path)

    def _given_path(self):
        if self.model_path is None:
            raise ParameterError(
                f"model_path: the network {self._network} is not in saved models and records; give "
                f"{self.model_name} (sha256 {self.model_sha256[:12]}…) again{self._again}"
            )
        return self.model_path

    def __repr__(self):
        given = [
            f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.name != "model_path"
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def __reduce__(self):
        return _restored, (type(self), dict(vars(self)))

    def __getstate__(self):
        # What skops writes into models; pickle and copy go by `__reduce__`.
        return vars(self) | {"model_path": None}

    def __setstate__(self, state):
        # A model may come from anybody: no file of its choice is opened.
        vars(self).update(state, model_path=None)


def _restored(kind, state):
    thing = kind.__new__(kind)
    vars(thing).update(state)
    return thing


def _is_text(value, good):
    return isinstance(value, str) and bool(value) and bool(good(value))


def _digest(path, network):
    content = read_regular(path, _MOST_BYTES)
    foreign = foreign_kind(content[:4096])
    if not content:
        foreign = "an empty file"
    elif content.startswith(b"\x1f\x8b"):
        foreign = "a file packed by gzip; unpack it (gunzip)"
    if foreign:
        raise ValueError(f"model_path: expected the network {network} in {path}, got {foreign}")
    return hashlib.sha256(content).hexdigest()
