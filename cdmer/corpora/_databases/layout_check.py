"""What a layout must have, checked when it is made."""

import re
from collections.abc import Mapping
from string import Formatter

from cdmer._parameters import ParameterError, check_number
from cdmer.corpora._databases.spelling import HEADERS, fold_emotion, fold_header
from cdmer.corpora._faults import MOMENTS
from cdmer.corpora._schemes import check_rules

# Without these columns there is no clip, or no use for it.
_NEEDED = ("subject", "clip", "label")
# A database stands before a colon on the command line and in config files, a corpus before a slash.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SUBJECT = re.compile(r"[^{}]*\{(:0?\d*d)?\}")
_SHEETS = (".xlsx", ".xls", ".csv")


def expect(good, name, expected, value):
    """Refuse a value."""
    if not good:
        raise ParameterError(f"{name}: expected {expected}, got {value!r}")


def check_template(name, text, known, needed=None):
    """Check a format string: which fields stand in it."""
    try:
        found = [part for _, part, _, _ in Formatter().parse(text) if part is not None]
    except (TypeError, ValueError):
        found = [""]
    expected = ", ".join(f"{{{one}}}" for one in known)
    if not set(found) <= set(known):
        raise ParameterError(f"{name}: expected text with {expected} in it, got {text!r}")
    if needed is not None and needed not in found:
        raise ParameterError(f"{name}: expected text with {{{needed}}} in it, got {text!r}")


def check_texts(name, value, least=0):
    """Check a tuple of str."""
    good = isinstance(value, tuple | list) and all(isinstance(text, str) for text in value)
    expect(good and len(value) >= least, name, "a tuple of str", value)


def check_spellings(name, value):
    """Check a dict of str to str."""
    good = isinstance(value, Mapping) and all(isinstance(x, str) for p in value.items() for x in p)
    expect(good, name, "a dict of str to str", value)


def check_subject(name, value):
    """Check how a subject is spelt: what stands before its number, and the number."""
    good = isinstance(value, str) and _SUBJECT.fullmatch(value)
    expect(good, name, "text with a number at its end, such as 'sub{:02d}'", value)


def check_layout(layout, kinds):
    """Check a layout.

    Parameters
    ----------
    layout : Layout
    kinds : dict of str to type
        The classes that `folders`, `mistakes`, `rehearsal`, `naming` and `further_files` are
        made of.

    Raises
    ------
    ParameterError
        If a field is not what `Layout` describes, or lacks what is needed.
    """
    for name in ("name", "corpus"):
        value = getattr(layout, name)
        good = isinstance(value, str) and _NAME.fullmatch(value)
        expect(good, name, "letters, digits, dots, hyphens and underscores", value)
    expect(isinstance(layout.title, str) and layout.title, "title", "text", layout.title)
    check_number("fps", layout.fps, above=0)
    _check_folders(layout, kinds["folders"])
    _check_counts(layout)
    check_subject("subject", layout.subject)
    check_template("clip", layout.clip, ("clip", "onset"), needed="clip")
    if layout.repeated is not None:
        check_template("repeated", layout.repeated, ("clip", "onset"), needed="onset")
    _check_label_file(layout)
    expect(isinstance(layout.unknown, Mapping), "unknown", "a dict", layout.unknown)
    for moment, texts in layout.unknown.items():
        expect(moment in MOMENTS, "unknown", f"keys among {MOMENTS}", moment)
        check_texts(f"unknown[{moment!r}]", texts, least=1)
    for name in ("mistakes", "further_files"):
        value = getattr(layout, name)
        good = isinstance(value, tuple | list) and all(isinstance(x, kinds[name]) for x in value)
        expect(good, name, f"a tuple of {kinds[name].__name__}", value)
    check_texts("mixed_rates", layout.mixed_rates)
    good = set(layout.mixed_rates) <= set(layout.label_files)
    expect(good, "mixed_rates", f"names among {layout.label_files}", layout.mixed_rates)
    check_spellings("misspelt", layout.misspelt)
    unknown = set(layout.misspelt.values()) - set(layout.emotions)
    expect(not unknown, "misspelt", f"values among {list(layout.emotions)}", layout.misspelt)
    expect(isinstance(layout.revisions, Mapping), "revisions", "a dict", layout.revisions)
    for revision, emotions in layout.revisions.items():
        check_spellings(f"revisions[{revision!r}]", emotions)
    good = layout.naming is None or isinstance(layout.naming, kinds["naming"])
    expect(good, "naming", "a Naming", layout.naming)
    good = isinstance(layout.rehearsal, kinds["rehearsal"])
    expect(good, "rehearsal", "a RehearsalStyle", layout.rehearsal)
    expect(isinstance(layout.schemes, Mapping), "schemes", "a dict", layout.schemes)
    for scheme, classes in layout.schemes.items():
        check_rules(scheme, classes, layout.emotions)


