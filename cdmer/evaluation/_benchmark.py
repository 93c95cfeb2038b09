"""Run methods over the folds of a protocol, and keep every prediction as soon as it is there."""

import functools
import reprlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer._progress import progress_bar
from cdmer.evaluation._data import Data
from cdmer.evaluation._dispatch import run_tasks
from cdmer.evaluation._methods import read_methods
from cdmer.evaluation._records import TestSet, Unit, canonical_json, digest
from cdmer.evaluation._store import ResultStore
from cdmer.evaluation._work import Task
from cdmer.evaluation.protocols import CDMERPairs, Protocol, fold_notes, missing_clips, people
from cdmer.extraction._steps import describe as describe_steps
from cdmer.extraction._steps import stateless_steps

_LAYOUT = 1
_LIBRARIES = {"cdmer": "cdmer", "numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"}


def benchmark(
    methods,
    corpora,
    protocol=None,
    *,
    descriptor=None,
    scheme="cdmer-130",
    selection="fixed",
    seeds=(0,),
    n_jobs=None,
    store=None,
    cache=None,
    on_error="record",
    embeddings=False,
    title="",
    command="",
    config_text="",
    progress=None,
):
    """Evaluate methods on every fold of a protocol.

    A method is given what the roles of the protocol allow, and nothing else: the training rows with
    their labels, the rows to adapt to with -1 in place of labels (clips without their annotations
    of class), and for prediction the tested rows. Methods that take no `sample_domain` are fitted
    on the training rows alone. Arrays come read-only: a method that works in place copies them, or
    fails, and spoils nothing for others.

    Parameters
    ----------
    methods : dict of str to (estimator or Method)
        Named classifiers or pipelines, adaptive (``fit(X, y, sample_domain)``) or not. They are
        cloned. `Method` adds a grid to choose from and a citation.
    corpora : sequence of Corpus, FeatureTable or PublishedFeatures
        Their names must differ, and they share no clip.
    protocol : Protocol, default=CDMERPairs()
        See `cdmer.evaluation.protocols`.
    descriptor : transformer or None, default=None
        Applied to each clip by itself, once, so that all methods and folds share the result. It
        must have nothing to learn from other clips; learned steps belong into the methods. It sees
        clips without their annotations of class. None:
        the methods take the clips, or the rows of features, as they are.
    scheme : str, LabelScheme or ActionUnitScheme, default="cdmer-130"
        Label scheme for clips, and for the rows of feature tables. Under a scheme of action units a
        clip has several classes; classifiers that take one are cloned for each unit.
    selection : str or list of str, default="fixed"
        How methods with a grid come by their setting:

        - ``"fixed"``: the estimator as it is.
        - ``"label-free:<criterion>"``: a criterion of `cdmer.evaluation.selection` that reads no
          label of the target, such as ``"label-free:iwv"``.
        - ``"nested-loso"``: UF1 on the training rows, one person left out after the other.
        - ``"oracle"``: the best on the tested clips, which nobody could know who needs a
          recogniser; most published tables are made so. Its results carry that word everywhere.

        Several run beside each other.
    seeds : sequence of int, default=(0,)
        For methods with a `random_state` that was left open (None); others run once.
    n_jobs : int or None, default=None
        Number of joblib workers over units (a method on a fold with a seed); a
        `joblib.parallel_config` context chooses the backend, be it Dask's or Ray's. The result does
        not depend on either.
    store : path-like, ResultStore or None, default=None
        Where finished units are kept, each as soon as it is done. Units that are there are not run
        again, so a run that was stopped goes on where it stopped, and a run with more methods,
        folds or seeds adds to it. None: memory.
    cache : path-like or None, default=None
        Folder for features of clips: see `cdmer.extraction.extract`.
    on_error : {"record", "raise"}, default="record"
        What becomes of a unit whose method fails or predicts what is no class. "record": its
        traceback is kept in `Results.failures`, the rest goes on, and one warning counts them;
        asked for again, such units run again. "raise": the first one stops the run.
    embeddings : bool, default=False
        Whether to keep where rows lie before and after adaptation, for the report.
    title, command, config_text : str, default=""
        For the report: its heading, and how to repeat the run.
    progress : bool or None, default=None
        None shows bars on terminals alone, False never.

    Returns
    -------
    Results
        Per-clip predictions, and tables of any metric made from them.

    Raises
    ------
    ValueError
        If a name occurs twice, corpora share clips, feature tables have other columns than each
        other, the scheme or selection is unknown, the protocol has no fold for the corpora, a
        method asks for target rows that the protocol forbids, or no unit at all could be run.
    TypeError
        If a corpus, method or protocol is something else, or the last step of an adaptive pipeline
        takes no `sample_domain`.
    OSError
        If the store cannot be written to; what was finished before is kept.
    RuntimeError
        If workers are lost again and again.

    Examples
    --------
    >>> from cdmer.adaptation import TCA, SourceOnly
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.evaluation import CDMERPairs, Method, benchmark
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> corpora = [make_synthetic_corpus(name, n_clips=6, size=32, random_state=0)
    ...            for name in ("webcam-25fps", "nir-25fps")]
    >>> results = benchmark(
    ...     {"SVM": SourceOnly(), "TCA": Method(TCA(), {"n_components": [2, 4]})},
    ...     corpora, CDMERPairs(None), descriptor=LBPTOP(radius=1, grid=RegionGrid((1, 2))),
    ...     selection=["label-free:entropy", "oracle"], progress=False)
    >>> results.methods
    ['SVM', 'TCA, label-free:entropy', 'TCA, oracle']
    """
    check_choice("on_error", on_error, ("record", "raise"))
    check_flag("embeddings", embeddings)
    protocol = CDMERPairs() if protocol is None else protocol
    if not isinstance(protocol, Protocol):
        raise TypeError(f"protocol: expected a Protocol, got {protocol!r}")
    seeds = _check_seeds(seeds)
    if n_jobs is not None:
        check_number("n_jobs", n_jobs, whole=True)
        if n_jobs == 0:
            raise ParameterError("n_jobs: expected a number of workers, or -1 for all, got 0")
    words = {"title": title, "command": command, "config": config_text}
    for name, text in words.items():
        if not isinstance(text, str):
            raise ParameterError(f"{name}: expected a str, got {text!r}")
    own = not isinstance(store, ResultStore)
    store = ResultStore(store) if own else store
    try:
        candidates = read_methods(methods, selection, protocol, strict=store.path is not None)
        data = Data(
            corpora, scheme, descriptor, n_jobs=n_jobs, cache=cache, progress=progress
        )  # fmt: skip
        plan = _Plan(candidates, data, protocol, seeds, descriptor, embeddings)
        run = store.add_run(plan.info | words, [(u.candidate.label, u.key) for u in plan.units])
        _run(plan, store, n_jobs, on_error, progress)
        results = store.results(run)
    finally:
        if own:
            store.close()
    if len(results.failures):
        _tell_failures(results, len(plan.units))
    return results


