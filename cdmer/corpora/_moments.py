"""Onset, apex and offset held against each other and against the frames."""

MOMENTS = ("onset", "apex", "offset")


def check_moments(annotated, numbers):
    """Find moments that are out of order or outside the frames, and frames that are missing.

    Parameters
    ----------
    annotated : object with attributes `onset`, `apex` and `offset`
        Frame numbers, int or None.
    numbers : sequence of int
        Numbers of the frames, rising.

    Returns
    -------
    list of (str, str or None, str)
        Kind of the fault, as in `Fault`; the moment that it is about, None for missing frames; and
        what is wrong.
    """
    known = [(moment, getattr(annotated, moment)) for moment in MOMENTS]
    known = [(moment, number) for moment, number in known if number is not None]
    problems = []
    for (earlier, one), (later, two) in zip(known, known[1:], strict=False):
        if one > two:
            wrong = "apex" if "apex" in (earlier, later) else later
            problems.append(("order", wrong, f"{earlier} {one} is after {later} {two}"))
    first, last = numbers[0], numbers[-1]
    for moment, number in known:
        if not first <= number <= last:
            message = f"{moment} {number} lies outside the frames, {first} to {last}"
            problems.append(("range", moment, message))
    if last - first >= len(numbers):
        problems.append(("gap", None, f"frames {_missing(numbers)} are missing"))
    return problems


def _missing(numbers):
    """Ranges that rising numbers leave out: ``"5, 8-10"``."""
    ranges = [
        (one + 1, two - 1) for one, two in zip(numbers, numbers[1:], strict=False) if two > one + 1
    ]
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:10]]
    return ", ".join(texts + ["..."] * (len(ranges) > 10))
