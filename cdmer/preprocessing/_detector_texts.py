"""Detectors as texts, for commands, files and records: ``"cascade"``, ``"yunet:FILE"``."""

import re

from cdmer._parameters import ParameterError
from cdmer._text import did_you_mean
from cdmer.preprocessing._detectors import CascadeDetector
from cdmer.preprocessing._network_detectors import MediaPipeDetector, YuNetDetector

_KINDS = {"cascade": CascadeDetector, "yunet": YuNetDetector, "mediapipe": MediaPipeDetector}
_RECORD = re.compile(r"(?P<name>[^/\\]+) \(sha256 (?P<digest>[0-9a-f]{64})\)")


def parse_detector(text):
    """Make the detector that a text names.

    Parameters
    ----------
    text : str
        ``"cascade"``; or ``"yunet:FILE"`` or ``"mediapipe:FILE"``, with the path of the network; or
        what `describe_detector` gives, which names no folder: the file is to be given again then,
        by the detector's method `with_file`.

    Returns
    -------
    CascadeDetector, YuNetDetector or MediaPipeDetector

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if it names no detector, or the file is missing in it.
    OSError, ValueError
        If there is no such file, it cannot be read, or is a web page or the like.

    Examples
    --------
    >>> from cdmer.preprocessing import parse_detector
    >>> parse_detector("cascade").min_hits
    4
    """
    check_detector_text(text)
    name, _, file = text.partition(":")
    if not file:
        return _KINDS[name]()
    record = _RECORD.fullmatch(file)
    if record:
        return _KINDS[name](None, model_name=record["name"], model_sha256=record["digest"])
    return _KINDS[name](file)


def check_detector_text(text):
    """Refuse a text that `parse_detector` does not take; no file is opened.

    Raises
    ------
    ParameterError
        If it is none.
    """
    name, colon, file = text.partition(":") if isinstance(text, str) else (text, "", "")
    alone = name == "cascade"
    if name not in list(_KINDS) or bool(colon) is alone or bool(file) is alone:
        raise ParameterError(
            f"detector: expected 'cascade', 'yunet:FILE' or 'mediapipe:FILE', got {text!r:.200}"
            f"{did_you_mean(name, _KINDS) if name not in list(_KINDS) else ''}"
        )


def has_path(text):
    """Whether the text of a detector holds the path of a file, and not its digest alone."""
    file = text.partition(":")[2]
    return bool(file) and not _RECORD.fullmatch(file)


def describe_detector(detector):
    """Name a detector for records: its kind, and name and digest of its file, without folder.

    Parameters
    ----------
    detector : CascadeDetector, YuNetDetector, MediaPipeDetector or None
        None is ``CascadeDetector()``, as for `CropAlign`.

    Returns
    -------
    str
        ``"cascade"``, or such as ``"yunet:face.onnx (sha256 …)"``, which `parse_detector` takes.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if no text names it, since it is of another class or has
        parameters other than the defaults.
    """
    if detector is None:
        return "cascade"
    for name, kind in _KINDS.items():
        if type(detector) is kind:
            digest = getattr(detector, "model_sha256", None)
            text = f"{name}:{detector.model_name} (sha256 {digest})" if digest else name
            if parse_detector(text) == detector:
                return text
    raise ParameterError(
        f"detector: expected one that a text names, such as 'cascade' or 'yunet:FILE', got "
        f"{' '.join(repr(detector).split()):.200}"
    )
