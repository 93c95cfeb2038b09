"""Faces that are drawn or photographed, and warped as their action units ask for."""

from dataclasses import asdict

import numpy as np

from cdmer._cv2 import one_cv2_thread
from cdmer._faces.face import EXTENT, axes, draw_face
from cdmer._faces.identity import HAIR_STYLES, Identity
from cdmer._faces.motion import draw_head
from cdmer._faces.render import OVERSAMPLING, Compositor, Mover, Sensor, output_axes
from cdmer._faces.setups import PRESETS, RecordingSetup
from cdmer._fingerprint import fingerprint
from cdmer._parameters import ParameterError, check_number
from cdmer.synthesis._deformation import backward, by_side, openings, velocity
from cdmer.synthesis._expression import Renderer
from cdmer.synthesis._furrows import shading
from cdmer.synthesis._portrait import NeutralFace, cut_out, place
from cdmer.synthesis._shape import FaceShape
from cdmer.synthesis._slits import move_lids, part_lips

# Light on photographed faces, as most rooms have it; where it really came from is not known.
_ROOM = {"light": (0.0, -0.6, 0.8), "ambient": 0.4}


class WarpRenderer(Renderer):
    """Render expressions by warping neutral faces.

    Each of 17 action units is a smooth velocity of the skin around the muscles' places, which is
    followed for one unit of time: a map that can be inverted, however strong and however many the
    action units are. Lids move over the eyes, lips part, and the furrows and bulges
    that action units make darken and lighten the skin.

    Parameters
    ----------
    faces : sequence of NeutralFace or ndarray of uint8, default=None
        Photographed faces, one for each identity; arrays are pictures of shape (H, W) or (H, W, 3)
        without landmarks. By default, faces are drawn, every identity anew and without end.
    size : int, default=128
        Width and height of the frames, pixels; at least 32.
    setup : str or RecordingSetup, default="lab-200fps"
        The camera: a name in `cdmer.corpora.PRESETS`, or a set-up of your own. Its light and
        background are those of drawn faces; photographs keep their own, and their gamma; its
        `amplitude` is a factor on intensities; its head motion, blinks and class shares are not
        used.
    detector : callable, default=None
        Finds faces without landmarks: takes a picture and gives a list of
        `cdmer.preprocessing.Face`. By default ``CascadeDetector()``, shown the picture with a
        margin around it, so that a face may fill the picture.
    head_motion : float, default=0.0
        How much heads move, see `cdmer.corpora.RecordingSetup`; 1 is what `make_synthetic_corpus`
        shows, 2 to 4 what people do who talk or smile. By default, heads are still and in their
        place.
    random_state : int, default=0
        Seed of the drawn identities; always an int, so that each is the same in every process.

    Attributes
    ----------
    n_identities : int or None
        How many faces were given; None where they are drawn.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a parameter has the wrong type or value, or two faces are
        in one picture.
    FaceNotFoundError
        A ValueError: if no face is found in a picture.

    See Also
    --------
    cdmer.corpora.make_synthetic_corpus : Whole corpora of drawn faces.

    Notes
    -----
    At intensity 1 an action unit moves the skin by about 9 pixels of 112, at 0.2 by those 2 that
    micro-expressions show. Frames of more than two are ``1 / setup.fps`` seconds apart; the two of
    a pair are 0.1 to 0.25 seconds apart. Both matter for the motion of the head only.

    Frames follow from the parameters, the number of the identity and the random numbers alone.
    Drawing a face takes longer than moving it, and the last one is kept: ask for all that one
    identity shows, then for the next.

    From 68 landmarks, every part of the face is measured. Without, places follow from the eyes, or
    from the box of a face, and those of the mean face; the line between the lips is then looked
    for in the picture.

    Examples
    --------
    >>> import numpy as np
    >>> from cdmer.synthesis import Expression, WarpRenderer
    >>> renderer = WarpRenderer(size=64)
    >>> smile = Expression("positive", [("6", 0.2), ("12", 0.3)])
    >>> onset, apex = renderer.render(0, smile, (0, 1), np.random.default_rng(0))
    >>> onset.shape, apex.dtype
    ((64, 64), dtype('uint8'))
    """

    def __init__(
        self,
        faces=None,
        size=128,
        setup="lab-200fps",
        detector=None,
        head_motion=0.0,
        random_state=0,
    ):
        check_number("size", size, least=32, whole=True)
        check_number("head_motion", head_motion, least=0)
        check_number("random_state", random_state, least=0, whole=True)
        if detector is not None and not callable(detector):
            raise ParameterError(
                f"detector: expected a callable that takes a picture, or None, got {detector!r}"
            )
        self.size = int(size)
        self.setup = _checked_setup(setup)
        self.head_motion = float(head_motion)
        self.random_state = int(random_state)
        self._side = round(self.size * OVERSAMPLING * EXTENT)
        self._portraits = None if faces is None else self._find(faces, detector)
        self.n_identities = None if faces is None else len(self._portraits)
        self._last = None, None

    def _find(self, faces, detector):
        """Grey levels and shape of each face, in its place."""
        faces = list(faces)
        if not faces:
            raise ParameterError("faces: expected at least one, got none")
        with one_cv2_thread():
            return [self._portrait(f"faces[{i}]", f, detector) for i, f in enumerate(faces)]

    def _portrait(self, name, face, detector):
        try:
            face = face if isinstance(face, NeutralFace) else NeutralFace(face)
        except ParameterError as error:
            raise ParameterError(f"{name}: {error}") from None
        scale, origin, shape = place(face, face.name or name, detector)
        picture = cut_out(face.image, scale, origin, self._side)
        shape = FaceShape().fitted(picture) if shape is None else shape
        return np.rint(255 * picture).astype(np.uint8), shape

    def render(self, identity, expression, course, rng):
        """Render frames of an expression that comes and goes.

        Parameters
        ----------
        identity : int
            Who shows it, from 0.
        expression : Expression
        course : sequence of float
            Share of the apex' displacement in each frame, 0 to 1; ``(0, 1)`` gives onset and apex.
        rng : numpy.random.Generator
            For the noise of the sensor and the motion of the head.

        Returns
        -------
        ndarray of uint8, shape (n_frames, size, size)

        Raises
        ------
        ParameterError
            If there is no such identity, or the course leaves 0 to 1.
        """
        course = checked_course(course)
        with one_cv2_thread():
            face = self._face(identity)
            expose = Sensor(self.setup, self.size, rng)
            heads = self._heads(len(course), rng)
            sides = by_side(expression.action_units)
            frames = np.empty((len(course), self.size, self.size), dtype=np.uint8)
            shown = None
            for t, (strength, head) in enumerate(zip(course, heads, strict=True)):
                if strength != shown:
                    picture, look_up = self._expressed(face, sides, strength)
                    shown = strength
                light = look_up(picture, 1.0, head)
                if face.glass is not None:  # glasses follow the head, not the brows
                    light *= look_up(face.glass, 0.0, head)
                frames[t] = expose(light)
        return frames

    def _expressed(self, face, sides, strength):
        """The face before its skin moves, and how it moves."""
        sides = {
            action_unit: (strength * left, strength * right)
            for action_unit, (left, right) in sides.items()
        }
        x, y = axes(self._side)
        amplitude = self.setup.amplitude
        raised, lifted, closed, gap = openings(sides, x, amplitude)
        picture = face.eyes(raised, lifted, closed)
        if gap.any():
            part_lips(picture, face.shape, gap)
        picture *= np.exp(shading(face.shape, sides, x, y, **face.lit, amplitude=amplitude))
        n = output_axes(self.size)[0].size
        way = backward(velocity(face.shape, sides, amplitude), n)
        return picture, Mover(-way, self._side)

    def _face(self, identity):
        most = None if self.n_identities is None else self.n_identities - 1
        check_number("identity", identity, least=0, most=most, whole=True)
        number, face = self._last
        if number != identity:
            face = self._drawn(identity) if self._portraits is None else self._taken(identity)
            self._last = identity, face
        return face

    def _drawn(self, identity):
        rng = np.random.default_rng([self.random_state, identity])
        who = Identity.draw(rng, str(rng.choice(HAIR_STYLES)), 0.2 + 0.5 * rng.random())
        return _DrawnFace(who, self.setup, self._side)

    def _taken(self, identity):
        grey, shape = self._portraits[identity]
        return _TakenFace((grey / np.float32(255)) ** np.float32(self.setup.gamma), shape)

    def _heads(self, n_frames, rng):
        if n_frames == 2:
            seconds = np.array([0.0, rng.uniform(0.1, 0.25)])
        else:
            seconds = np.arange(n_frames) / self.setup.fps
        return draw_head(seconds, rng, self.head_motion)

    def describe(self):
        """Describe all that frames depend on except random numbers, as a dict for JSON."""
        faces = None
        if self._portraits is not None:
            faces = [fingerprint(grey, shape) for grey, shape in self._portraits]
        return {
            "renderer": "warp",
            "size": self.size,
            "setup": {
                k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self.setup).items()
            },
            "head_motion": self.head_motion,
            "random_state": self.random_state,
            "faces": faces,
        }

    def __getstate__(self):
        return self.__dict__ | {"_last": (None, None)}


