"""A sentence on the clips that a label scheme leaves out."""


def describe_left_out(scheme, name, clips):
    """Say how many clips of a corpus a label scheme leaves out, and why.

    Parameters
    ----------
    scheme : LabelScheme
    name : str
        Name of the corpus.
    clips : sequence of Clip
        All clips of the corpus.

    Returns
    -------
    str
        Empty where none is left out.
    """
    counts = scheme.left_out(clips)
    if not counts:
        return ""
    reasons = ", ".join(f"{reason} {number}" for reason, number in counts.items())
    return (
        f"{sum(counts.values())} of {len(clips)} clips of {name} are left out by scheme "
        f"{scheme.name!r}: {reasons}"
    )
