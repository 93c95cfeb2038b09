"""Names, annotations and label files' cells for clips of a rehearsed database."""

from dataclasses import dataclass, replace

from cdmer.corpora._faults import MOMENTS
from cdmer.corpora._label_scheme import OBJECTIVE_CLASSES
from cdmer.corpora._schemes import get_scheme

# Annotated emotions by the class that a synthetic clip shows. Others of a database, such as
# "others" and "tense", go to every sixth clip, whatever it shows.
_EMOTIONS = {
    "negative": (
        "negative",
        "anger",
        "contempt",
        "disgust",
        "fear",
        "sadness",
        "sad",
        "repression",
    ),
    "positive": ("positive", "happiness", "happy"),
    "surprise": ("surprise",),
}
# Which clip, counted after those with known mistakes, has which oddity.
_UNKNOWN_APEX, _WITHOUT_OFFSET, _DOUBTFUL, _EARLY_APEX = 1, 2, 3, 4


@dataclass(frozen=True)
class PlannedClip:
    """A clip to be written.

    Parameters
    ----------
    clip : Clip
        As it should load, but for the source: all frames that are written.
    folder : str
        Where they go, relative to the database's folder.
    numbers : range
        Their numbers.
    onset, offset : int
        Frame numbers, whatever the label file says.
    values : dict of str to str
        What stands for ``{subject}`` and ``{clip}`` in the names of the files.
    cells : dict of str to (str, int or None)
        What the label file holds, by field.
    """

    clip: object
    folder: str
    numbers: range
    onset: int
    offset: int
    values: dict
    cells: dict


