"""A corpus from a layout and the folder of a copy."""

import warnings

from cdmer.corpora._corpus import Corpus
from cdmer.corpora._databases.reader import read_database

# Kinds of faults that leave a row without clip, where they name none.
_COST_A_CLIP = ("missing-folder", "duplicate", "frames", "cell", "emotion")


def load_layout(layout, path, variant, repair, colour, label_file):
    """Do what `load_database` does for a layout; warnings point to the caller's caller."""
    reading = read_database(layout, path, variant, repair, colour, label_file)
    lost = [f for f in reading.faults if f.clip is None and f.kind in _COST_A_CLIP]
    if not reading.clips:
        why = f"; {lost[0]}" if lost else ""
        raise ValueError(f"{layout.title}: no clip in {reading.root!r}{why}")
    if lost:
        warnings.warn(
            f"{layout.title}: {len(reading.clips)} clips; {len(lost)} more have no frames or no "
            f"name, see the corpus' faults. The first: {lost[0]}",
            stacklevel=3,
        )
    return Corpus(reading.clips, layout.corpus, repairs=reading.repairs, faults=reading.faults)
