"""Corpora as a benchmark needs them: rows to fit on, truth to score with, names to report."""

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from cdmer._fingerprint import fingerprint, name_frames
from cdmer._left_out import describe_left_out
from cdmer._text import is_missing
from cdmer.corpora import Corpus, PublishedFeatures, get_scheme
from cdmer.evaluation._runner.estimate import check_rows
from cdmer.evaluation._store.records import canonical_json, digest
from cdmer.extraction import FeatureTable, extract

# What a method must not read from a clip whose class it is to find.
_HIDDEN = {"label": None, "action_units": (), "objective_class": None}


class Data:
    """All clips of a benchmark, corpus after corpus.

    Parameters
    ----------
    corpora : sequence of Corpus, FeatureTable or PublishedFeatures
    scheme : str, LabelScheme or ActionUnitScheme
    descriptor : transformer or None
    **options
        For the descriptor: `n_jobs`, `cache_dir` and `progress` of `cdmer.extraction.extract`.

    Attributes
    ----------
    X : ndarray of shape (n_clips, n_features), or of object, shape (n_clips,)
        Rows of features, or clips.
    hidden : ndarray
        `X`, with clips whose labels are taken off.
    truth : ndarray of int, shape (n_clips,) or (n_clips, n_action_units)
        Positions in the scheme's class list, or 0 and 1 per action unit.
    clips, corpora, subjects : ndarray of object, shape (n_clips,)
    places : ndarray of int, shape (n_clips,)
        Position of each clip's corpus among the corpora.
    digests : dict of str to str
        Per corpus: SHA-256 over names, subjects, truth and features of its clips.
    about : list of dict
        What a report says of the corpora.
    notes : list of str
        What a reader has to know of them.
    lost : list of str
        Keys of clips that take no part as nothing could be made of them; notes name some.
    regions : dict or None
        ``{"levels": [...]}`` where columns of feature tables belong to the regions of a grid.
    """

    def __init__(self, corpora, scheme, descriptor=None, **options):
        corpora = list_corpora(corpora)
        self.scheme = read_scheme(scheme, corpora)
        self.multilabel = hasattr(self.scheme, "indicator")
        self.notes, self.lost = [], []
        parts = []
        for corpus in corpora:
            part = _open(corpus)
            if part.name in [other.name for other in parts]:
                raise ValueError(f"corpora: the name {part.name!r} occurs twice")
            parts.append(part)
        _check_columns([part for part in parts if part.columns is not None])
        for part in parts:
            self._keep_labelled(part)
        check_rows([part.rows for part in parts], descriptor)
        for part in parts:
            if descriptor is not None and part.rows.dtype == object:
                part.extract(descriptor, options)
            self._note_failures(part)
        _check_kinds(parts)
        self._check_apart(parts)
        self.X = np.concatenate([part.rows for part in parts])
        self.truth = np.concatenate([part.truth for part in parts])
        self.clips = _objects([key for part in parts for key in part.clips])
        self.corpora = _objects([part.name for part in parts for _ in part.clips])
        self.places = np.repeat(np.arange(len(parts)), [len(part.clips) for part in parts])
        self.subjects = _objects([s for part in parts for s in part.subjects])
        # Of one length each: thousands of folds name thousands of clips.
        names = [
            hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest() for key in self.clips
        ]
        self._names = np.frombuffer(b"".join(names), dtype=np.uint8).reshape(-1, 32)
        self.hidden = self.X
        if self.X.dtype == object:
            self.hidden = _objects(_without_classes(self.X))
        self.regions = _common_regions(parts)
        self.digests = {part.name: part.digest() for part in parts}
        self.about = [self._about(part) for part in parts]

    @property
    def metadata(self):
        """The table that protocols read; it has no labels."""
        import pandas as pd

        return pd.DataFrame(
            {"clip": self.clips, "corpus": self.corpora, "subject": self.subjects}, dtype=object
        )

    def name_rows(self, rows):
        """SHA-256 over which clips some rows are, in their order."""
        return hashlib.sha256(self._names[rows].tobytes()).hexdigest()

    @property
    def counts(self):
        """Clips per corpus: by class, or in all where a clip has several; a dict."""
        return {p["name"]: p["n_clips"] if self.multilabel else p["counts"] for p in self.about}

    @property
    def n_subjects(self):
        """Subjects per corpus, as far as they are known; a dict of str to int."""
        return {p["name"]: p["n_subjects"] for p in self.about if p["n_subjects"]}

    def _keep_labelled(self, part):
        """Find the truth of every clip, and leave out those that the scheme leaves out."""
        if part.truth is not None:
            if tuple(part.classes) != self.scheme.classes:
                raise ValueError(
                    f"scheme: the features of {part.name!r} have the classes "
                    f"{tuple(part.classes)}, scheme {self.scheme.name!r} has {self.scheme.classes}"
                )
            return
        clips, scheme = part.annotated, self.scheme
        if self.multilabel:
            refused = scheme.refused(clips)
            kept = [i for i, clip in enumerate(clips) if clip.key not in refused]
            self.lost += refused
            truth = scheme.indicator([clips[i] for i in kept])
        else:
            names = [scheme.classify(clip) for clip in clips]
            kept = [i for i, name in enumerate(names) if name is not None]
            truth = [scheme.classes.index(names[i]) for i in kept]
        sentences = describe_left_out(scheme, part.name, clips)
        if not kept:
            raise ValueError(
                f"scheme {scheme.name!r} leaves no clip of corpus {part.name!r}: "
                + "; ".join(sentences)
            )
        self.notes += sentences
        part.keep(kept, np.array(truth, dtype=np.int64))

    def _note_failures(self, part):
        self.lost += [key for key, _ in part.failures]
        if part.failures:
            key, message = part.failures[0]
            self.notes.append(
                f"{len(part.failures)} clips of {part.name} have no features and take no part; "
                f"first {key}: {message}"
            )

    @staticmethod
    def _check_apart(parts):
        owner = {}
        for part in parts:
            shared = [key for key in part.clips if key in owner]
            if shared:
                raise ValueError(
                    f"corpora: {owner[shared[0]]!r} and {part.name!r} share {len(shared)} clips, "
                    f"such as {shared[0]!r}; a labelled clip must not be tested on"
                )
            owner.update(dict.fromkeys(part.clips, part.name))

    def _about(self, part):
        classes = self.scheme.classes
        counts = (
            part.truth.sum(axis=0)
            if self.multilabel
            else np.bincount(part.truth, minlength=len(classes))
        )
        return {
            "name": part.name,
            "n_clips": len(part.clips),
            "n_subjects": len({s for s in part.subjects if s}),
            "counts": {name: int(n) for name, n in zip(classes, counts, strict=True)},
            "digest": self.digests[part.name],
            "n_failed": len(part.failures),
        }


