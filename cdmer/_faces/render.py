"""One clip, frame by frame: a face that moves, seen by a camera."""

from dataclasses import dataclass, fields

import numpy as np

from cdmer._cv2 import import_cv2
from cdmer._faces.face import EXTENT, axes, draw_face, lids, mouth_line, ramp
from cdmer._faces.identity import Identity
from cdmer._faces.motion import LOWER_LID, MOUTH, UPPER_LID, displacement
from cdmer._faces.setups import RecordingSetup
from cdmer._fingerprint import fingerprint

# Faces are drawn with this many pixels per pixel of the clip, along each side.
OVERSAMPLING = 1.5


@dataclass(frozen=True)
class Render:
    """Everything that a clip's frames follow from; calling it makes them.

    Parameters
    ----------
    who : Identity
    setup : RecordingSetup
    size : int
        Width and height of the frames.
    intensities : tuple of (str, float)
        Action units and their strengths at the apex.
    course : tuple of float
        Share of the apex' displacement in each frame, 0 to 1.
    blink : tuple of float
        How far the lids close in each frame, 0 open to 1 closed.
    head : tuple of (float, float, float)
        Shift right, shift down (half picture widths) and turn (radians) in each frame.
    seed : int
        Seed of the sensor's noise.
    """

    who: Identity
    setup: RecordingSetup
    size: int
    intensities: tuple
    course: tuple
    blink: tuple
    head: tuple
    seed: int

    def __call__(self):
        """Render the frames, ndarray of uint8, shape (T, size, size)."""
        setup = self.setup
        n = round(self.size * OVERSAMPLING * EXTENT)
        face = draw_face(
            self.who, n, setup.light, setup.ambient, setup.near_infrared, setup.background
        )
        draw = _Expressed(self.who, face, dict(self.intensities), n)
        look_up = Mover(displacement(self.who, dict(self.intensities), *output_axes(self.size)), n)
        expose = Sensor(setup, self.size, np.random.default_rng(self.seed))
        frames = np.empty((len(self.course), self.size, self.size), dtype=np.uint8)
        for t, (strength, closed, head) in enumerate(
            zip(self.course, self.blink, self.head, strict=True)
        ):
            light = look_up(draw(strength, closed), strength, head)
            if face.glass is not None:  # glasses follow the head, not the brows
                light *= look_up(face.glass, 0.0, head)
            frames[t] = expose(light)
        return frames

    @property
    def n_frames(self):
        """Number of frames, int; known without rendering them."""
        return len(self.course)

    def fingerprint(self):
        """Identify the frames without rendering them.

        Returns
        -------
        str
            A hash of all fields and of the version of cdmer, the same in every process.
        """
        return fingerprint("render", {f.name: getattr(self, f.name) for f in fields(self)})


class _Expressed:
    """A face at any strength of its action units; the last picture is kept."""

    def __init__(self, who, face, intensities, n):
        self.compose = Compositor(who, face, n)
        self.raised = sum(UPPER_LID.get(u, 0) * s for u, s in intensities.items())
        self.lifted = sum(LOWER_LID.get(u, 0) * s for u, s in intensities.items())
        self.opening = sum(MOUTH.get(u, 0) * s for u, s in intensities.items())
        self.still = not (self.raised or self.lifted or self.opening)
        self.last = None, None

    def __call__(self, strength, closed):
        """Linear light with the lids closed by `closed` and the action units at `strength`."""
        key = (0.0 if self.still else strength, closed)
        if key != self.last[0]:
            self.last = key, self._picture(*key)
        return self.last[1]

    def _picture(self, strength, closed):
        picture = self.compose.eyes(self.raised * strength, self.lifted * strength, closed)
        self.compose.open_mouth(picture, self.opening * strength)
        return picture


