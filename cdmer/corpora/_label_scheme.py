"""Label schemes of one class per clip."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cdmer._action_units import annotated_action_units, parse_action_unit
from cdmer._parameters import ParameterError
from cdmer.corpora._databases.spelling import fold_emotion

OBJECTIVE_CLASSES = ("I", "II", "III", "IV", "V", "VI", "VII")
_KINDS = ("emotions", "action_units")


@dataclass(frozen=True)
class LabelScheme:
    """Mapping from the annotations of clips to the classes of a protocol.

    Parameters
    ----------
    name : str
        Name of the scheme.
    classes : sequence of str
        The fixed class list; class codes are positions in it, whatever classes the data hold.
    rules : dict of str to dict
        Per family of corpora: ``corpora`` (their names) and either ``emotions`` (annotated emotion
        to class, ``""`` or None to leave the clip out) or ``action_units`` (class to combinations
        such as ``"6+12"``; clips that show another one are left out, and an annotated
        `Clip.objective_class` comes first); optionally ``without`` (``subject/name`` of clips left
        out) and, beside ``emotions``, ``annotated`` (``subject/name`` to the emotion that the clip
        has in the protocol's label file, where other revisions of the file have another). The
        family ``native`` serves corpora that no other family names, and needs no
        ``corpora``. Emotions are compared without case and outer spaces, "other" and "others" as
        one.
    description : str, default=""
        What the scheme is, in a sentence.
    source : str, default=""
        Where the scheme was published.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if the classes are not names that differ, or the rules are
        not as above, such as a class that is not among the classes, an emotion with two classes,
        or a corpus in two families.

    Examples
    --------
    >>> from cdmer.corpora import LabelScheme
    >>> rules = {"native": {"emotions": {"Benign": "Benign", "other": "Malign", "Unsure": None}}}
    >>> LabelScheme("mine", ("Benign", "Malign"), rules).classes
    ('Benign', 'Malign')
    """

    name: str
    classes: tuple[str, ...]
    rules: dict
    description: str = ""
    source: str = ""

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise _refusal("name", "a name", self.name)
        good = isinstance(self.classes, list | tuple) and _are_texts(self.classes)
        if not good or not 0 < len(set(self.classes)) == len(self.classes):
            raise _refusal("classes", "one or more names that differ", self.classes)
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "rules", _read_rules(self.rules, self.classes))

    @classmethod
    def from_labels(cls, labels, name="labels"):
        """Make the scheme whose classes are labels as annotated.

        Parameters
        ----------
        labels : iterable of str
            Annotated labels, each once or more. Those that differ in case and outer spaces alone
            are one class, named by the spelling that occurs most; "other" and "others" are one.
        name : str, default="labels"
            Name of the scheme.

        Returns
        -------
        LabelScheme
            Its classes are in alphabetical order, and it serves every corpus.

        Raises
        ------
        ParameterError
            If there is no label, or one is no text.

        Examples
        --------
        >>> from cdmer.corpora import LabelScheme
        >>> LabelScheme.from_labels(["sad", "happy", "sad"]).classes
        ('happy', 'sad')
        """
        labels = [labels] if isinstance(labels, str) else list(labels)
        wrong = [label for label in labels if not isinstance(label, str) or not label.strip()]
        if wrong or not labels:
            raise _refusal("labels", "one or more texts", wrong[0] if wrong else "none")
        spellings = {}
        for label, number in Counter(label.strip() for label in labels).items():
            spellings.setdefault(fold_emotion(label), []).append((-number, label))
        emotions = {emotion: min(found)[1] for emotion, found in sorted(spellings.items())}
        rules = {"native": {"corpora": (), "emotions": emotions}}
        return cls(name, tuple(emotions.values()), rules, "Classes as annotated", "the label files")

    def classify(self, clip):
        """Classify a clip by its annotations.

        Parameters
        ----------
        clip : Clip
            An annotated clip.

        Returns
        -------
        str or None
            A class name; None where the scheme leaves the clip out.

        Raises
        ------
        ValueError
            If the clip has no label, or one that the rules do not know, or they do not know its
            corpus; for classes by action units, if the clip has none.
        """
        rules = self._rules_for(clip.corpus)
        if _is_without(rules, clip):
            return None
        if "action_units" in rules:
            return self._classify_action_units(clip, rules["action_units"])
        emotions = rules["emotions"]
        emotion = _emotion(rules, clip)
        if emotion not in emotions:
            raise ValueError(
                f"label of clip {clip.key!r}: scheme {self.name!r} expects one of "
                f"{sorted(emotions)}, got {clip.label!r}"
            )
        return emotions[emotion] or None

    def left_out(self, clips):
        """Count the clips that the scheme leaves out, and say why.

        Parameters
        ----------
        clips : sequence of Clip
            Annotated clips.

        Returns
        -------
        dict of str to int
            Number of clips by reason, the most frequent first: the label; for classes by action
            units the annotated objective class, or ``"action units of no class"``; ``"named by the
            scheme"`` for those of ``without``.

        Raises
        ------
        ValueError
            As `classify` does.

        Examples
        --------
        >>> from cdmer.corpora import get_scheme, make_synthetic_corpus
        >>> corpus = make_synthetic_corpus("lab-200fps", n_clips=6, size=32, random_state=0)
        >>> get_scheme("three").left_out(corpus)
        {}
        """
        reasons = [self._reason(clip) for clip in clips if self.classify(clip) is None]
        counts = Counter(reasons)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def _reason(self, clip):
        rules = self._rules_for(clip.corpus)
        if _is_without(rules, clip):
            return "named by the scheme"
        if "action_units" not in rules:
            return _emotion(rules, clip)
        annotated = _objective_class(clip)
        return "action units of no class" if annotated is None else annotated

    def _rules_for(self, corpus):
        for rules in self.rules.values():
            if corpus in rules["corpora"]:
                return rules
        if "native" not in self.rules:
            known = [name for rules in self.rules.values() for name in rules["corpora"]]
            raise ValueError(
                f"corpus: scheme {self.name!r} has rules for {known} alone, got {corpus!r}"
            )
        return self.rules["native"]

    def _classify_action_units(self, clip, combinations):
        annotated = _objective_class(clip)
        if annotated is not None:
            if annotated not in OBJECTIVE_CLASSES:
                raise ValueError(
                    f"objective class of clip {clip.key!r}: expected one of {OBJECTIVE_CLASSES}, "
                    f"got {annotated!r}"
                )
            return annotated if annotated in self.classes else None
        readings = [parse_action_unit(text) for text in annotated_action_units(clip)]
        if any(reading is None or reading.doubtful for reading in readings):
            return None  # of no combination for sure
        shown = {
            unit.number
            for reading in readings
            for unit in reading.action_units
            if unit.kind == "AU"
        }
        for name, texts in combinations.items():
            if any(shown == _combination(text) for text in texts):
                return name
        return None


def _emotion(rules, clip):
    return fold_emotion(
        str(rules.get("annotated", {}).get(f"{clip.subject}/{clip.name}", clip.label))
    )


def _is_without(rules, clip):
    return f"{clip.subject}/{clip.name}" in rules.get("without", ())


def _objective_class(clip):
    annotated = getattr(clip, "objective_class", None)
    return annotated if annotated is None or annotated == annotated else None  # NaN of a table


def _combination(text):
    return {int(action_unit) for action_unit in text.split("+")}


def _refusal(name, expected, got):
    got = got if got == "none" else repr(got)
    return ParameterError(f"{name}: expected {expected}, got {got}")


def _are_texts(value):
    return isinstance(value, list | tuple | set | frozenset) and all(
        isinstance(text, str) and text.strip() for text in value
    )


def _read_rules(rules, classes):
    """Check the rules of a scheme; give a copy, its emotions spelt alike."""
    if not isinstance(rules, Mapping) or not rules:
        raise _refusal("rules", "a dict of one or more families of corpora", rules)
    read, families = {}, {}
    for family, given in rules.items():
        name = f"rules[{family!r}]"
        if not isinstance(given, Mapping):
            raise _refusal(name, f"a dict with one of {_KINDS}", given)
        unknown = set(given) - {"corpora", "without", "annotated", *_KINDS}
        if unknown or sum(kind in given for kind in _KINDS) != 1:
            expected = f"one of {_KINDS} beside 'corpora', 'without' and 'annotated'"
            raise _refusal(name, expected, list(given))
        own = {"corpora": given.get("corpora", () if family == "native" else None)}
        own |= {"without": given["without"]} if "without" in given else {}
        for key, texts in own.items():
            if not _are_texts(texts):
                raise _refusal(f"{name}[{key!r}]", "a list of names", texts)
        for corpus in own["corpora"]:
            if corpus in families:
                expected = f"each corpus once, {corpus!r} being in {families[corpus]!r}"
                raise _refusal(f"{name}['corpora']", expected, corpus)
            families[corpus] = family
        kind = next(kind for kind in _KINDS if kind in given)
        reader = _read_emotions if kind == "emotions" else _read_combinations
        read[family] = own | {kind: reader(f"{name}[{kind!r}]", given[kind], classes)}
        if "annotated" in given:
            known = read[family].get("emotions", {})
            read[family]["annotated"] = _read_annotated(f"{name}['annotated']", given, known)
    return read


def _read_emotions(name, emotions, classes):
    if not isinstance(emotions, Mapping) or not emotions:
        raise _refusal(name, "a dict of emotion to class", emotions)
    read = {}
    for emotion, given in emotions.items():
        if not isinstance(emotion, str) or not emotion.strip():
            raise _refusal(name, "emotions that are texts", emotion)
        label = "" if given is None else given
        if not isinstance(label, str) or label not in (*classes, ""):
            raise _refusal(f"{name}[{emotion!r}]", f"one of {(*classes, '')} or None", given)
        if read.setdefault(fold_emotion(emotion), label) != label:
            expected = f"one class per emotion, {read[fold_emotion(emotion)]!r} as before"
            raise _refusal(f"{name}[{emotion!r}]", expected, given)
    return read


def _read_annotated(name, given, emotions):
    annotated = given["annotated"]
    if not isinstance(annotated, Mapping) or not _are_texts(tuple(annotated)):
        raise _refusal(name, "a dict of 'subject/name' to emotion", annotated)
    for emotion in annotated.values():
        if not isinstance(emotion, str) or fold_emotion(emotion) not in emotions:
            raise _refusal(name, f"emotions among {sorted(emotions)}", emotion)
    return dict(annotated)


def _read_combinations(name, combinations, classes):
    if not isinstance(combinations, Mapping) or not combinations:
        raise _refusal(name, "a dict of class to combinations of action units", combinations)
    seen = {}
    for label, texts in combinations.items():
        if label not in classes:
            raise _refusal(name, f"classes among {classes}", label)
        if not _are_texts(texts):
            raise _refusal(f"{name}[{label!r}]", "a list such as ['12', '6+12']", texts)
        for text in texts:
            try:
                combination = frozenset(_combination(text))
            except ValueError:
                raise _refusal(f"{name}[{label!r}]", "numbers such as '6+12'", text) from None
            if seen.setdefault(combination, label) != label:
                expected = f"one class per combination, {seen[combination]!r} as before"
                raise _refusal(f"{name}[{label!r}]", expected, text)
    return dict(combinations)
