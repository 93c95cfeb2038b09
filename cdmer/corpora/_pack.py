"""Corpora stacked for an adaptive classifier."""

import logging

import numpy as np

from cdmer._left_out import describe_left_out
from cdmer.corpora._corpus import Corpus
from cdmer.corpora._schemes import get_scheme

_log = logging.getLogger("cdmer.corpora")


def pack(sources, targets, scheme):
    """Stack labelled source corpora and unlabelled target corpora for an adaptive classifier.

    Clips that the scheme leaves out are dropped; see Notes.

    Parameters
    ----------
    sources, targets : Corpus or sequence of Corpus
        `targets` may be empty.
    scheme : str or LabelScheme
        The label scheme; the class codes follow its fixed class list. ``"labels"`` for classes as
        annotated in all these corpora, in alphabetical order.

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

    Notes
    -----
    Schemes are meant to leave clips out, so there is no warning. How many of each corpus and why is
    logged by the logger ``"cdmer.corpora"`` at the level INFO, which
    ``logging.basicConfig(level="INFO")`` shows; `LabelScheme.left_out` counts them.
    """
    sources, targets = _as_corpora(sources, "sources"), _as_corpora(targets, "targets")
    if not sources:
        raise ValueError("sources: got none, expected at least one corpus")
    labels = [clip.label for corpus in [*sources, *targets] for clip in corpus]
    scheme = get_scheme(scheme, labels=labels)
    clips, y, sample_domain = [], [], []
    for number, corpus in enumerate([*sources, *targets], start=1):
        classes = corpus.labels(scheme)
        kept = [(clip, c) for clip, c in zip(corpus, classes, strict=True) if c is not None]
        sentences = describe_left_out(scheme, corpus.name, corpus)
        if not kept:
            raise ValueError(
                f"scheme {scheme.name!r} leaves no clip of corpus {corpus.name!r}: {sentences[0]}"
            )
        for sentence in sentences:
            _log.info("%s", sentence)
        clips += [clip for clip, _ in kept]
        y += [scheme.classes.index(c) for _, c in kept]
        sample_domain += [number if number <= len(sources) else -number] * len(kept)
    return _as_object_array(clips), np.array(y), np.array(sample_domain)


def _as_corpora(corpora, name):
    corpora = [corpora] if isinstance(corpora, Corpus) else list(corpora)
    for corpus in corpora:
        if not isinstance(corpus, Corpus):
            raise TypeError(f"{name}: expected Corpus objects, got {type(corpus).__name__}")
    return corpora


def _as_object_array(clips):
    """Put clips into a 1-D object array, which scikit-learn can index like any X."""
    array = np.empty(len(clips), dtype=object)
    array[:] = list(clips)
    return array
