"""Run methods over the experiments of a protocol, and keep every prediction."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from cdmer._progress import progress_bar
from cdmer.corpora import Corpus, PublishedFeatures, get_scheme
from cdmer.evaluation._fit import fit_adaptive
from cdmer.evaluation._protocols import CDMERPairs
from cdmer.evaluation._results import Results
from cdmer.extraction import FeatureTable

HIDDEN = -1


class _Table:
    """A corpus as the experiments need it: rows to fit on, codes to score with, names to report."""

    def __init__(self, name, rows, codes, clips, subjects):
        self.name, self.rows, self.codes = name, rows, codes
        self.clips, self.subjects = clips, subjects


def benchmark(
    methods,
    corpora,
    protocol=None,
    *,
    descriptor=None,
    scheme="cdmer-130",
    n_jobs=None,
    progress=None,
):
    """Evaluate methods on every experiment of a protocol.

    The labels of the target never reach a method: `fit` is given ``-1`` in their place.

    Parameters
    ----------
    methods : dict of str to estimator
        Named classifiers, adaptive (``fit(X, y, sample_domain)``). A pipeline takes part if its
        last step is one. They are cloned.
    corpora : sequence of Corpus, FeatureTable or PublishedFeatures
        Their names must differ.
    protocol : CDMERPairs, default=CDMERPairs()
        The twelve experiments of the CDMER benchmark.
    descriptor : transformer or None, default=None
        Applied to each clip by itself, once per corpus, so that all methods and experiments share
        the result. It must have nothing to learn from other clips; learned steps belong into the
        methods. None: the methods take the clips, or the rows of features, as they are.
    scheme : str or LabelScheme, default="cdmer-130"
        Label scheme for clips, and for the rows of feature tables.
    n_jobs : int or None, default=None
        Number of joblib workers over (experiment, method). The result does not depend on it.
    progress : bool or None, default=None
        None shows bars on terminals alone, False never.

    Returns
    -------
    Results
        Per-clip predictions, and tables of any metric made from them.

    Raises
    ------
    ValueError
        If a name occurs twice, a source and a target share clips, feature tables have other
        columns than each other, the scheme is unknown, the protocol has no experiment for the
        corpora, or a method predicts something that is not a class.
    TypeError
        If a corpus is neither a Corpus nor a FeatureTable nor PublishedFeatures, or a method takes
        no `sample_domain`.
    """
    scheme = get_scheme(scheme)
    if not methods:
        raise ValueError("methods: got none, expected a dict of named estimators")
    _check_columns([corpus for corpus in corpora if isinstance(corpus, FeatureTable)])
    tables = {}
    for corpus in corpora:
        table = _read(corpus, scheme)
        if table.name in tables:
            raise ValueError(f"corpora: the name {table.name!r} occurs twice")
        tables[table.name] = table
    experiments = (CDMERPairs() if protocol is None else protocol).split(list(tables))
    for experiment in experiments:
        _check_apart(tables[experiment.source], tables[experiment.target])
    if descriptor is not None:
        _describe(tables.values(), descriptor, progress)

    units = [(e, name) for e in experiments for name in methods]
    jobs = Parallel(n_jobs=n_jobs, return_as="generator")
    outcomes = jobs(
        delayed(_run_unit)(methods[name], name, tables[e.source], tables[e.target])
        for e, name in units
    )
    predictions, fitted = [], {}
    with progress_bar(len(units), "Experiments", "run", progress) as bar:
        for (experiment, name), (codes, model) in zip(units, outcomes, strict=True):
            target = tables[experiment.target]
            _check_codes(codes, target, len(scheme.classes), name)
            predictions.append((experiment, name, target, codes))
            fitted[experiment.name, name] = model
            bar.update()
    return Results.from_codes(predictions, scheme, fitted)


def _read(corpus, scheme):
    if isinstance(corpus, PublishedFeatures):
        if tuple(corpus.class_names) != scheme.classes:
            raise ValueError(
                f"scheme: the features of {corpus.corpus!r} have the classes "
                f"{tuple(corpus.class_names)}, scheme {scheme.name!r} has {scheme.classes}"
            )
        clips = [f"{corpus.corpus}/{i}" for i in range(len(corpus.labels))]
        return _Table(
            corpus.corpus, corpus.features, np.asarray(corpus.labels), clips, [""] * len(clips)
        )
    if isinstance(corpus, FeatureTable):
        if corpus.corpus is None:
            raise ValueError("corpora: expected one corpus per feature table, got clips of several")
        name, rows = corpus.corpus, corpus.features
        clips, subjects = corpus.clips["key"], corpus.clips["subject"]
    elif isinstance(corpus, Corpus):
        name, rows = corpus.name, np.empty(len(corpus), dtype=object)
        rows[:] = list(corpus)
        clips, subjects = [clip.key for clip in corpus], [clip.subject for clip in corpus]
    else:
        raise TypeError(
            "corpora: expected Corpus, FeatureTable or PublishedFeatures, got "
            f"{type(corpus).__name__}"
        )
    classes = corpus.labels(scheme)
    kept = [i for i, c in enumerate(classes) if c is not None]
    if not kept:
        raise ValueError(f"scheme {scheme.name!r} leaves no clip of corpus {name!r}")
    return _Table(
        name,
        rows[kept],
        np.array([scheme.classes.index(classes[i]) for i in kept]),
        [clips[i] for i in kept],
        [subjects[i] for i in kept],
    )


def _check_columns(tables):
    for table in tables[1:]:
        if not np.array_equal(table.feature_names, tables[0].feature_names):
            raise ValueError(
                f"corpora: the features of {tables[0].corpus!r} and {table.corpus!r} are not the "
                f"same: {tables[0].transformer}, {table.transformer}"
            )


def _check_apart(source, target):
    shared = sorted(set(source.clips) & set(target.clips))
    if shared:
        raise ValueError(
            f"corpora: {source.name!r} and {target.name!r} share {len(shared)} clips, such as "
            f"{shared[0]!r}; a labelled clip must not be tested on"
        )


def _describe(tables, descriptor, progress):
    with progress_bar(
        sum(len(table.rows) for table in tables), "Descriptors", "clip", progress
    ) as bar:
        for table in tables:
            if not isinstance(table.rows[0], np.ndarray):  # published features are rows already
                parts = []
                for clips in np.array_split(table.rows, max(1, len(table.rows) // 16)):
                    parts.append(clone(descriptor).fit_transform(clips))
                    bar.update(len(clips))
                table.rows = np.concatenate(parts)


def _run_unit(method, name, source, target):
    X = np.concatenate([source.rows, target.rows])
    y = np.concatenate([source.codes, np.full(len(target.codes), HIDDEN)])
    domain = np.repeat([1, -2], [len(source.codes), len(target.codes)])
    model = clone(method)
    # Units are what runs in parallel. One BLAS thread in each: sums come out the same for any
    # n_jobs, and libsvm does not start threads for every product of two rows.
    with threadpool_limits(1, user_api="blas"):
        try:
            fit_adaptive(model, X, y, domain)
        except TypeError as error:
            if "sample_domain" not in str(error):
                raise
            raise TypeError(f"methods: {name!r}: {error}") from error
        return model.predict(target.rows), model


def _check_codes(codes, target, n_classes, name):
    codes = np.asarray(codes)
    if codes.shape != target.codes.shape or not np.isin(codes, np.arange(n_classes)).all():
        raise ValueError(
            f"method {name!r}: expected {len(target.codes)} class codes between 0 and "
            f"{n_classes - 1} for {target.name!r}, got {codes.shape} with {np.unique(codes)[:5]}"
        )
