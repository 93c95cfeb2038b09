"""Clips to train on: their classes, what prepares them, and whether they fit together."""

from collections import Counter
from dataclasses import fields

import numpy as np

from cdmer._clips import iterate_frames
from cdmer._parameters import ParameterError
from cdmer._text import counted, is_missing, unknown
from cdmer.corpora import Corpus, get_scheme
from cdmer.preprocessing import CascadeDetector, Preparation, parse_detector

# Beside labels as they are, what labels are taken for where they are all known to it.
USUAL_SCHEME, AS_ANNOTATED = "three", "labels"
# A face that takes less of the height of its frame is looked at more closely.
_FILLS = 0.6
_N_LOOKED_AT = 8
_FEWEST = 2  # clips of a class: one is left out, and one is learnt from
# What is wrong with a file or a face, and not with cdmer.
UNREADABLE = (OSError, TypeError, ValueError)


def classify(corpus, scheme=None):
    """Find the class of every clip.

    Parameters
    ----------
    corpus : Corpus
    scheme : str, LabelScheme or None, default=None
        None for "three" where it knows all labels, and else for labels as they are.

    Returns
    -------
    classes : list of (str or None)
        None for clips that are left out.
    name : str
        Name of the scheme.
    notes : list of str
        What a reader has to know.

    Raises
    ------
    ValueError
        If no clip has a label, or a scheme that was asked for does not know one.
    """
    labels = [clip.label for clip in corpus]
    if all(is_missing(label) for label in labels) and scheme in (None, AS_ANNOTATED):
        raise ValueError(
            f"corpus: expected clips with labels, got {counted(len(corpus), 'clip')} without; fill "
            "the column label"
        )
    if scheme is not None:
        found = get_scheme(scheme, labels=labels)
        if hasattr(found, "indicator"):
            raise ParameterError(
                f"scheme: expected one of a class per clip, got {found.name!r}, which has several"
            )
        return _classes(corpus, found)
    try:
        return _classes(corpus, get_scheme(USUAL_SCHEME))
    except ValueError:  # other labels than databases have
        return _classes(corpus, get_scheme(AS_ANNOTATED, labels=labels))


def _classes(corpus, scheme):
    classes, missing, refused = [], 0, Counter()
    for clip in corpus:
        try:
            classes.append(scheme.classify(clip))
        except ValueError as error:
            if not is_missing(clip.label):
                raise ValueError(f"{error}; scheme 'labels' takes labels as they are") from None
            classes.append(None)
            missing += 1
        else:
            if classes[-1] is None:
                refused[str(clip.label)] += 1
    notes = []
    if missing:
        notes.append(f"{counted(missing, 'clip')} without a label are left out")
    if refused:
        listed = ", ".join(f"{label} {n}" for label, n in sorted(refused.items()))
        notes.append(
            f"{counted(sum(refused.values()), 'clip')} are left out by scheme {scheme.name!r}: "
            f"{listed}"
        )
    return classes, scheme.name, notes


def check_classes(classes):
    """Refuse what no recogniser can be trained and judged on.

    Parameters
    ----------
    classes : list of str
        Class of every clip that is there.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or one has a single clip. The message says what to do.
    """
    counts = Counter(classes)
    listed = ", ".join(f"{name!r} {n}" for name, n in sorted(counts.items()))
    if len(counts) < 2:
        raise ValueError(
            "corpus: expected clips of two classes or more, got "
            f"{listed or 'none'}; record another class, or take another scheme"
        )
    few = [name for name, n in sorted(counts.items()) if n < _FEWEST]
    if few:
        raise ValueError(
            f"corpus: expected two clips or more of each class, got {listed}; record more of "
            f"{few[0]!r}, or leave it out by taking its label away"
        )


def choose_preparation(preparation, descriptor, corpus):
    """Find what suits a corpus and a descriptor.

    Parameters
    ----------
    preparation : Preparation, dict or None
        A dict has fields of one; those that it lacks are chosen.
    descriptor : transformer
    corpus : Corpus

    Returns
    -------
    preparation : Preparation
    note : str
        Why faces are cut out or not, where that was chosen; else "".

    Raises
    ------
    TypeError, ParameterError
        If it is anything else, or a field has the wrong type or value.
    """
    if isinstance(preparation, Preparation):
        return preparation, ""
    if not isinstance(preparation, dict | None):
        raise TypeError(
            f"preparation: expected a Preparation, a dict of its fields or None, got "
            f"{preparation!r:.100}"
        )
    given = dict(preparation or {})
    known = [field.name for field in fields(Preparation)]
    for name in given:
        if name not in known:
            raise ParameterError(f"preparation: {unknown('field', str(name), known)}")
    note = ""
    if "crop" not in given:
        given["crop"], note = _look(corpus, Preparation(**given).detector)
    return Preparation.suited(descriptor, **given), note


def _look(corpus, detector):
    """Whether faces are to be cut out, by a look at some clips; and a sentence on it."""
    if detector is None:
        detector = CascadeDetector()
    elif isinstance(detector, str):
        detector = parse_detector(detector)
    places = np.linspace(0, len(corpus) - 1, min(len(corpus), _N_LOOKED_AT)).round().astype(int)
    n_seen = n_small = 0
    for place in places:
        try:
            frame = _first_frame(corpus[int(place)])
            faces = detector(frame)
        except UNREADABLE:  # extraction says what is wrong with it
            continue
        n_seen += 1
        heights = [face.bottom - face.top for face in faces]
        n_small += bool(heights) and max(heights) < _FILLS * frame.shape[0]
    crop = n_small > n_seen / 2
    return crop, (
        f"faces are {'' if crop else 'not '}cut out: in {n_small} of {counted(n_seen, 'clip')} "
        f"that were looked at, a face takes less than {_FILLS} of the frame's height"
    )


def _first_frame(clip):
    return next(iterate_frames(clip, f"clip {clip.key!r}"))


def frame_size(corpora):
    """Size of the frames of all clips.

    Parameters
    ----------
    corpora : sequence of Corpus

    Returns
    -------
    (int, int)
        Height and width.

    Raises
    ------
    ValueError
        If clips have several sizes, or none can be read.
    """
    sizes = {}
    for corpus in corpora:
        for clip in corpus:
            try:
                size = _first_frame(clip).shape[:2]
            except UNREADABLE as error:
                failed = error
                continue
            sizes.setdefault(size, []).append(clip.key)
    if not sizes:
        raise ValueError(f"corpus: no clip can be read; the last: {failed}")
    if len(sizes) > 1:
        found = sorted(sizes.items(), key=lambda item: -len(item[1]))
        listed = ", ".join(
            f"{height} x {width} ({counted(len(keys), 'clip')}, such as {keys[0]!r})"
            for (height, width), keys in found[:3]
        )
        raise ValueError(
            f"corpus: expected frames of one size where no face is cut out, got {listed}; cut "
            "faces out (--crop), which gives all clips one size"
        )
    [size] = sizes
    return size


def part(corpus, kept):
    """Clips of a corpus at some positions, as a corpus of its name."""
    return Corpus([corpus[int(i)] for i in kept], corpus.name)