def _run(plan, store, n_jobs, on_error, progress):
    """Do what the store does not have yet."""
    done = store.finished([unit.key for unit in plan.units])
    left = [i for i, unit in enumerate(plan.units) if unit.key not in done]
    data = plan.data
    shared = (data.X, data.hidden, data.truth, people(data.corpora, data.subjects))

    def skip(number):
        key = plan.units[number].key
        return key in store.finished([key])

    n_units = len(plan.units)
    with progress_bar(n_units, "Units", "unit", progress, done=n_units - len(left)) as bar:
        for number, outcome in run_tasks(left, plan.task, shared, n_jobs, skip):
            planned = plan.units[number]
            unit = Unit(planned.config, planned.test_set.key, **outcome)
            store.add(unit, planned.test_set)
            if unit.error is not None and on_error == "raise":
                raise _stopped(planned, unit.error)
            bar.update()


def _stopped(planned, error):
    where = f"experiment {planned.fold.experiment!r}, fold {planned.fold.name!r}"
    stop = ValueError(
        f"method {planned.candidate.label!r}, {where}: {error['type']}: {error['message']}"
    )
    stop.add_note(error["traceback"])
    return stop


def _tell_failures(results, n_units):
    failures = results.failures
    first = failures.iloc[0]
    text = (
        f"{len(failures)} of {n_units} units failed; first method {first['method']!r}, experiment "
        f"{first['experiment']!r}: {first['error']}: {first['message']}"
    )
    if len(failures) == n_units:
        error = ValueError(f"methods: {text}")
        error.add_note(first["traceback"])
        raise error
    warnings.warn(f"{text}. results.failures tells why.", stacklevel=3)


