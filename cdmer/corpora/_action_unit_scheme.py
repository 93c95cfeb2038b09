"""Label schemes of several action units per clip."""

import re
from dataclasses import dataclass

import numpy as np

from cdmer._action_units import annotated_action_units, parse_action_unit
from cdmer._parameters import ParameterError, check_choice

DOUBTFUL = ("refuse", "any", "drop")


@dataclass(frozen=True)
class ActionUnitScheme:
    """Multi-label scheme: which of some action units a clip shows.

    Parameters
    ----------
    name : str
        Name of the scheme.
    classes : sequence of str
        The action units, ``"AU1"`` and so on.
    description : str, default=""
        What the scheme is, in a sentence.
    source : str, default=""
        Where the scheme was published.
    doubtful : {"refuse", "any", "drop"}, default="refuse"
        What becomes of annotations that leave open which action unit is shown, or whether it is,
        such as ``"12 or 15"``, ``"4?"`` and ``"4(k)"``. "refuse": they are an error; "any": each
        action unit that they name counts as shown; "drop": none does. ``"R12 or L12"`` is 12 and
        not doubtful.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if the classes are not names such as ``"AU12"`` that differ,
        or `doubtful` is none of the three.
    """

    name: str
    classes: tuple[str, ...]
    description: str = ""
    source: str = ""
    doubtful: str = "refuse"

    def __post_init__(self):
        check_choice("doubtful", self.doubtful, DOUBTFUL)
        classes = self.classes
        good = isinstance(classes, list | tuple) and len(set(classes)) == len(classes) > 0
        if not good or not all(re.fullmatch(r"AU[1-9]\d?", str(name)) for name in classes):
            raise ParameterError(
                f"classes: expected names such as 'AU12', each once, got {classes!r}"
            )
        object.__setattr__(self, "classes", tuple(classes))

    def indicator(self, clips):
        """Indicator matrix of the action units that clips show, on either side and of any strength.

        Action descriptors (``"AD38"``), movements (``"M58"``) and words (``"soft focus"``) are no
        action units.

        Parameters
        ----------
        clips : sequence of Clip
            Clips with annotated action units.

        Returns
        -------
        ndarray of int, shape (n_clips, n_action_units)
            1 where a clip shows the action unit, else 0; scikit-learn's multi-label targets.

        Raises
        ------
        ValueError
            If clips have no action units, or unreadable ones, or doubtful ones that are refused.
            The message names all these clips and what is annotated.

        Examples
        --------
        >>> from cdmer.corpora import get_scheme, make_synthetic_corpus
        >>> scheme = get_scheme("action-units")
        >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
        >>> scheme.indicator(corpus).shape
        (3, 12)
        """
        found = [self._read(clip) for clip in clips]
        refused = [
            f"clip {clip.key!r}: got {problem}"
            for clip, (_, problem) in zip(clips, found, strict=True)
            if problem
        ]
        if refused:
            raise ValueError(
                f"action units of {'; of '.join(refused)}; expected single action units such as "
                "'R12B', or doubtful='any' or 'drop' for alternatives such as '12 or 15'"
            )
        action_units = [int(name.removeprefix("AU")) for name in self.classes]
        rows = np.zeros((len(found), len(action_units)), dtype=int)
        for row, (shown, _) in zip(rows, found, strict=True):
            row[:] = [action_unit in shown for action_unit in action_units]
        return rows

    def refused(self, clips):
        """Annotations that `indicator` refuses.

        Parameters
        ----------
        clips : sequence of Clip
            Clips, with annotated action units or without.

        Returns
        -------
        dict of str to str
            Per key of a clip what is annotated, ``"none"`` where no action unit is; clips of which
            nothing is refused are not in it.

        Examples
        --------
        >>> from cdmer.corpora import get_scheme, make_synthetic_corpus
        >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
        >>> get_scheme("action-units").refused(corpus)
        {}
        """
        found = {clip.key: self._read(clip)[1] for clip in clips}
        return {key: problem for key, problem in found.items() if problem}

    def _read(self, clip):
        """Numbers of the action units that a clip shows, and the texts that are refused."""
        try:
            texts = annotated_action_units(clip)
        except ValueError:
            return set(), "none"
        shown, wrong = set(), []
        for text in texts:
            reading = parse_action_unit(text)
            if reading is None or (reading.doubtful and self.doubtful == "refuse"):
                wrong.append(repr(text))
            elif not reading.doubtful or self.doubtful == "any":
                shown |= {unit.number for unit in reading.action_units if unit.kind == "AU"}
        return shown, ", ".join(wrong)

    def classify(self, clip):
        """Raise an error: a clip has several classes here, see `indicator`."""
        raise ValueError(
            f"scheme: {self.name!r} gives a clip several classes, where one is expected; "
            f"get_scheme({self.name!r}).indicator(clips) gives the table of 0 and 1"
        )
