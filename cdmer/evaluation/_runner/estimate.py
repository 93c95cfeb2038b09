"""How much a benchmark is, before it starts."""

from typing import NamedTuple

from sklearn.model_selection import ParameterGrid

from cdmer._limits import check_memory
from cdmer._steps import flat_steps
from cdmer._text import counted
from cdmer.evaluation._store.records import canonical_json

MOST_JOBS = 10**6
# A row is kept, copied for a fold, and once more by what is fitted.
_COPIES = 3
# Of a job without its settings, of a row of a fold in names and numbers, and of a setting.
_JOB_BYTES, _FOLD_ROW_BYTES, _SETTING_BYTES = 4000, 64, 1000


class Estimate(NamedTuple):
    """Jobs, fitted models and memory of a benchmark.

    Parameters
    ----------
    n_jobs : int
        Methods × folds × seeds.
    n_models : int
        Jobs × settings, those that vote in `GridVoting` as well.
    n_bytes : int
        Of features, as far as their number is known, and of what is planned.
    """

    n_jobs: int
    n_models: int
    n_bytes: int

    def check(self):
        """Refuse more jobs, or more memory, than there can be.

        Raises
        ------
        ValueError
        """
        if self.n_jobs > MOST_JOBS:
            raise ValueError(
                f"methods, seeds, protocol: expected {MOST_JOBS} jobs at most, got {self.n_jobs} "
                "(methods × folds × seeds); a store takes them in several runs"
            )
        check_memory(self.n_bytes, f"corpora, methods: {self.words()}")

    def words(self):
        """Say it in a few words, a str."""
        return (
            f"{counted(self.n_jobs, 'job')}, {counted(self.n_models, 'model')} to fit, about "
            f"{self.n_bytes / 2**20:.0f} MiB for features and plan"
        )


def estimate(candidates, folds, seeds, data, descriptor=None):
    """Estimate what a benchmark takes.

    Parameters
    ----------
    candidates : list of Candidate
    folds : list of Fold
    seeds : sequence of int
    data : Data
        Features of clips need not be there.
    descriptor : transformer or None, default=None
        What will make them.

    Returns
    -------
    Estimate
    """
    n_jobs = n_models = n_text = 0
    for candidate in candidates:
        n_own = len(folds) * (len(seeds) if candidate.has_chance else 1)
        n_jobs += n_own
        n_models += n_own * len(candidate.settings or [None]) * _n_voting(candidate.estimator)
        n_text += n_own * (_JOB_BYTES + len(canonical_json(candidate.spec)))
    n_rows = sum(len(fold.train) + len(fold.adapt) + len(fold.test) for fold in folds)
    rows = data.X
    n_bytes = rows.nbytes if rows.dtype != object else 8 * len(rows) * n_columns(descriptor)
    return Estimate(n_jobs, n_models, _COPIES * n_bytes + n_text + _FOLD_ROW_BYTES * n_rows)


def check_rows(parts, descriptor=None):
    """Refuse features that the memory cannot hold, before they are computed or put together.

    Parameters
    ----------
    parts : list of (ndarray)
        Rows of features, or clips, per corpus.
    descriptor : transformer or None, default=None
        Makes features of clips.

    Raises
    ------
    ValueError
    """
    for_clips = 8 * n_columns(descriptor)
    sizes = [r.nbytes if r.dtype != object else len(r) * for_clips for r in parts]
    check_memory(_COPIES * sum(sizes), f"corpora: features of {sum(map(len, parts))} clips")


def check_settings(param_grid, name):
    """Refuse settings that the memory cannot hold, before they are made; ranges count as they are.

    Raises
    ------
    ValueError
    """
    count = ParameterGrid(param_grid).__len__()  # `len` takes no number above 2**63
    check_memory(_SETTING_BYTES * count, f"{name}: {min(count, 10**18):.3g} settings")


def n_columns(descriptor):
    """Number of features that a descriptor makes of a clip, 0 where that is not known before.

    Parameters
    ----------
    descriptor : transformer or None

    Returns
    -------
    int
    """
    steps = [] if descriptor is None else list(flat_steps(descriptor))
    return max((getattr(step, "n_features_out", 0) for step in steps), default=0)


def _n_voting(estimator):
    """Models that an estimator fits by itself for each setting of its own ``param_grid``."""
    product = 1
    for name, value in estimator.get_params(deep=True).items():
        if name.split("__")[-1] == "param_grid" and value:
            product *= ParameterGrid(value).__len__()
    return product
