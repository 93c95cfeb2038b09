"""Recording set-ups: what a camera and its surroundings do to the picture of a face."""

from dataclasses import dataclass
from numbers import Integral, Real


def _check(name, value, holds, expected):
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: expected {expected}, got {value!r}")
    if not holds(value):
        raise ValueError(f"{name}: expected {expected}, got {value!r}")


def check_count(name, value, least, most):
    """Refuse what is no integer, below the least or above the most."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected an integer >= {least}, got {value!r}")
    if value > most:
        raise ValueError(f"{name}: expected an integer <= {most}, got {value!r}")


@dataclass(frozen=True)
class RecordingSetup:
    """Recording set-up: a camera, the light, and who is in front of it.

    Parameters
    ----------
    fps : float
        Frames per second.
    resolution : int
        Pixels across the face on the sensor; frames are resized to the corpus' size.
    blur : float
        Spread of the lens' blur, sensor pixels.
    noise : float
        Spread of the sensor's noise per frame, as a fraction of full scale.
    gamma : float
        Grey level = light ** (1 / gamma).
    contrast : float
        Factor on the light before that.
    light : tuple of 3 floats
        Direction towards the light: right, down, towards the camera.
    ambient : float
        Share of the light that comes from everywhere, 0 to 1.
    background : float
        Brightness behind the head, 0 to 1.
    near_infrared : bool
        Whether it is recorded in near infrared: even bright skin, pale irises, shining pupils.
    balance : tuple of 3 floats
        Shares of the classes negative, positive, surprise.
    amplitude : float
        Factor on the displacements of action units; 1 moves the skin by about two pixels of 112.
    head_motion : float
        How much heads move. Up to 1, a factor on drift and tremor: for 1, faces move by 0.35 pixels
        of 112 within 0.4 s (median; one in ten by 0.64). Beyond 1, they nod and turn as well: by
        1.4 (3.7) pixels for 2, by 3.7 (11) for 4, as people do who talk or smile.
    blink_rate : float
        Blinks per second.
    """

    fps: float
    resolution: int = 112
    blur: float = 0.5
    noise: float = 0.01
    gamma: float = 2.0
    contrast: float = 1.0
    light: tuple = (-0.4, -0.5, 0.8)
    ambient: float = 0.35
    background: float = 0.4
    near_infrared: bool = False
    balance: tuple = (1 / 3, 1 / 3, 1 / 3)
    amplitude: float = 1.0
    head_motion: float = 1.0
    blink_rate: float = 0.2

    def __post_init__(self):
        for name in ("fps", "gamma", "contrast"):
            _check(name, getattr(self, name), lambda v: v > 0, "a number > 0")
        for name in ("blur", "noise", "background", "amplitude", "head_motion", "blink_rate"):
            _check(name, getattr(self, name), lambda v: v >= 0, "a number >= 0")
        _check("ambient", self.ambient, lambda v: 0 <= v <= 1, "a number between 0 and 1")
        check_count("resolution", self.resolution, 16, 4096)
        for name in ("light", "balance"):
            value = getattr(self, name)
            if not isinstance(value, tuple | list) or len(value) != 3:
                raise ValueError(f"{name}: expected three numbers, got {value!r}")
        if min(self.balance) <= 0:
            raise ValueError(f"balance: expected three shares > 0, got {self.balance!r}")


PRESETS = {
    "lab-200fps": RecordingSetup(
        fps=200,
        resolution=168,
        blur=0.6,
        noise=0.0015,
        gamma=2.2,
        light=(-0.15, -0.5, 1.0),
        ambient=0.5,
        background=0.55,
        balance=(0.5, 0.25, 0.25),
        head_motion=0.5,
    ),
    "lab-100fps": RecordingSetup(
        fps=100,
        resolution=140,
        blur=0.6,
        noise=0.003,
        gamma=2.0,
        light=(0.45, -0.45, 0.8),
        ambient=0.4,
        background=0.3,
        balance=(0.43, 0.31, 0.26),
        head_motion=0.6,
    ),
    "webcam-25fps": RecordingSetup(
        fps=25,
        resolution=84,
        blur=0.7,
        noise=0.012,
        gamma=1.7,
        light=(-0.7, -0.35, 0.7),
        ambient=0.35,
        background=0.2,
        balance=(0.3, 0.4, 0.3),
        amplitude=1.3,
    ),
    "nir-25fps": RecordingSetup(
        fps=25,
        resolution=96,
        blur=0.8,
        noise=0.008,
        gamma=1.8,
        light=(0.0, -0.05, 1.0),
        ambient=0.3,
        background=0.08,
        near_infrared=True,
        balance=(0.33, 0.39, 0.28),
        amplitude=1.1,
        head_motion=0.8,
    ),
}
