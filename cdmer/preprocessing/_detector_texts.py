"""Detectors as texts, for commands and files: ``"cascade"``, ``"yunet:FILE"``."""

from cdmer._parameters import ParameterError
from cdmer._text import did_you_mean
from cdmer.preprocessing._detectors import CascadeDetector
from cdmer.preprocessing._network_detectors import MediaPipeDetector, YuNetDetector

_KINDS = {"cascade": CascadeDetector, "yunet": YuNetDetector, "mediapipe": MediaPipeDetector}


def parse_detector(text):
    """Make the detector that a text names.

    Parameters
    ----------
    text : str
        ``"cascade"``; or ``"yunet:FILE"`` or ``"mediapipe:FILE"``, with the path of the network.

    Returns
    -------
    CascadeDetector, YuNetDetector or MediaPipeDetector

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if it names no detector, or a file is missing in it.
    OSError, ValueError
        If there is no such file, or it is another one.
    """
    check_detector_text(text)
    name, _, path = text.partition(":")
    return _KINDS[name](path) if path else _KINDS[name]()


def check_detector_text(text):
    """Refuse a text that `parse_detector` does not take; no file is opened."""
    name, colon, path = text.partition(":") if isinstance(text, str) else (text, "", "")
    alone = name == "cascade"
    if name not in _KINDS or bool(colon) is alone or bool(path) is alone:
        raise ParameterError(
            f"detector: expected 'cascade', 'yunet:FILE' or 'mediapipe:FILE', got {text!r:.200}"
            f"{did_you_mean(name, _KINDS) if name not in _KINDS else ''}"
        )


def detector_text(detector):
    """Give the text that names a detector; the detector itself where none does."""
    for name, kind in _KINDS.items():
        if type(detector) is kind:
            path = getattr(detector, "model_path", None)
            text = name if path is None else f"{name}:{path}"
            return text if detector == parse_detector(text) else detector
    return detector
