"""How many clips of which class and subject a corpus has."""

from cdmer.corpora._schemes import get_scheme


def classes_of(corpus, scheme):
    """Give the class of every clip, and all classes in order.

    Parameters
    ----------
    corpus : Corpus
    scheme : str, LabelScheme or None
        None for labels as annotated, in alphabetical order.

    Returns
    -------
    classes : list of (str or None)
        One per clip; None for clips without.
    names : list of str
    """
    classes = [clip.label for clip in corpus]
    if scheme is not None:
        scheme = get_scheme(scheme, labels=classes)
        return corpus.labels(scheme), list(scheme.classes)
    return classes, sorted({label for label in classes if label is not None})


def summarise(corpus, scheme):
    """Count clips per class and subject; see `Corpus.summary`."""
    import pandas as pd

    classes, names = classes_of(corpus, scheme)
    groups = {}
    for clip, label in zip(corpus, classes, strict=True):
        groups.setdefault((clip.corpus, clip.subject), []).append((clip, label))
    names = [*names, None] if None in classes else names
    rows = {}
    for group, members in groups.items():
        begin = "/".join(group) + "/"
        rows[group] = _row(
            members,
            names,
            [
                [n for n in notes if (n.clip or "").startswith(begin)]
                for notes in (corpus.repairs, corpus.faults)
            ],
        )
    everything = list(zip(corpus, classes, strict=True))
    rows["all", ""] = _row(everything, names, [corpus.repairs, corpus.faults])
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["corpus", "subject"])
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def _row(members, names, notes):
    """Summarise clips, given with their classes, and what was repaired and found faulty in them."""
    rates = [clip.fps for clip, _ in members if clip.fps is not None]
    row = {
        ("clips", "number"): len(members),
        ("clips", "repairs"): len(notes[0]),
        ("clips", "faults"): len(notes[1]),
        ("fps", "lowest"): min(rates, default=float("nan")),
        ("fps", "highest"): max(rates, default=float("nan")),
    }
    labels = [label for _, label in members]
    return row | {("label", name or "none"): labels.count(name) for name in names}
