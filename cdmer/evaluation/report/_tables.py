"""Tables of scores as the report and papers show them, methods in rows."""

from dataclasses import dataclass

import numpy as np

from cdmer.evaluation._pools import MEAN
from cdmer.evaluation.statistics import intervals

ORACLE = "oracle"


@dataclass(frozen=True)
class Cell:
    """A score and its interval, as text; ``""`` where there is none."""

    score: str
    interval: tuple = ()
    best: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Row:
    """A method and its cells."""

    method: str
    oracle: bool
    cells: tuple


@dataclass(frozen=True)
class Table:
    """Scores of one metric, or of several ways to compute one."""

    title: str
    meaning: str
    columns: tuple
    rows: tuple

    def in_blocks(self, width=13):
        """Cut it into tables of at most `width` columns, as even as can be; a list of Table."""
        n_blocks = max(1, -(-len(self.columns) // width))
        blocks = []
        for places in np.array_split(np.arange(len(self.columns)), n_blocks):
            columns = tuple(self.columns[i] for i in places)
            rows = tuple(
                Row(r.method, r.oracle, tuple(r.cells[i] for i in places)) for r in self.rows
            )
            blocks.append(Table(self.title, self.meaning, columns, rows))
        return blocks

    @property
    def has_partial(self):
        """Whether a score lacks clips of jobs that failed."""
        return any(cell.partial for row in self.rows for cell in row.cells)


def score_table(results, metric, found=None, by="experiment"):
    """Make the table of one metric.

    Parameters
    ----------
    results : Results
    metric : Metric
    found : pandas.DataFrame, optional
        What `intervals` gives for it.
    by : {"experiment", "corpus", "all"}, default="experiment"

    Returns
    -------
    Table
        The mean comes first, where there are several experiments.
    """
    found = intervals(results, metric, by=by) if found is None else found
    # Of one experiment's parts the corpus says enough.
    short = by == "corpus" and len(results.experiments) == 1
    pools = found["corpus"] if short else map(pool_label, found.to_dict("records"))
    found = found.assign(pool=list(pools))
    pools = list(dict.fromkeys(found["pool"]))
    if MEAN in pools:
        pools.remove(MEAN)
        pools = [MEAN, *pools] if len(pools) > 1 else pools
    known = found.set_index(["pool", "method"])[["score", "low", "high"]]
    values = {key: tuple(row) for key, row in zip(known.index, known.to_numpy(), strict=True)}
    failed = _partly_failed(results)
    oracle = oracle_methods(results)
    experiment = dict(zip(found["pool"], found.get("experiment", found["pool"]), strict=True))
    rows = []
    for method in results.methods:
        cells = []
        for pool in pools:
            score, low, high = values.get((pool, method), (np.nan,) * 3)
            partial = np.isfinite(score) and (
                bool(failed.get(method, ()))
                if pool == MEAN or by == "all"
                else experiment[pool] in failed.get(method, ())
            )
            cells.append((score, low, high, partial))
        rows.append((method, method in oracle, cells))
    title = f"{metric.name} by corpus" if by == "corpus" else metric.name
    return Table(title, metric.meaning, tuple(pools), marked(rows))


def marked(rows):
    """Turn (method, oracle, [(score, low, high, partial)]) into rows; mark the best of a column.

    Oracle methods are never the best, nor are scores that lack clips, which may be the hard ones;
    nothing is where fewer than two methods compete. Equal to the printed digits is equal: nobody
    should read a difference into what shows none.
    """
    scores = np.array([[c[0] for c in cells] for _, _, cells in rows], dtype=float).round(4)
    partial = np.array([[c[3] for c in cells] for _, _, cells in rows], dtype=bool)
    oracles = np.array([oracle for _, oracle, _ in rows], dtype=bool)
    compete = np.isfinite(scores) & ~partial & ~oracles[:, None]
    top = np.where(compete, scores, -np.inf).max(axis=0, initial=-np.inf)
    best = compete & (scores == top) & (compete.sum(axis=0) > 1)
    return tuple(
        Row(
            method_label(method, oracle),
            oracle,
            tuple(
                cell(*values[:3], best=bool(b), partial=values[3])
                for values, b in zip(cells, best_row, strict=True)
            ),
        )
        for (method, oracle, cells), best_row in zip(rows, best, strict=True)
    )


def cell(score, low=np.nan, high=np.nan, best=False, partial=False):
    """Write a score with four digits and its interval with three."""
    if not np.isfinite(score):
        return Cell("")
    interval = (f"{low:.3f}", f"{high:.3f}") if np.isfinite(low) and np.isfinite(high) else ()
    return Cell(f"{score:.4f}", interval, best, bool(partial))


def method_label(method, oracle):
    """Name a method; the name of one that was selected on target labels says so."""
    return f"{method}, {ORACLE}" if oracle and ORACLE not in method.lower() else method


def pool_label(row):
    """Name what a score is of: experiment, source and target, corpus."""
    experiment = row.get("experiment", "")
    if experiment == MEAN:
        return MEAN
    if not experiment:
        return row.get("corpus", "") or "all"
    source, target = str(row.get("source", "")), str(row.get("target", ""))
    is_said = not source or source == target or (source in experiment and target in experiment)
    # Of a hold-out over all other corpora the target says enough.
    is_said = is_said or (experiment == target and " + " in source)
    label = experiment if is_said else f"{experiment}: {source} → {target}"
    corpus = str(row.get("corpus", ""))
    return f"{label}, {corpus}" if corpus and corpus != target else label


def oracle_methods(results):
    """Names of the methods that were selected on target labels, a set."""
    pairs = results.predictions[["method", "selection"]].drop_duplicates()
    return {m for m, s in pairs.itertuples(index=False) if str(s).startswith(ORACLE)}


def _partly_failed(results):
    """Experiments in which a job of a method failed, a dict of method to set."""
    failed = {}
    if results.failures is not None:
        pairs = results.failures[["method", "experiment"]].drop_duplicates()
        for method, experiment in pairs.itertuples(index=False):
            failed.setdefault(method, set()).add(experiment)
    return failed