class _DrawnFace:
    """A drawn identity under the set-up's light."""

    def __init__(self, who, setup, n):
        face = draw_face(who, n, setup.light, setup.ambient, setup.near_infrared, setup.background)
        self.shape, self.glass = who, face.glass
        self.lit = {"light": setup.light, "ambient": setup.ambient}
        self.eyes = Compositor(who, face, n).eyes


class _TakenFace:
    """A photographed face; light is linear."""

    glass = None
    lit = _ROOM

    def __init__(self, light, shape):
        self.light, self.shape = light, shape

    def eyes(self, raised, lifted, closed):
        """Linear light with the lids moved."""
        light = self.light.copy()
        if raised.any() or lifted.any() or closed.any():
            move_lids(light, self.shape, raised, lifted, closed)
        return light


def _checked_setup(setup):
    if isinstance(setup, RecordingSetup):
        return setup
    if not isinstance(setup, str) or setup not in PRESETS:
        raise ParameterError(
            f"setup: expected a RecordingSetup or one of {sorted(PRESETS)}, got {setup!r}"
        )
    return PRESETS[setup]


def checked_course(course):
    """Shares of the apex, a list of float, or a ParameterError."""
    values = np.asarray(course, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise ParameterError(f"course: expected a share for each frame, got shape {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ParameterError(f"course: expected shares from 0 to 1, got {course!r}")
    return values.tolist()
