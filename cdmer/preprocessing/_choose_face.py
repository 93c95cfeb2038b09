"""Which of several faces in a frame is that of the clip."""

import math
import re

import numpy as np

from cdmer._parameters import ParameterError, is_finite

_RULES = ("largest", "central")
_EXPECTED = "'largest', 'central', the number of a face from the left, or a pixel"
# Others with a smaller share of the chosen one's area times score are not told: people far behind,
# and what a detector takes for faces.
_RIVAL = 0.25


class SeveralFacesWarning(UserWarning):
    """Several faces are in a frame, and a rule chose one of them.

    Parameters
    ----------
    message : str
        Names the clip, the number of faces and the pixel in the middle of the chosen one.
    """

    def __init__(self, message):
        super().__init__(message)


def parse_face(text):
    """Read which of several faces is meant.

    Parameters
    ----------
    text : str
        ``"largest"``, ``"central"``, a number such as ``"2"``, or a pixel such as ``"120,80"``.

    Returns
    -------
    str, int or tuple of (float, float)
        What `CropAlign` takes as `face`.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if it is none of these.

    Examples
    --------
    >>> from cdmer.preprocessing import parse_face
    >>> parse_face("central"), parse_face("2"), parse_face("120,80")
    ('central', 2, (120.0, 80.0))
    """
    if text in _RULES:
        return text
    if isinstance(text, str) and len(text) < 40 and text.isascii():
        if re.fullmatch(r"\d{1,6}", text):
            return int(text)
        pixel = re.fullmatch(r" *(\d+(?:\.\d*)?) *, *(\d+(?:\.\d*)?) *", text)
        if pixel:
            return float(pixel[1]), float(pixel[2])
    raise ParameterError(f"face: expected {_EXPECTED} X,Y, got {text!r:.60}")


def check_face(face):
    """Check the parameter `face` of `CropAlign`.

    Raises
    ------
    ParameterError
        If it has the wrong type or value.
    """
    pixel = isinstance(face, list | tuple) and len(face) == 2
    if isinstance(face, str):
        good = face in _RULES
    elif pixel:
        good = all(_is_number(c, (int, float, np.integer, np.floating)) for c in face)
    else:
        good = _is_number(face, (int, np.integer))
    if not good:
        raise ParameterError(f"face: expected {_EXPECTED} (x, y), got {face!r:.60}")


def choose_face(faces, face, shape):
    """Choose the face of a clip.

    Parameters
    ----------
    faces : list of Face
        Finite boxes.
    face : str, int or (float, float)
        See `CropAlign`.
    shape : (int, int)
        Height and width of the frame.

    Returns
    -------
    Face or None
        None if there are fewer than are asked for.
    """
    if not faces:
        return None
    if isinstance(face, str) and face == "largest":
        return max(faces, key=_weight)
    if isinstance(face, str):
        return min(faces, key=lambda one: abs(_middle(one) - complex(*shape[::-1]) / 2))
    if isinstance(face, list | tuple):
        # A pixel is 1 wide; boxes count from its upper left corner.
        place = complex(*map(float, face)) + (0.5 + 0.5j)
        return min(faces, key=lambda one: (_outside(one, place), abs(_middle(one) - place)))
    in_order = sorted(faces, key=lambda one: _middle(one).real)
    return in_order[face] if face < len(faces) else None


def note_of_several(chosen, faces, face, name):
    """Say that a rule had to choose between faces.

    Returns
    -------
    str or None
        None if there was no choice, or the caller named the face.
    """
    least = [_RIVAL * part for part in _weight(chosen)]
    rivals = sum(all(w >= m for w, m in zip(_weight(one), least, strict=True)) for one in faces)
    if rivals < 2 or not isinstance(face, str):
        return None
    middle = _middle(chosen) - (0.5 + 0.5j)
    return (
        f"{name}: {rivals} faces; taken: the {face} one, around pixel {middle.real:.0f},"
        f"{middle.imag:.0f} (the parameter face, and --face, choose another)"
    )


def _weight(face):
    """Area times score, and the area, for faces whose score is 0 or below."""
    area = (face.bottom - face.top) * (face.right - face.left)
    return area * max(0.0, face.score), area


def _middle(face):
    return complex(face.left + face.right, face.top + face.bottom) / 2


def _outside(face, place):
    """Distance from a place to a box, 0 inside."""
    x = max(face.left - place.real, 0.0, place.real - face.right)
    y = max(face.top - place.imag, 0.0, place.imag - face.bottom)
    return math.hypot(x, y)


def _is_number(value, kinds):
    return (
        isinstance(value, kinds)
        and not isinstance(value, bool | np.bool_)
        and is_finite(value)
        and value >= 0
    )
