"""Headers, folders and emotions compared whatever case, spaces and zeros a copy has."""

import re
import unicodedata

# Headers of label files are compared without case, spaces and punctuation. Every database's own
# header counts too; these are the spellings that releases vary between.
HEADERS = {
    "subject": ("subject", "sub", "subid", "subjectid"),
    "clip": ("filename", "file", "clip"),
    "onset": ("onset", "onsetframe", "onsetf"),
    "apex": ("apex", "apexframe", "apexf"),
    "offset": ("offset", "offsetframe", "offsetf"),
    "label": ("emotion", "estimatedemotion"),
    "action_units": ("au", "aus", "actionunit", "actionunits"),
    "objective_class": ("objectiveclass", "objectiveclasses"),
    "fps": ("fps", "framerate"),
    "kind": (),
    "place": (),
}
# Columns that say nothing of a clip that is read.
REMARKS = ("remark", "remarks", "note", "notes", "comment", "comments")


def fold_header(text):
    """Leave of a header what its spellings have in common."""
    return "".join(c for c in text.casefold() if c.isalnum())


def fold_name(text):
    """Leave of the name of a folder what copies have in common: case, spaces and zeros go."""
    text = "".join(unicodedata.normalize("NFC", text).casefold().split())
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def fold_emotion(text):
    """Spell an emotion in lower case, `Other` and `Others` as one."""
    text = " ".join(text.casefold().split())
    return "others" if text == "other" else text
