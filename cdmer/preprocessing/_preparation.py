"""What happens to a recording before a descriptor sees it, in one description."""

from dataclasses import dataclass, fields

from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer.preprocessing._apex import METHODS
from cdmer.preprocessing._apex_spotter import ApexSpotter
from cdmer.preprocessing._crop_align import CropAlign
from cdmer.preprocessing._magnification import MotionMagnification
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
    detector, size, margin, align
        As `CropAlign` takes them; `size` is height and width in pixels. They count with `crop`
        alone.
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
    """

    extent: str = "expression"
    crop: bool = False
    detector: object = None
    size: int = 112
    margin: float = 0.1
    align: bool = True
    magnify: str | None = None
    n_frames: int | None = None
    spot: str | None = None

    def __post_init__(self):
        check_choice("extent", self.extent, EXTENTS)
        check_flag("crop", self.crop)
        check_number("size", self.size, least=1, whole=True)
        if self.spot is not None:
            check_choice("spot", self.spot, METHODS)
        for step in self.steps():
            step.fit()

    def steps(self):
        """Make the steps from clip to clip.

        Returns
        -------
        list of ClipTransformer
            In their order: crop, apex, magnification, interpolation.
        """
        steps = []
        if self.crop:
            steps.append(CropAlign(self.detector, self.size, self.size, self.margin, self.align))
        if self.spot is not None:
            steps.append(ApexSpotter(self.spot))
        if self.magnify is not None:
            steps.append(MotionMagnification.preset(self.magnify))
        if self.n_frames is not None:
            steps.append(TemporalInterpolation(self.n_frames))
        return steps

    def to_dict(self):
        """The fields as plain data, for JSON and TOML.

        Returns
        -------
        dict of str

        Raises
        ------
        ParameterError
            If the detector is a function, which nobody else can be told by a text.
        """
        if self.detector is not None and not isinstance(self.detector, str):
            raise ParameterError(
                f"detector: expected one that a text names, such as None, got {self.detector!r}"
            )
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, values):
        """Make what `to_dict` has written.

        Parameters
        ----------
        values : dict of str
            Fields that are missing have their defaults.

        Returns
        -------
        Preparation

        Raises
        ------
        ParameterError
            If a field is unknown, or has the wrong type or value.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, dict) or not set(values) <= set(names):
            got = sorted(values) if isinstance(values, dict) else values
            raise ParameterError(f"preparation: expected fields {names}, got {str(got)[:200]}")
        detector = values.get("detector")
        if detector is not None and not isinstance(detector, str):
            raise ParameterError(f"detector: expected a text or None, got {str(detector)[:200]}")
        return cls(**values)