def _check_folders(layout, kind):
    folders = layout.folders
    good = isinstance(folders, Mapping) and folders
    good = good and all(isinstance(one, kind) for one in folders.values())
    expect(good, "folders", "a dict of one or more variants to Folders", folders)
    for variant, one in folders.items():
        if not layout.label_files:
            for template in one.templates:
                lacking = {"{subject}", "{label}", "{clip}"} - set(template.split("/"))
                expected = "folders named {subject}, {label} and {clip}, as there is no label file"
                expect(not lacking, f"folders[{variant!r}]", expected, template)
        if one.recordings and not {"onset", "offset"} <= set(layout.fields):
            raise ParameterError(
                f"columns: expected 'onset' and 'offset', as {variant!r} holds recordings, got "
                f"{layout.fields}"
            )


def _check_counts(layout):
    emotions = layout.emotions
    expect(isinstance(emotions, Mapping) and emotions, "emotions", "a dict", emotions)
    for emotion in emotions:
        good = isinstance(emotion, str) and emotion and fold_emotion(emotion) == emotion
        expect(good, "emotions", "names in lower case, and 'others' for 'other'", emotion)
    counts = {f"emotions[{emotion!r}]": number for emotion, number in emotions.items()}
    expect(isinstance(layout.kinds, Mapping), "kinds", "a dict", layout.kinds)
    counts |= {f"kinds[{kind!r}]": number for kind, number in layout.kinds.items()}
    for name, number in (counts | {"n_clips": layout.n_clips}).items():
        for one in number if isinstance(number, tuple) else (number,):
            if one is not None:
                check_number(name, one, least=0, whole=True)


def _check_label_file(layout):
    _check_table(layout)
    fields = layout.fields
    if not layout.label_files:
        expect(not fields, "label_files", "the file that has the columns", layout.label_files)
        return
    by_onset = "{onset}" in layout.clip or layout.repeated is not None
    needed = _NEEDED + ("onset",) * by_onset
    lacking = [name for name in needed if name not in fields]
    expect(not lacking, "columns", f"one for each of {needed}", fields)
    if layout.header is not None:
        check_number("header", layout.header, least=0, whole=True)
    good = layout.header is None or not layout.other_columns
    expect(good, "other_columns", "none, as the file has a header", layout.other_columns)


def check_further_file(file):
    """Check a `FurtherFile`.

    Raises
    ------
    ParameterError
        If a field is not what it describes.
    """
    _check_table(file)
    good = {"subject", "clip"} < set(file.fields)
    expect(good, "columns", "'subject', 'clip' and something else", file.fields)
    expect(file.label_files, "label_files", "the file that has the columns", file.label_files)


def _check_table(table):
    """Check names of files, sheet and columns."""
    check_texts("label_files", table.label_files)
    for file in table.label_files:
        good = file.lower().endswith(_SHEETS)
        expect(good, "label_files", f"names that end in {', '.join(_SHEETS)}", file)
    for columns in (table.columns, *table.other_columns):
        good = isinstance(columns, tuple | list) and all(
            isinstance(pair, tuple | list) and len(pair) == 2 for pair in columns
        )
        expect(good, "columns", "pairs of header and field", columns)
        for header, name in columns:
            good = isinstance(header, str) and (name is None or name in HEADERS)
            expect(good, "columns", f"headers with one of {tuple(HEADERS)} or None", (header, name))
            if name is not None and table.header is not None:
                expect(fold_header(header), "columns", f"a header for {name!r}", header)
        fields = [name for _, name in columns if name is not None]
        expect(len(set(fields)) == len(fields), "columns", "each field once", fields)
    check_texts("unread", table.unread)
    expect(table.sheet is None or isinstance(table.sheet, str), "sheet", "text", table.sheet)
