"""What happens to a recording before a descriptor sees it, in one description."""

from dataclasses import dataclass, fields

from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer._steps import any_part
from cdmer._text import unknown, without_folders
from cdmer.preprocessing._apex import METHODS
from cdmer.preprocessing._apex_spotter import ApexSpotter
from cdmer.preprocessing._choose_face import check_face
from cdmer.preprocessing._crop_align import CropAlign
from cdmer.preprocessing._detector_texts import (
    check_detector_text,
    describe_detector,
    has_path,
    parse_detector,
)
from cdmer.preprocessing._magnification import PRESETS, MotionMagnification
from cdmer.preprocessing._register import MOTIONS, Register
from cdmer.preprocessing._resampling import TemporalInterpolation

EXTENTS = ("expression", "folder")
_MOST_PIXELS, _MOST_FRAMES, _MOST_MARGIN = 4096, 10_000, 10


@dataclass(frozen=True)
class Preparation:
    """What happens to a recording before a descriptor sees it.

    One description serves a table of features, a model and its predictions: what `steps` gives is
    the beginning of a pipeline, and what the command line, files of benchmarks and the record of a
    model hold are the same fields. As text it says in a line what is done.

    Parameters
    ----------
    extent : {"expression", "folder"}, default="expression"
        How much of a recording is a clip: the frames from onset to offset, or all that its folder
        or video holds. Followed where clips are read; see `cdmer.corpora.Corpus.cut`.
    crop : bool, default=False
        Whether to cut out the face, with `CropAlign`.
    detector : str, callable or None, default=None
        What finds the face: a text that `parse_detector` takes, whose file is read by `steps`, or
        what `CropAlign` takes.
    size : int, default=112
        Height and width of the face's picture in pixels, at most 4096.
    margin, align, face
        As `CropAlign` takes them.
    register : {"rigid", "similarity"} or None, default=None
        Motion of the head to undo, with `Register`. Published protocols have none.
    magnify : str or None, default=None
        Preset of `MotionMagnification`.
    n_frames : int or None, default=None
        Number of frames to interpolate each clip to, with `TemporalInterpolation`.
    spot : {"frame-difference", "flow", "lbp"} or None, default=None
        Method of `ApexSpotter` for clips without an annotated apex.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a field has the wrong type or value.

    Examples
    --------
    >>> from cdmer.preprocessing import Preparation
    >>> Preparation(crop=True, spot="flow").steps()
    [CropAlign(), ApexSpotter(method='flow')]

    What suits recordings of one's own, with heads that move and nobody to annotate an apex:

    >>> from cdmer.features import BiWOOF
    >>> Preparation.suited(BiWOOF(), crop=True).steps()
    [CropAlign(), Register(), ApexSpotter(method='flow')]
    """

    extent: str = "expression"
    crop: bool = False
    detector: object = None
    size: int = 112
    margin: float = 0.1
    align: bool = True
    face: str | int | tuple[float, float] = "largest"
    register: str | None = None
    magnify: str | None = None
    n_frames: int | None = None
    spot: str | None = None

    def __post_init__(self):
        check_choice("extent", self.extent, EXTENTS)
        check_flag("crop", self.crop)
        check_number("size", self.size, least=1, most=_MOST_PIXELS, whole=True)
        check_number("margin", self.margin, least=0, most=_MOST_MARGIN)
        check_flag("align", self.align)
        check_face(self.face)
        check_choice("register", self.register, (None, *MOTIONS))
        if self.spot is not None:
            check_choice("spot", self.spot, METHODS)
        if self.magnify is not None:
            check_choice("magnify", self.magnify, PRESETS)
        if self.n_frames is not None:
            check_number("n_frames", self.n_frames, least=2, most=_MOST_FRAMES, whole=True)
        if isinstance(self.detector, str):
            check_detector_text(self.detector)
        elif self.detector is not None and not callable(self.detector):
            raise ParameterError(
                f"detector: expected a text, a callable or None, got {self.detector!r}"
            )
        # A text is not followed: descriptions come from other machines too, and open no file.
        for step in self._steps(None if isinstance(self.detector, str) else self.detector):
            step.fit()

    @classmethod
    def suited(cls, descriptor, **fields):
        """Prepare recordings of one's own as suits a descriptor.

        Parameters
        ----------
        descriptor : transformer
            A descriptor of `cdmer.features`, or a pipeline with one. Where it measures optical flow
            (`measures_flow`), the motion of the head is undone, ``register="rigid"``; where it
            looks at the apex (`needs_apex`), clips get one, ``spot="flow"``.
        **fields
            Fields of the preparation. Those that are given are taken as they are.

        Returns
        -------
        Preparation

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if a field has the wrong type or value.

        Notes
        -----
        Published protocols neither register nor spot: they are ``Preparation()``.
        """
        suited = {}
        if any_part(descriptor, "measures_flow"):
            suited["register"] = "rigid"
        if any_part(descriptor, "needs_apex"):
            suited["spot"] = "flow"
        return cls(**(suited | fields))

    @classmethod
    def from_dict(cls, given, *, allow_paths=True):
        """Make a preparation of plain data, as JSON and TOML hold it.

        Parameters
        ----------
        given : dict
            Fields by name; those that are missing have their defaults.
        allow_paths : bool, default=True
            Whether a detector may be given by the path of its network, which `steps` and `to_dict`
            read. What `to_dict` gives holds none; who reads what others wrote takes False.

        Returns
        -------
        Preparation

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if it is no dict, or a field is unknown, or has the wrong
            type or value. The message names the field, and the nearest one that is known.

        Examples
        --------
        >>> from cdmer.preprocessing import Preparation
        >>> Preparation.from_dict({"crop": True, "spot": "flow"}).size
        112
        """
        if not isinstance(given, dict):
            raise ParameterError(f"preparation: expected a table of fields, got {given!r:.60}")
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise ParameterError(unknown("field of a preparation", str(name), known))
        detector = given.get("detector")
        if not isinstance(detector, str | None):
            raise ParameterError(
                f"detector: expected a text such as 'cascade', got {detector!r:.60}"
            )
        if detector is not None and not allow_paths and has_path(detector):
            raise ParameterError(
                f"detector: expected name and digest of a network, got the path in {detector!r:.60}"
            )
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})

    def to_dict(self):
        """Give the fields as plain data, as JSON and TOML hold it.

        Returns
        -------
        dict
            Fields by name, without those that are None; what `from_dict` takes. A detector is the
            text that `describe_detector` gives, which names a network by its digest and tells no
            folder.

        Raises
        ------
        ParameterError
            A ValueError and a TypeError: if the detector is one that no text names.
        OSError, ValueError
            If the file of a detector is missing or another one.

        Examples
        --------
        >>> from cdmer.preprocessing import Preparation
        >>> Preparation(crop=True, spot="flow").to_dict()["spot"]
        'flow'
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.detector is not None:
            given["detector"] = describe_detector(self._detector())
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value is not None
        }

    def __str__(self):
        said = ["whole recordings"] if self.extent == "folder" else []
        if self.crop:
            found = "cascade" if self.detector is None else without_folders(str(self.detector))
            face = "" if self.face == "largest" else f"face {self.face}, "
            margin = "" if self.margin == 0.1 else f", margin {self.margin:g}"
            by_box = "" if self.align else ", by its box"
            size = f"{self.size} x {self.size} pixels"
            said.append(f"face cut out ({found}, {face}{size}{margin}{by_box})")
        if self.register is not None:
            said.append(f"head motion undone ({self.register})")
        if self.spot is not None:
            said.append(f"apex by {self.spot} where none is annotated")
        if self.magnify is not None:
            said.append(f"motion magnified ({self.magnify})")
        if self.n_frames is not None:
            said.append(f"interpolated to {self.n_frames} frames")
        return "; ".join(said) or "frames as they are"

    def steps(self):
        """Make the steps from clip to clip.

        Returns
        -------
        list of ClipTransformer
            In their order: crop, registration, apex, magnification, interpolation.

        Raises
        ------
        OSError, ValueError
            If the file of a detector is missing or another one.
        """
        return self._steps(self._detector())

    def _detector(self):
        return parse_detector(self.detector) if isinstance(self.detector, str) else self.detector

    def _steps(self, detector):
        steps = []
        if self.crop:
            size = self.size, self.size
            steps.append(CropAlign(detector, *size, self.margin, self.align, self.face))
        if self.register is not None:
            steps.append(Register(self.register))
        if self.spot is not None:
            steps.append(ApexSpotter(self.spot))
        if self.magnify is not None:
            steps.append(MotionMagnification.preset(self.magnify))
        if self.n_frames is not None:
            steps.append(TemporalInterpolation(self.n_frames))
        return steps
