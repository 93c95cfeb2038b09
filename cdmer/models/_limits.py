"""What a model has learnt of its training clips, to know what is no such clip."""

from dataclasses import dataclass

import numpy as np

from cdmer._parameters import ParameterError, check_number
from cdmer.models._measures import MEASURES, known_rate

# Pixels of 112. More than 95 % of stills with noise, compression and drift lie below the second, as
# many expressions of 0.3 of their usual strength above: see benchmarks/answers.py. Stills of good
# cameras lie below the first.
_LEAST, _STILL = 0.15, 0.21
# A face that moves by up to a tenth of the frame keeps more in common with itself.
_ALIKE = 0.55
# Successive frames of heads that move as real ones do have 0.93 and more in common, cuts from one
# drawn face to another 0.82 at most.
_CONTINUOUS = 0.87
_DETAIL = 0.3
# How much longer than the longest clip of the training, and how much shorter than the shortest.
_LONGER, _SHORTER = 4, 4
# No expression takes longer (P. Ekman, "Emotions revealed", 2003): seconds, and frames of a camera
# whose rate is unknown.
_LONGEST, _MOST_FRAMES = 4.0, 100
_BOUND = 1e9


@dataclass(frozen=True)
class ClipLimits:
    """Limits of the clips that a model can say something about.

    `ClipLimits.from_rows` learns them from training clips, `reason` judges another clip by them.

    Parameters
    ----------
    fewest_frames, most_frames : int
        Numbers of frames. They count where seconds are unknown, here or of the clip;
        `fewest_frames` is 2 at least.
    shortest_seconds, longest_seconds : float or None
        None where rates of training clips are unknown.
    movement : float
        Clips that move less show no movement; pixels of 112, as all below see `ClipMeasures`.
    likeness : float
        Frames that are less like the onset show no face, or another one.
    continuity : float
        Successive frames that are less alike are of two shots.
    detail : float
        Frames with less are empty.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if a limit has the wrong type or is out of range.
    """

    fewest_frames: int
    most_frames: int
    shortest_seconds: float | None
    longest_seconds: float | None
    movement: float
    likeness: float
    continuity: float
    detail: float

    def __post_init__(self):
        check_number("fewest_frames", self.fewest_frames, least=2, most=_BOUND, whole=True)
        check_number(
            "most_frames", self.most_frames, least=self.fewest_frames, most=_BOUND, whole=True
        )
        if (self.shortest_seconds is None) != (self.longest_seconds is None):
            raise ParameterError("shortest_seconds, longest_seconds: expected both or none")
        if self.longest_seconds is not None:
            check_number("shortest_seconds", self.shortest_seconds, least=0, most=_BOUND)
            check_number(
                "longest_seconds", self.longest_seconds, least=self.shortest_seconds, most=_BOUND
            )
        check_number("movement", self.movement, least=0, most=112)
        check_number("likeness", self.likeness, least=-1, most=1)
        check_number("continuity", self.continuity, least=-1, most=1)
        check_number("detail", self.detail, least=0, most=1)

    @classmethod
    def from_rows(cls, rows):
        """Learn limits from training clips.

        Parameters
        ----------
        rows : array-like of shape (n_clips, 6)
            Result of `ClipMeasures`.

        Returns
        -------
        ClipLimits

        Raises
        ------
        ValueError
            If rows have another shape, or hold numbers that `ClipMeasures` does not give.

        Notes
        -----
        A clip may be four times as long as the longest one, and always 4 seconds (100 frames where
        rates are unknown), which no expression exceeds; and a quarter as long as the shortest. The
        other limits are bounds that were measured on stills, cuts and heads that move, lowered
        where a tenth (of correlations a fiftieth) of the training clips come near them, so that
        people who hold their heads less still are answered.
        """
        rows = _checked(rows)
        frames, seconds, movement, likeness, continuity, detail = rows.T
        known = (seconds > 0).all()
        return cls(
            fewest_frames=max(2, int(frames.min()) // _SHORTER),
            most_frames=max(_LONGER * int(frames.max()), _MOST_FRAMES),
            shortest_seconds=float(seconds.min() / _SHORTER) if known else None,
            longest_seconds=max(_LONGER * float(seconds.max()), _LONGEST) if known else None,
            movement=float(np.clip(0.5 * np.quantile(movement, 0.1), _LEAST, _STILL)),
            likeness=min(_ALIKE, 0.8 * float(np.quantile(likeness, 0.02))),
            continuity=min(_CONTINUOUS, 0.9 * float(np.quantile(continuity, 0.02))),
            detail=min(_DETAIL, 0.5 * float(np.quantile(detail, 0.02))),
        )

    def reason(self, row):
        """Why nothing can be said about a clip.

        Parameters
        ----------
        row : array-like of shape (6,)
            Row of `ClipMeasures` for the clip.

        Returns
        -------
        (str, str) or None
            One of "too short", "too long", "face lost", "several shots" and "no movement", the
            first that holds; and a sentence that says what was measured. None where all is well.

        Raises
        ------
        ValueError
            As `from_rows`.
        """
        [row] = _checked(np.asarray(row, dtype=np.float64)[None])
        n, seconds, movement, likeness, continuity, detail = row
        found = self.reason_of_length(int(n), n / seconds if seconds else None)
        if found is not None:
            return found
        if detail < self.detail:
            return "face lost", "a frame is black or empty: there is no face in it"
        if continuity < self.continuity:
            return "several shots", (
                f"the picture changes at once: successive frames have a correlation of "
                f"{continuity:.2f}, less than {self.continuity:.2f}"
            )
        if likeness < self.likeness:
            return "face lost", (
                f"a frame shows another picture than the first: the correlation is "
                f"{likeness:.2f}, less than {self.likeness:.2f}"
            )
        if movement < self.movement:
            return "no movement", (
                f"the face moves by {movement:.2f} pixels of 112 where it moves most, which a "
                f"photograph does, too; an expression moves it by {self.movement:.2f} or more"
            )
        return None

    def reason_of_length(self, n_frames, fps=None):
        """Why nothing can be said about a clip, by its length alone.

        Parameters
        ----------
        n_frames : int
        fps : float or None, default=None
            Frames per second.

        Returns
        -------
        (str, str) or None
            As `reason`.
        """
        if n_frames < 2:
            return "too short", "one picture shows no movement; a clip has two frames or more"
        fps = known_rate(fps)
        if fps and self.longest_seconds is not None:
            length, unit = n_frames / fps, "s"
            least, most = self.shortest_seconds, self.longest_seconds
        else:
            length, unit, least, most = n_frames, "frames", self.fewest_frames, self.most_frames
        if length < least:
            return "too short", (
                f"the clip has {length:.3g} {unit}; the model knows clips of {least:.3g} {unit} or "
                "more"
            )
        if length > most:
            return "too long", (
                f"the clip has more than {most:.4g} {unit}, which are more than one expression "
                "takes: cut it to one"
            )
        return None

    def longest(self, fps=None):
        """Number of frames of the longest clip that is not too long.

        Parameters
        ----------
        fps : float or None, default=None
            Frames per second of the clip.

        Returns
        -------
        int
        """
        fps = known_rate(fps)
        if fps and self.longest_seconds is not None:
            return int(self.longest_seconds * fps)
        return self.most_frames


def _checked(rows):
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(MEASURES) or not len(rows):
        raise ValueError(f"rows: expected shape (n_clips, {len(MEASURES)}), got {rows.shape}")
    if not np.isfinite(rows).all() or rows[:, 0].min() < 1 or rows[:, [1, 2, 5]].min() < 0:
        raise ValueError("rows: expected what ClipMeasures gives, got other numbers")
    return rows