class Compositor:
    """Puts a face's layers together: lids over eyeballs, the gap between the lips."""

    def __init__(self, who, face, n):
        self.face = face
        x, y = axes(n)
        upper, lower, inside = lids(who, x)
        rows = np.flatnonzero(np.abs(y[:, 0] - who.eye_y) < 0.22)
        self.rows = slice(rows[0], rows[-1] + 1)  # all that the lids touch
        self.y, self.upper, self.lower, self.inside = y[self.rows], upper, lower, inside
        line, profile = mouth_line(who, x)
        rows = np.flatnonzero(np.abs(y[:, 0] - who.mouth_y) < 0.2)
        self.mouth = slice(rows[0], rows[-1] + 1)
        self.line, self.profile, self.mouth_y = line, profile, y[self.mouth]

    def eyes(self, raised, lifted, closed):
        """Linear light; how far the lids are raised and closed are numbers, or differ along x."""
        face, rows = self.face, self.rows
        picture = face.skin.copy()
        upper = self.upper - raised * self.inside**0.7
        lower = self.lower - lifted * self.inside**0.7
        upper = upper + (lower - upper) * closed
        open_ = self.inside > 0
        between = ramp(self.y - upper, 0.012) * ramp(lower - self.y, 0.012) * open_
        eyes = picture[rows]
        eyes += (face.eyeballs[rows] - eyes) * between
        taper = self.inside**0.3 * open_
        eyes *= 1 - 0.85 * np.exp(-0.5 * ((self.y - upper + 0.004) / 0.011) ** 2) * taper
        eyes *= 1 - 0.35 * np.exp(-0.5 * ((self.y - lower - 0.003) / 0.008) ** 2) * taper
        return picture

    def open_mouth(self, picture, gap):
        """Darken the gap between the lips, in place."""
        if gap > 0:
            half = 0.5 * gap * self.profile**0.7
            inner = ramp(half - np.abs(self.mouth_y - self.line - 0.25 * gap), 0.008)
            picture[self.mouth] *= 1 - 0.85 * inner * (self.profile > 0) * min(1, gap / 0.02)


def output_axes(size):
    """Where the pixels of a frame look up the picture that they show; see `Mover`."""
    return axes(round(size * OVERSAMPLING), extent=1.0)


class Mover:
    """Looks up where each point of the moved face came from."""

    def __init__(self, field, n):
        self.scale = n / (2 * EXTENT)
        self.field = field * np.float32(self.scale)
        self.x, self.y = output_axes(round(field.shape[1] / OVERSAMPLING))
        self.cv2 = import_cv2()

    def __call__(self, picture, strength, head):
        """Move skin and head: `head` is (right, down, turn)."""
        right, down, turn = head
        cos, sin, scale = np.float32(np.cos(turn)), np.float32(np.sin(turn)), np.float32(self.scale)
        # The field lives on the face: undo the head's motion first, then that of the skin.
        x, y = (self.x - np.float32(right)) * scale, (self.y - np.float32(down)) * scale
        middle = np.float32(EXTENT * self.scale - 0.5)
        u = cos * x + (sin * y + middle)
        v = (cos * y + middle) - sin * x
        if strength:
            u -= np.float32(strength) * self.field[0]
            v -= np.float32(strength) * self.field[1]
        return self.cv2.remap(
            picture, u, v, self.cv2.INTER_LINEAR, borderMode=self.cv2.BORDER_REPLICATE
        )


class Sensor:
    """Turns light into the grey levels of a frame."""

    def __init__(self, setup, size, rng):
        self.setup, self.size, self.rng, self.cv2 = setup, size, rng, import_cv2()
        # A frame's noise is a window of this field at a random place: drawing normal numbers for
        # every frame would take longer than all the rest.
        side = 2 * setup.resolution
        self.noise = np.float32(setup.noise) * rng.standard_normal((side, side), dtype=np.float32)

    def __call__(self, light):
        """Expose one frame, ndarray of uint8, shape (size, size)."""
        setup, side, cv2 = self.setup, self.setup.resolution, self.cv2
        grey = self._resize(light, side)
        if setup.blur:
            grey = cv2.GaussianBlur(grey, (0, 0), setup.blur)
        grey = cv2.pow(np.clip(setup.contrast * grey, 0, 1), 1 / setup.gamma)
        if setup.noise:
            top, left = self.rng.integers(side, size=2)
            grey += self.noise[top : top + side, left : left + side]
        return np.rint(255 * np.clip(self._resize(grey, self.size), 0, 1)).astype(np.uint8)

    def _resize(self, picture, side):
        if picture.shape[0] == side:
            return picture
        how = self.cv2.INTER_AREA if picture.shape[0] > side else self.cv2.INTER_LINEAR
        return self.cv2.resize(picture, (side, side), interpolation=how)