def _check_seeds(seeds):
    seeds = list(seeds) if isinstance(seeds, Iterable) else [seeds]
    for seed in seeds:
        check_number("seeds", seed, least=0, most=2**32 - 1, whole=True)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ParameterError(f"seeds: expected one or more different numbers, got {seeds}")
    return [int(seed) for seed in seeds]


@dataclass(frozen=True, eq=False)
class _Planned:
    """A unit before it is run."""

    candidate: object
    fold: object
    domain: np.ndarray
    seed: int | None
    config: str
    key: str
    test_set: TestSet


class _Plan:
    """Every unit of a benchmark with its configuration, and what the run is."""

    def __init__(self, candidates, data, protocol, seeds, descriptor, embeddings):
        self.data, self.embeddings = data, embeddings
        self.folds = protocol.roles(data.metadata)
        for fold in self.folds:
            _check_fold(fold, protocol, len(data.clips))
        scheme = {
            "name": data.scheme.name,
            "classes": list(data.scheme.classes),
            "multilabel": data.multilabel,
        }
        described = None
        if descriptor is not None:
            described = describe_steps(stateless_steps(descriptor))
        common = {
            "descriptor": canonical_json(described),
            "layout": str(_LAYOUT),
            "protocol": canonical_json({"class": type(protocol).__name__}),
            "scheme": canonical_json(scheme),
        }
        self._seeds = {c.label: seeds if c.has_chance else [None] for c in candidates}
        self._texts = {
            candidate.label: {
                "method": canonical_json(candidate.spec),
                "selection": canonical_json(candidate.selection),
                "versions": canonical_json(_versions([candidate.spec])),
            }
            for candidate in candidates
        }
        self.units = [
            unit for fold in self.folds for unit in self._units_of(fold, candidates, seeds, common)
        ]
        versions = _versions([candidate.spec for candidate in candidates])
        about = data.about
        self.info = {
            "protocol": protocol.get_config()
            | {
                "words": protocol.words(),
                "allows_unlabelled_target": bool(protocol.allows_unlabelled_target),
            },
            "scheme": scheme,
            "corpora": about,
            "descriptor": described,
            "methods": {
                c.label: {"name": c.name, "selection": c.selection, "citation": c.citation} | c.spec
                for c in candidates
            },
            "order": [c.label for c in candidates],
            "seeds": seeds,
            "versions": versions,
            "notes": [
                *data.notes,
                *missing_clips(data.scheme.name, data.counts, data.n_subjects),
                *fold_notes(data.metadata, self.folds),
                *_absent_classes(self.folds, data),
            ],
            "regions": _regions(descriptor, data),
        }

    def _units_of(self, fold, candidates, seeds, common):
        data = self.data
        involved = np.concatenate([fold.train, fold.adapt, fold.test])
        names = [data.about[place]["name"] for place in np.unique(data.places[involved])]
        test_set = TestSet(
            tuple(data.clips[fold.test]),
            tuple(data.corpora[fold.test]),
            tuple(data.subjects[fold.test]),
            tuple(data.truth[fold.test].tolist())
            if data.truth.ndim == 1
            else tuple(map(tuple, data.truth[fold.test].tolist())),
        )
        about = {k: getattr(fold, k) for k in ("experiment", "name", "source", "target", "kind")}
        for role in ("train", "adapt", "test"):
            about[role] = data.name_rows(getattr(fold, role))
        parts = common | {
            "corpora": canonical_json({name: data.digests[name] for name in names}),
            "fold": canonical_json(about),
        }
        domain = _domains(data.places, fold)
        for candidate in candidates:
            for seed in self._seeds[candidate.label]:
                # Put together from parts that are canonical already: there may be ten thousand.
                texts = parts | self._texts[candidate.label] | {"seed": canonical_json(seed)}
                config = "{" + ",".join(f'"{k}":{texts[k]}' for k in sorted(texts)) + "}"
                yield _Planned(candidate, fold, domain, seed, config, digest(config), test_set)

    def task(self, number):
        """What a worker needs to know of a unit."""
        unit = self.units[number]
        fold, candidate = unit.fold, unit.candidate
        estimator, grid = candidate.estimator, candidate.grid
        if unit.seed is not None:
            estimator, grid = candidate.seeded(unit.seed)
        return Task(
            estimator,
            grid,
            candidate.selection,
            fold.train,
            fold.adapt,
            fold.test,
            unit.domain,
            len(self.data.scheme.classes),
            self.embeddings,
        )