def list_corpora(corpora):
    """Give the corpora of a benchmark as a list; a data frame as one table per corpus.

    Raises
    ------
    TypeError, ValueError
        If they are no sequence, or there is none.
    """
    if isinstance(corpora, Corpus | FeatureTable | PublishedFeatures) or _is_frame(corpora):
        corpora = [corpora]
    if not isinstance(corpora, Iterable):
        raise TypeError(f"corpora: expected a sequence of corpora, got {corpora!r}")
    corpora = [one for corpus in corpora for one in _tables(corpus)]
    if not corpora:
        raise ValueError("corpora: got none, expected at least one")
    return corpora


def read_scheme(scheme, corpora, doubtful=None):
    """Look up the scheme of a benchmark: see `cdmer.corpora.get_scheme`.

    Parameters
    ----------
    scheme : str, LabelScheme or ActionUnitScheme
        ``"labels"`` takes its classes from the corpora.
    corpora : list of Corpus, FeatureTable or PublishedFeatures
    doubtful : str or None, default=None
    """
    labels = []
    for corpus in corpora if scheme == "labels" else ():
        if isinstance(corpus, PublishedFeatures):
            labels += corpus.class_names
        elif isinstance(corpus, FeatureTable):
            labels += list(corpus.clips["label"])
        elif isinstance(corpus, Corpus):
            labels += [clip.label for clip in corpus]
    return get_scheme(scheme, labels=labels, doubtful=doubtful)


class _Part:
    """One corpus."""

    def __init__(
        self,
        name,
        rows,
        clips,
        subjects,
        *,
        annotated=(),
        truth=None,
        classes=None,
        columns=None,
        groups=None,
        made_by=None,
    ):
        self.name, self.rows = name, rows
        self.clips = list(clips)
        self.subjects = ["" if is_missing(subject) else subject for subject in subjects]
        self.annotated, self.truth, self.classes = annotated, truth, classes
        self.columns, self.groups, self.made_by = columns, groups, made_by
        self.failures = []

    def keep(self, kept, truth):
        self.rows = self.rows[kept]
        self.clips = [self.clips[i] for i in kept]
        self.subjects = [self.subjects[i] for i in kept]
        self.truth = truth

    def extract(self, descriptor, options):
        # A descriptor must not read classes off clips either.
        corpus = Corpus(_without_classes(self.rows), self.name)
        with warnings.catch_warnings():  # a note of the benchmark says so
            warnings.filterwarnings("ignore", r"\d+ of \d+ clips could not be described")
            table = extract(corpus, descriptor, on_error="record", **options)
        place = {key: i for i, key in enumerate(self.clips)}
        kept = [place[key] for key in table.clips["key"]]
        self.failures = list(zip(table.failures["key"], table.failures["message"], strict=True))
        self.keep(kept, self.truth[kept])
        self.rows = table.features

    def digest(self):
        if self.rows.dtype == object:
            rows = [_content(clip) for clip in self.rows]
        else:
            rows = hashlib.sha256(np.ascontiguousarray(self.rows).tobytes()).hexdigest()
        about = [self.name, self.clips, self.subjects, self.truth.tolist(), rows]
        return digest(canonical_json([*about, str(self.rows.shape), self.rows.dtype.str]))


