"""Leaderboards as data: one TOML file each."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cdmer.evaluation.protocols import CDMER_EXPERIMENTS

COLUMNS = ("board", "method", "oracle", "metric", "pool", "value", "worth", "source")


@dataclass(frozen=True, eq=False)
class Board:
    """A table of published scores on one protocol.

    Parameters
    ----------
    name : str
        Its file, without ``.toml``.
    title : str
    protocol : str
        Name of the protocol's class.
    schemes : tuple of str
        Label schemes under which scores can be compared with it.
    corpora : tuple of str
    pools : str
        What a score is of. ``"experiments"``: a pair, ``"source → target"``; ``"corpora"``: the
        clips of one corpus; ``"targets"``: the corpus that is held out. Among the last two,
        ``"all"`` is everything pooled and ``"mean"`` the mean over experiments.
    source : str
        Where rows are from that do not say so themselves.
    rows : tuple of dict
        ``method, oracle, worth, source`` and, per metric, a dict of pool to score.
    """

    name: str
    title: str
    protocol: str
    schemes: tuple
    corpora: tuple
    pools: str
    source: str
    rows: tuple

    def applies_to(self, info):
        """Whether a run can be compared with it.

        Pairs are compared one by one, so some of the corpora are enough. Elsewhere a score depends
        on all corpora trained on, so they must be the same.

        Parameters
        ----------
        info : dict
            See `Results`.

        Returns
        -------
        bool
        """
        if info["protocol"]["class"] != self.protocol or info["scheme"]["name"] not in self.schemes:
            return False
        given = {corpus["name"] for corpus in info.get("corpora", ())}
        if self.pools == "experiments":
            return any(_within(pool, given) for row in self.rows for pool in _pools(row))
        return given == set(self.corpora)

    def cells(self, info):
        """Scores for the corpora of a run, a list of dict with the keys of `published_for`."""
        given = {corpus["name"] for corpus in info.get("corpora", ())}
        return [
            {
                "board": self.title,
                **{k: row[k] for k in ("method", "oracle", "worth", "source")},
                "metric": metric,
                "pool": pool,
                "value": value,
            }
            for row in self.rows
            for metric, scores in row["scores"].items()
            for pool, value in scores.items()
            if self.pools != "experiments" or _within(pool, given)
        ]


@cache
def boards():
    """Tables of published scores that come with the library.

    Returns
    -------
    tuple of Board
    """
    folder = files("cdmer.evaluation.published")
    found = sorted(f.name for f in folder.iterdir() if f.name.endswith(".toml"))
    return tuple(
        _read(name.removesuffix(".toml"), folder.joinpath(name).read_text("utf-8"))
        for name in found
    )


def published_for(info):
    """Published scores that share protocol, label scheme and corpora with a run.

    Little else is shared: features, networks and above all the way settings were chosen differ,
    which is why each row says what it is worth.

    Parameters
    ----------
    info : dict
        What was run: see `Results`.

    Returns
    -------
    pandas.DataFrame
        A row per score: ``board`` (title of the table it stands in), ``method``, ``oracle``
        (whether labels of tested clips chose a setting or an epoch), ``metric``, ``pool`` (see
        `Board`), ``value`` (0 to 1), ``worth``, ``source``. No rows where nothing is comparable.

    Examples
    --------
    >>> from cdmer.evaluation.published import published_for
    >>> found = published_for({
    ...     "protocol": {"class": "CompositeLOSO"}, "scheme": {"name": "three"},
    ...     "corpora": [{"name": "casme2"}, {"name": "smic-hs"}, {"name": "samm"}]})
    >>> row = found[(found.method == "HTNet") & (found.pool == "all")].iloc[0]
    >>> print(row.metric, row.value, row.oracle)
    UF1 0.8603 True
    """
    import pandas as pd

    cells = [cell for board in boards() if board.applies_to(info) for cell in board.cells(info)]
    return pd.DataFrame(cells, columns=list(COLUMNS))


def published_results():
    """Scores of the CDMER benchmark as printed.

    Returns
    -------
    dict
        Method to number of the experiment to (M-F1, accuracy in %).
    """
    board = next(board for board in boards() if board.name == "cdmer")
    number = {f"{e.source} → {e.target}": e.name for e in CDMER_EXPERIMENTS}
    return {
        row["method"]: {
            number[pool]: (m_f1, round(100 * row["scores"]["WAR"][pool], 2))
            for pool, m_f1 in row["scores"]["UF1"].items()
        }
        for row in board.rows
    }


def _read(name, text):
    given = tomllib.loads(text)
    pair = {e.name: f"{e.source} → {e.target}" for e in CDMER_EXPERIMENTS}
    rename = pair.__getitem__ if given["pools"] == "experiments" else str
    rows = []
    for entry in given.pop("rows"):
        about = {
            "method": entry.pop("method"),
            "oracle": entry.pop("oracle", False),
            "worth": entry.pop("worth"),
            "source": entry.pop("source", given["source"]),
        }
        scores = {m: {rename(k): v for k, v in cells.items()} for m, cells in entry.items()}
        rows.append({**about, "scores": scores})
    return Board(
        name,
        given["title"],
        given["protocol"],
        tuple(given["schemes"]),
        tuple(given["corpora"]),
        given["pools"],
        given["source"],
        tuple(rows),
    )


def _pools(row):
    return {pool for scores in row["scores"].values() for pool in scores}


def _within(pair, corpora):
    return set(pair.split(" → ")) <= corpora
