"""What happens to a recording before a descriptor sees it, in one description."""

from dataclasses import dataclass

from cdmer._parameters import check_choice, check_flag, check_number
from cdmer._steps import any_part
from cdmer.preprocessing._apex import METHODS
from cdmer.preprocessing._apex_spotter import ApexSpotter
from cdmer.preprocessing._crop_align import CropAlign
from cdmer.preprocessing._magnification import MotionMagnification
from cdmer.preprocessing._register import MOTIONS, Register
from cdmer.preprocessing._resampling import TemporalInterpolation

EXTENTS = ("expression", "folder")


@dataclass(frozen=True)
class Preparation:
    """What happens to a recording before a descriptor sees it.

    One description serves a table of features, a model and its predictions: what `steps` gives is
    the beginning of a pipeline, and what the command line, files of benchmarks and the record of a
    model hold are the same fields.

    Parameters
    ----------
    extent : {"expression", "folder"}, default="expression"
        How much of a recording is a clip: the frames from onset to offset, or all that its folder
        or video holds. Followed where clips are read; see `cdmer.corpora.Corpus.cut`.
    crop : bool, default=False
        Whether to cut out the face, with `CropAlign`.
    detector, size, margin, align, face
        As `CropAlign` takes them; `size` is height and width in pixels. They count with `crop`
        alone.
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
        check_number("size", self.size, least=1, whole=True)
        check_choice("register", self.register, (None, *MOTIONS))
        if self.spot is not None:
            check_choice("spot", self.spot, METHODS)
        for step in self.steps():
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

    def steps(self):
        """Make the steps from clip to clip.

        Returns
        -------
        list of ClipTransformer
            In their order: crop, registration, apex, magnification, interpolation.
        """
        steps = []
        if self.crop:
            steps.append(
                CropAlign(self.detector, self.size, self.size, self.margin, self.align, self.face)
            )
        if self.register is not None:
            steps.append(Register(self.register))
        if self.spot is not None:
            steps.append(ApexSpotter(self.spot))
        if self.magnify is not None:
            steps.append(MotionMagnification.preset(self.magnify))
        if self.n_frames is not None:
            steps.append(TemporalInterpolation(self.n_frames))
        return steps