def _is_frame(corpus):
    return hasattr(corpus, "columns") and hasattr(corpus, "iloc")


def _tables(corpus):
    """A data frame as one table per corpus; anything else as it is."""
    return FeatureTable.from_frame(corpus).split() if _is_frame(corpus) else [corpus]


def _open(corpus):
    if isinstance(corpus, PublishedFeatures):
        _check_published(corpus)
        clips = [f"{corpus.corpus}/{i}" for i in range(len(corpus.labels))]
        truth = np.asarray(corpus.labels, dtype=np.int64)
        rows = np.asarray(corpus.features)
        return _Part(
            corpus.corpus, rows, clips, [""] * len(clips), truth=truth, classes=corpus.class_names
        )
    if isinstance(corpus, FeatureTable):
        if corpus.corpus is None:
            raise ValueError("corpora: expected one corpus per feature table, got clips of several")
        part = _Part(
            corpus.corpus,
            corpus.features,
            corpus.clips["key"],
            corpus.clips["subject"],
            annotated=list(corpus.clips.itertuples()),
            columns=corpus.feature_names,
            groups=corpus.feature_groups,
            made_by=corpus.transformer,
        )
        failed = corpus.failures
        part.failures = list(zip(failed["key"], failed["message"], strict=True))
        return part
    if isinstance(corpus, Corpus):
        return _Part(
            corpus.name,
            _objects(list(corpus)),
            [clip.key for clip in corpus],
            [clip.subject for clip in corpus],
            annotated=list(corpus),
        )
    raise TypeError(
        f"corpora: expected Corpus, FeatureTable, PublishedFeatures or DataFrame, got "
        f"{type(corpus).__name__}"
    )


def _check_published(corpus):
    """Check what anybody may put together: rows and labels have to belong together."""
    rows, codes = np.asarray(corpus.features), np.asarray(corpus.labels)
    if rows.ndim != 2 or rows.dtype.kind not in "fiub":
        raise ValueError(
            f"corpora: expected features of {corpus.corpus!r} to be numbers of shape (n_clips, "
            f"n_features), got {rows.dtype} of shape {rows.shape}"
        )
    n_classes = len(corpus.class_names)
    if (
        codes.shape != rows.shape[:1]
        or codes.dtype.kind not in "iu"
        or not np.isin(codes, np.arange(n_classes)).all()
    ):
        raise ValueError(
            f"corpora: expected labels of {corpus.corpus!r} to be {len(rows)} whole numbers from 0 "
            f"to {n_classes - 1}, one per row, got {codes.dtype} of shape {codes.shape}"
        )


def _check_columns(parts):
    for part in parts[1:]:
        if not np.array_equal(part.columns, parts[0].columns):
            raise ValueError(
                f"corpora: the features of {parts[0].name!r} and {part.name!r} are not the same: "
                f"{parts[0].made_by}, {part.made_by}"
            )


def _common_regions(parts):
    """Levels of the grid behind the columns' groups, if it is one of those with powers of two."""
    if any(part.groups is None for part in parts):
        return None
    n_regions = {len(np.unique(part.groups)) for part in parts}
    for levels in ([1], [1, 2], [1, 2, 4], [1, 2, 4, 8]):
        if n_regions == {sum(n * n for n in levels)}:
            return {"levels": levels}
    return None


def _check_kinds(parts):
    shapes = {part.rows.shape[1:] for part in parts}
    kinds = {part.rows.dtype == object for part in parts}
    if len(kinds) > 1:
        raise ValueError(
            "corpora: expected clips or features, got both: "
            + ", ".join(
                f"{part.name!r} has {'clips' if part.rows.dtype == object else 'features'}"
                for part in parts
            )
            + "; a descriptor makes features of clips"
        )
    if len(shapes) > 1:
        raise ValueError(
            "corpora: expected the same number of features everywhere, got "
            + ", ".join(f"{part.rows.shape[1]} for {part.name!r}" for part in parts)
        )


def _without_classes(clips):
    return [replace(clip, **_HIDDEN) for clip in clips]


def _content(clip):
    """Name a clip by its frames and annotations."""
    content, _ = name_frames(clip)
    moments = (clip.onset, clip.apex, clip.offset, clip.fps, clip.frame_numbers)
    return fingerprint(content, moments)


def _objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
