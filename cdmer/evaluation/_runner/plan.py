"""Every job of a benchmark with its configuration, before any is run."""

import functools
import reprlib
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from cdmer._steps import stateless_steps, steps_text
from cdmer._text import without_folders
from cdmer.evaluation._runner.estimate import estimate
from cdmer.evaluation._runner.together import make_batches
from cdmer.evaluation._runner.work import Job
from cdmer.evaluation._store.records import TestSet, canonical_json, digest
from cdmer.evaluation.protocols import Fold, fold_notes, missing_clips

_LAYOUT = 1
_LIBRARIES = {"cdmer": "cdmer", "numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"}


class Plan:
    """Every job of a benchmark, the test sets of its folds by their keys, and what the run is."""

    def __init__(self, candidates, data, protocol, seeds, descriptor, embeddings):
        self.data, self.embeddings = data, embeddings
        self.folds = _check_folds(protocol.roles(data.metadata), protocol, len(data.clips))
        estimate(candidates, self.folds, seeds, data, descriptor).check()
        scheme = {
            "name": data.scheme.name,
            "classes": list(data.scheme.classes),
            "multilabel": data.multilabel,
        }
        described = None
        if descriptor is not None:
            described = without_folders(steps_text(stateless_steps(descriptor)), told_apart=True)
        common = {
            "descriptor": canonical_json(described),
            "layout": str(_LAYOUT),
            "protocol": canonical_json({"class": type(protocol).__name__}),
            "scheme": canonical_json(scheme),
        }
        self._seeded = {
            c.label: [(seed, *c.seeded(seed)) for seed in (seeds if c.has_chance else [None])]
            for c in candidates
        }
        self.test_sets = {}
        self._texts = {
            candidate.label: {
                "method": canonical_json(candidate.spec),
                "selection": canonical_json(candidate.selection),
                "versions": canonical_json(_versions([candidate.spec])),
            }
            for candidate in candidates
        }
        self.jobs = [job for fold in self.folds for job in self._jobs_of(fold, candidates, common)]
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
            "unscored": [*data.lost, *_untested(self.folds, data)],
            "regions": _regions(descriptor, data),
        }

    def _jobs_of(self, fold, candidates, common):
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
        test_key = test_set.key
        self.test_sets[test_key] = test_set
        for candidate in candidates:
            for seed, estimator, settings in self._seeded[candidate.label]:
                # Put together from parts that are canonical already: there may be ten thousand.
                texts = parts | self._texts[candidate.label] | {"seed": canonical_json(seed)}
                config = "{" + ",".join(f'"{k}":{texts[k]}' for k in sorted(texts)) + "}"
                yield Job(
                    label=candidate.label,
                    estimator=estimator,
                    settings=settings,
                    selection=candidate.selection,
                    fold=fold,
                    domain=domain,
                    seed=seed,
                    n_classes=len(data.scheme.classes),
                    embeddings=self.embeddings,
                    config=config,
                    key=digest(config),
                    test_set=test_key,
                )

    def batches(self):
        """Numbers of jobs by what one worker does together: see `make_batches`."""
        return make_batches(self.jobs, self.data)


def _check_folds(folds, protocol, n_clips):
    """Hold a protocol to what it states, whoever wrote it."""
    folds = list(folds) if isinstance(folds, list | tuple) else [folds]
    if not folds or not all(isinstance(fold, Fold) for fold in folds):
        raise TypeError(
            f"protocol: {type(protocol).__name__}: roles: expected a list of one Fold or more, got "
            f"{reprlib.repr(folds)}"
        )
    for fold in folds:
        _check_fold(fold, protocol, n_clips)
    return folds


def _check_fold(fold, protocol, n_clips):
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


def _untested(folds, data):
    """List the keys of clips that no fold tests."""
    left = np.ones(len(data.clips), dtype=bool)
    for fold in folds:
        left[fold.test] = False
    return data.clips[left].tolist()


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
    """Top-level packages of the classes that what identifies a method names."""
    if isinstance(spec, list):
        return set().union(*map(_roots, spec))
    if not isinstance(spec, dict):
        return set()
    named = {spec[k].split(".")[0] for k in ("class", "name") if isinstance(spec.get(k), str)}
    return named.union(*map(_roots, spec.values()))
