"""Action units that coders saw in recordings."""

import hashlib
import json

from cdmer._action_units import annotated_action_units, parse_action_unit
from cdmer._parameters import ParameterError
from cdmer.corpora import get_scheme
from cdmer.synthesis._expert import FAINTEST, STRONGEST
from cdmer.synthesis._expression import ACTION_UNITS, Expression, UnitSource


class AnnotatedUnits(UnitSource):
    """Action units of the clips of a corpus.

    A clip of the class is drawn, each as likely as any other, and gives its action units: with the
    side that is annotated, and with the intensity, A to E being 0.2 to 1, and ranges their mean.
    Those without intensity are given one between 0.1 and 0.3, as in `ExpertUnits`. What is not
    among the 17 of `ACTION_UNITS`, or is no single action unit (``"12 or 15"``, ``"L14 or R14"``,
    ``"AD38"``, ``"4?"``), is passed over.

    Parameters
    ----------
    corpus : sequence of Clip
        Their frames are not read.
    scheme : str or LabelScheme, default="cdmer-130"
        Gives the classes of the clips; ``"labels"`` for those annotated.

    Raises
    ------
    ValueError
        If no clip of the scheme's classes has such an action unit, or the scheme does not know a
        label.
    """

    def __init__(self, corpus, scheme="cdmer-130"):
        corpus = list(corpus)
        scheme = get_scheme(scheme, labels=[clip.label for clip in corpus])
        found = {}
        for clip in corpus:
            label = scheme.classify(clip)
            if label is None or not clip.action_units:
                continue
            if action_units := _read_action_units(clip):
                found.setdefault(label, []).append(action_units)
        if not found:
            raise ParameterError(
                f"corpus: expected clips with one or more of the action units "
                f"{', '.join(ACTION_UNITS)}, got none"
            )
        self.classes = tuple(label for label in scheme.classes if label in found)
        self.clips = {label: tuple(found[label]) for label in self.classes}

    def draw(self, label, rng):
        """Draw an expression: see `UnitSource.draw`."""
        self.check_label(label)
        clips = self.clips[label]
        action_units = [
            (code, rng.uniform(FAINTEST, STRONGEST) if intensity is None else intensity)
            for code, intensity in clips[rng.integers(len(clips))]
        ]
        return Expression(label, action_units, "annotated")

    def describe(self):
        """Describe all that draws depend on except random numbers, as a dict for JSON."""
        digest = hashlib.sha256(json.dumps(self.clips).encode()).hexdigest()
        counts = {label: len(clips) for label, clips in self.clips.items()}
        return {"source": "annotated", "clips": counts, "sha256": digest}


def _read_action_units(clip):
    """Codes and intensities of a clip's action units; None for one without intensity."""
    found = {}
    for text in annotated_action_units(clip):
        reading = parse_action_unit(text)
        if reading is None or reading.doubtful or len(reading.action_units) != 1:
            continue
        (unit,) = reading.action_units
        if unit.kind != "AU" or str(unit.number) not in ACTION_UNITS:
            continue
        # Top and bottom name halves of the lips, which show on both sides; so does what is
        # asymmetric.
        side = unit.side if unit.side in ("L", "R") else ""
        found[side, str(unit.number)] = _intensity(unit.intensity)
    # What is said of both sides holds for each.
    return tuple(
        (side + action_unit, intensity)
        for (side, action_unit), intensity in found.items()
        if not side or ("", action_unit) not in found
    )


def _intensity(levels):
    """Mean of FACS' levels, 0.2 to 1; None for none."""
    levels = ["ABCDE".index(level) + 1 for level in levels if level.isalpha()]
    return sum(levels) / (5 * len(levels)) if levels else None
