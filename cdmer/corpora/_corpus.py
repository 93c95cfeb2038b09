"""A corpus: clips in a fixed order, and the table of what is known about them."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from cdmer.corpora._clip import Clip
from cdmer.corpora._schemes import get_scheme

# Frames are not part of the table, nor are their numbers.
_COLUMNS = [f.name for f in fields(Clip) if f.name not in ("source", "frame_numbers")]


def as_object_array(clips):
    """Put clips into a 1-D object array, which scikit-learn can index like any X."""
    array = np.empty(len(clips), dtype=object)
    array[:] = list(clips)
    return array


class Corpus(Sequence):
    """Clips of one recording set-up, in a fixed order.

    Parameters
    ----------
    clips : sequence of Clip
        The clips. Their keys must differ.
    name : str
        Name of the corpus; label schemes look their rules up under it.

    Raises
    ------
    ValueError
        If there is no clip, or two clips share a key.
    """

    def __init__(self, clips, name):
        clips = tuple(clips)
        if not clips:
            raise ValueError(f"clips: corpus {name!r} got none, expected at least one")
        for clip in clips:
            if not isinstance(clip, Clip):
                raise TypeError(f"clips: expected Clip objects, got {type(clip).__name__}")
        seen = set()
        for clip in clips:
            if clip.key in seen:
                raise ValueError(f"clips: {clip.key!r} occurs twice in corpus {name!r}")
            seen.add(clip.key)
        self._clips = clips
        self.name = name

    def __len__(self):
        return len(self._clips)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Corpus(self._clips[index], self.name)
        return self._clips[index]

    def __repr__(self):
        subjects = len({clip.subject for clip in self._clips})
        return f"Corpus({self.name!r}, {len(self)} clips, {subjects} subjects)"

    @property
    def table(self):
        """pandas.DataFrame, one row per clip in the corpus' order; frames are not read."""
        import pandas as pd

        table = pd.DataFrame([{c: getattr(clip, c) for c in _COLUMNS} for clip in self._clips])
        numbers = ["onset", "apex", "offset"]
        return table.astype(dict.fromkeys(numbers, "Int64") | {"fps": "float64"})

    def labels(self, scheme):
        """Class of every clip under a label scheme.

        Parameters
        ----------
        scheme : str or LabelScheme
            See `cdmer.corpora.get_scheme`.

        Returns
        -------
        list of (str or None)
            Class names; None where the scheme leaves the clip out.

        Raises
        ------
        ValueError
            If the scheme is unknown, or has no rule for a label.
        """
        scheme = get_scheme(scheme)
        return [scheme.classify(clip) for clip in self._clips]

    def select(self, mask=None, **conditions):
        """Keep the clips that meet every condition.

        Parameters
        ----------
        mask : array of bool of shape (n_clips,), optional
            Clips to keep.
        **conditions
            Column of `table` = wanted value, or a list, tuple or set of wanted values.

        Returns
        -------
        Corpus
            In the same order.

        Raises
        ------
        ValueError
            If a column is unknown, the mask has the wrong length, or nothing is left.
        """
        keep = np.ones(len(self), dtype=bool)
        if mask is not None:
            mask = np.asarray(mask)
            if mask.shape != keep.shape or mask.dtype != bool:
                raise ValueError(
                    f"mask: expected bool of shape {keep.shape}, got {mask.dtype} of {mask.shape}"
                )
            keep &= mask
        for column, wanted in conditions.items():
            if column not in _COLUMNS:
                raise ValueError(f"select: unknown column {column!r}; there are {_COLUMNS}")
            if not isinstance(wanted, list | tuple | set | frozenset) or column == "action_units":
                wanted = [wanted]
            keep &= [getattr(clip, column) in wanted for clip in self._clips]
        if not keep.any():
            raise ValueError(f"select: no clip of corpus {self.name!r} meets {conditions}")
        return Corpus([c for c, k in zip(self._clips, keep, strict=True) if k], self.name)


def pack(sources, targets, scheme):
    """Stack labelled source corpora and unlabelled target corpora for an adaptive classifier.

    Clips that the scheme leaves out are dropped.

    Parameters
    ----------
    sources, targets : Corpus or sequence of Corpus
        `targets` may be empty.
    scheme : str or LabelScheme
        The label scheme; the class codes follow its fixed class list.

    Returns
    -------
    clips : ndarray of object, shape (n_clips,)
        Source clips first.
    y : ndarray of int, shape (n_clips,)
        Index into the scheme's class list. Target rows carry their true class for scoring;
        no adaptive classifier reads it.
    sample_domain : ndarray of int, shape (n_clips,)
        1, 2, … for the sources in order, then negative numbers for the targets: skada's
        convention, in which the absolute values of one call never repeat.

    Raises
    ------
    ValueError
        If there is no source, the scheme is unknown or has no rule for a label, or no clip of a
        corpus is left.
    """
    sources, targets = _as_corpora(sources, "sources"), _as_corpora(targets, "targets")
    if not sources:
        raise ValueError("sources: got none, expected at least one corpus")
    scheme = get_scheme(scheme)
    clips, y, sample_domain = [], [], []
    for number, corpus in enumerate([*sources, *targets], start=1):
        classes = corpus.labels(scheme)
        kept = [(clip, c) for clip, c in zip(corpus, classes, strict=True) if c is not None]
        if not kept:
            raise ValueError(f"scheme {scheme.name!r} leaves no clip of corpus {corpus.name!r}")
        clips += [clip for clip, _ in kept]
        y += [scheme.classes.index(c) for _, c in kept]
        sample_domain += [number if number <= len(sources) else -number] * len(kept)
    return as_object_array(clips), np.array(y), np.array(sample_domain)


def _as_corpora(corpora, name):
    corpora = [corpora] if isinstance(corpora, Corpus) else list(corpora)
    for corpus in corpora:
        if not isinstance(corpus, Corpus):
            raise TypeError(f"{name}: expected Corpus objects, got {type(corpus).__name__}")
    return corpora