def _check_fold(fold, protocol, n_clips):
    """Hold a protocol to what it states, whoever wrote it."""
    where = f"protocol: {type(protocol).__name__}, fold {fold.experiment!r}/{fold.name!r}"
    for role in ("train", "adapt", "test"):
        rows = getattr(fold, role)
        good = isinstance(rows, np.ndarray) and rows.ndim == 1 and rows.dtype.kind in "iu"
        good = good and (not len(rows) or (rows.min() >= 0 and rows.max() < n_clips))
        if not good or len(np.unique(rows)) < len(rows):
            raise ValueError(
                f"{where}: {role}: expected an array of different row numbers from 0 to "
                f"{n_clips - 1}, got {reprlib.repr(rows)}"
            )
    if fold.experiment == "mean":
        raise ValueError(f"{where}: expected another name of the experiment: tables add a mean")
    if not (len(fold.train) and len(fold.test)):
        raise ValueError(
            f"{where}: expected rows to train on and to test, got {len(fold.train)} and "
            f"{len(fold.test)}"
        )
    if len(fold.adapt) and not protocol.allows_unlabelled_target:
        raise ValueError(
            f"{where}: has {len(fold.adapt)} rows to adapt to, and says that it allows none"
        )
    for role in ("adapt", "test"):
        rows = getattr(fold, role)
        trained = np.zeros(n_clips, dtype=bool)
        trained[fold.train] = True
        n_shared = np.count_nonzero(trained[rows])
        if n_shared:
            raise ValueError(f"{where}: {n_shared} rows are both of role train and {role}")


def _domains(places, fold):
    """Numbers of corpora as skada has them: 1, 2, ... for sources, then negative for targets."""
    sources, numbers = np.unique(places[fold.train], return_inverse=True)
    _, targets = np.unique(places[fold.adapt], return_inverse=True)
    return np.concatenate([numbers + 1, -(targets + len(sources) + 1)])


def _absent_classes(folds, data):
    """Say which classes no tested clip of an experiment has."""
    if data.multilabel:
        return []
    notes = []
    for name in dict.fromkeys(fold.experiment for fold in folds):
        tested = np.concatenate([fold.test for fold in folds if fold.experiment == name])
        present = set(data.truth[tested].tolist())
        absent = [c for i, c in enumerate(data.scheme.classes) if i not in present]
        if absent:
            notes.append(
                f"No tested clip of experiment {name} is of class {', '.join(absent)}: its F1 and "
                "recall count as 0, for every method."
            )
    return notes


def _regions(descriptor, data):
    """Levels of the grid that features were taken on, where that is known."""
    steps = stateless_steps(descriptor) if descriptor is not None else []
    for step in steps:
        levels = getattr(getattr(step, "grid", None), "levels", None)
        if levels is not None:
            return {"levels": list(levels)}
    return data.regions


def _versions(specs):
    roots = set(_LIBRARIES)
    for spec in specs:
        roots |= _roots(spec)
    names = [_LIBRARIES.get(root, root) for root in sorted(roots)]
    return {name: found for name in names if (found := _version(name)) is not None}


@functools.cache
def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:  # a module of the user's own
        return None


def _roots(spec):
    """Top-level packages of the classes that a description names."""
    if isinstance(spec, list):
        return set().union(*map(_roots, spec))
    if not isinstance(spec, dict):
        return set()
    named = {spec[k].split(".")[0] for k in ("class", "name") if isinstance(spec.get(k), str)}
    return named.union(*map(_roots, spec.values()))
