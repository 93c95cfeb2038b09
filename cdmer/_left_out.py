"""Sentences on the clips that a label scheme leaves out."""

from dataclasses import replace

from cdmer._text import counted


def describe_left_out(scheme, name, clips):
    """Say how many clips of a corpus a label scheme leaves out, and why.

    Parameters
    ----------
    scheme : LabelScheme or ActionUnitScheme
    name : str
        Name of the corpus.
    clips : sequence of Clip
        All clips of the corpus.

    Returns
    -------
    list of str
        A sentence per kind of reason; none where nothing is to be said.
    """
    if hasattr(scheme, "indicator"):
        return _describe_action_units(scheme, name, clips)
    counts = scheme.left_out(clips)
    if not counts:
        return []
    reasons = ", ".join(f"{reason} {number}" for reason, number in counts.items())
    return [
        f"{sum(counts.values())} of {counted(len(clips), 'clip')} of {name} are left out by scheme "
        f"{scheme.name!r}: {reasons}"
    ]


def _describe_action_units(scheme, name, clips):
    refused = scheme.refused(clips)
    doubtful = replace(scheme, doubtful="refuse").refused(clips)
    read = {key: text for key, text in doubtful.items() if key not in refused}
    sentences = []
    if refused:
        sentences.append(
            f"{len(refused)} of {counted(len(clips), 'clip')} of {name} are left out, as their "
            f"action units are missing or unreadable: {_list(refused)}"
        )
    if read:
        sentences.append(
            f"{counted(len(read), 'clip')} of {name} with doubtful action units, read by "
            f"doubtful={scheme.doubtful!r}: {_list(read)}"
        )
    return sentences


def _list(texts):
    return ", ".join(f"{key} {text}" for key, text in texts.items())