class Planner:
    """Gives synthetic clips the names and annotations of a database.

    Parameters
    ----------
    layout : Layout
    folders : Folders
    """

    def __init__(self, layout, folders):
        self.layout, self.style, self.folders = layout, layout.rehearsal, folders
        self._known = set(layout.fields)
        self._fitting = {label: self._emotions_of(label) for label in _EMOTIONS}
        of_a_class = {emotion for emotions in self._fitting.values() for emotion in emotions}
        self._others = [emotion for emotion in layout.emotions if emotion not in of_a_class]
        self._counts = {}
        self._next = {}  # per folder, the number after its last frame

    def plan(self, faces):
        """Plan every clip; the first ones have the known mistakes, the next ones the oddities.

        Parameters
        ----------
        faces : Corpus
            Synthetic clips.

        Returns
        -------
        list of PlannedClip
        """
        # Those of clips that are named by their onset would need an expression of a given length.
        rehearsed = [] if "{onset}" in self.layout.clip else self.layout.mistakes
        mistaken = list(dict.fromkeys((m.subject, m.clip) for m in rehearsed))
        plans = []
        for i, face in enumerate(faces):
            key = mistaken[i] if i < len(mistaken) else None
            plans.append(self._plan(face, i, key, oddity=i - len(mistaken)))
        return plans

    def _plan(self, face, i, key, oddity):
        label = self._emotion(face, i)
        subject, file = self._name(face, label) if key is None else key
        mistakes = [m for m in self.layout.mistakes if (m.subject, m.clip) == key]
        values = {"subject": subject, "clip": file}
        if self.layout.naming is not None:
            places = self.layout.naming.places(subject, file)
            values |= {name: text.rstrip("*") for name, text in places.items()}
        numbers = self._number(face, values | {"label": label}, mistakes, i)
        moments = {moment: numbers[getattr(face, moment)] for moment in MOMENTS}
        known, cells = self._annotate(moments, mistakes, oddity)
        action_units, cells["action_units"] = self._action_units(face, i, oddity == _DOUBTFUL)
        objective = _objective_class(face)
        cells["objective_class"] = (
            OBJECTIVE_CLASSES.index(objective) + 1 if self.style.arabic else objective
        )
        further = self.style.action_unit_columns
        cells |= {header: int(header[2:] in face.action_units) for header in further}
        cells |= {"subject": self._subject_cell(subject), "clip": _number_or_text(file)}
        cells["label"] = self._spell(label)
        clip = replace(
            face,
            corpus=self.layout.corpus,
            subject=subject,
            label=label,
            fps=self.layout.fps,
            name=self.layout.clip.format(clip=file, onset=moments["onset"]),
            **known,
            action_units=action_units if "action_units" in self._known else (),
            objective_class=objective if "objective_class" in self._known else None,
        )
        folder = self.folders.templates[0].format(**values, label=label, onset=moments["onset"])
        onset, offset = moments["onset"], moments["offset"]
        return PlannedClip(clip, folder, numbers, onset, offset, values, cells)

    def _emotions_of(self, label):
        """Emotions of the database for a class that synthetic clips show, a list of str."""
        schemes = self.layout.schemes.values()
        return [
            emotion
            for emotion in self.layout.emotions
            if emotion in _EMOTIONS[label] or any(one[emotion] == label for one in schemes)
        ]

    def _emotion(self, face, i):
        if i % 6 == 5 and self._others:
            return self._others[i // 6 % len(self._others)]
        fitting = self._fitting[face.label] or list(self.layout.emotions)
        return fitting[self._count(face.label) % len(fitting)]

    def _name(self, face, label):
        """Subject and what the label file calls the clip."""
        number = int(face.subject[1:])
        subject = self.layout.subject_name(self.style.subject.format(number))
        i = self._count(subject)
        short = label[: 3 if label == "surprise" else 2]
        return subject, self.style.clip.format(
            subject=subject,
            s=number,
            label=label,
            short=short,
            i=i + 1,
            r=i // 2 + 1,
            letter=chr(ord("a") + i // 2),
        )

    def _count(self, what):
        self._counts[what] = self._counts.get(what, -1) + 1
        return self._counts[what]

    def _number(self, face, values, mistakes, i):
        """Numbers of the frames: further ones where clips share a folder."""
        place = self.folders.templates[0].format(**values, onset="")
        first = self._next.get(place, self.style.first + self.style.step * i)
        if mistakes:  # the right value is right
            first = mistakes[0].after - getattr(face, mistakes[0].field)
        numbers = range(first, first + face.source.n_frames)
        self._next[place] = numbers.stop
        return numbers

    def _annotate(self, moments, mistakes, oddity):
        """Moments as they should load, and the cells."""
        cells = dict(moments) | {m.field: m.before for m in mistakes}
        if not self.layout.label_files:
            return moments | {"apex": None}, cells
        known = {moment: moments[moment] if moment in self._known else None for moment in MOMENTS}
        if oddity == _UNKNOWN_APEX and "apex" in self.layout.unknown:
            known["apex"], cells["apex"] = None, _number_or_text(self.layout.unknown["apex"][0])
        if oddity == _WITHOUT_OFFSET and self.style.without_offset:
            known["offset"] = cells["offset"] = None
        if oddity == _EARLY_APEX and self.style.early_apex:
            known["apex"] = cells["apex"] = moments["onset"] - 1
        return known, cells

    def _action_units(self, face, i, doubtful):
        """Action units as they should load, and their cell."""
        written = [
            self.style.action_units[(i + j) % len(self.style.action_units)].format(action_unit)
            for j, action_unit in enumerate(face.action_units)
        ]
        action_units = [text.removeprefix("AU") for text in written]
        if doubtful and self.style.doubtful:
            written[-1] += self.style.doubtful
            action_units[-1] = written[-1]
        joint = self.style.joints[i % len(self.style.joints)]
        return tuple(action_units), _number_or_text(joint.join(written))

    def _subject_cell(self, subject):
        if self.layout.subject == "{}":
            return _number_or_text(subject)
        return int(subject.removeprefix(self.layout.subject.partition("{")[0]))

    def _spell(self, label):
        if label == "others":
            return self.style.others[self._count("others") % len(self.style.others)]
        return label.capitalize() if self.style.capitals else label


def _objective_class(face):
    if set(face.action_units) in ({"1", "2", "4"}, {"20"}):
        return "VI"
    return get_scheme("objective").classify(face) or "VII"


def _number_or_text(text):
    """Give the cell that a spreadsheet makes of a text."""
    return int(text) if text.isdecimal() and str(int(text)) == text else text
