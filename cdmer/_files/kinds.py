"""Files that cdmer has written, told from those of others by what they hold, never by their name.

Each function fits `check_replaceable`; a ValueError of one says that the file is another's.
"""

from cdmer._files.archives import open_archive
from cdmer._files.reading import MOST_JSON_BYTES, open_regular, parse_json, read_head, read_regular

REPORT_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="cdmer">
"""
# What matplotlib is told to note in pictures, and how each kind begins and keeps it.
PICTURE_NOTES = {
    "png": {"Software": "cdmer"},
    "pdf": {"Creator": "cdmer"},
    "svg": {"Creator": "cdmer"},
}
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", b"tEXtSoftware\0cdmer"),
    (b"%PDF-", b"/Creator (cdmer)"),
    (b"<?xml", b"<dc:title>cdmer</dc:title>"),
)
_MOST_PICTURE_BYTES = 2**28


def begins_with(text):
    """Make a function that says whether a file begins with a text, as UTF-8."""
    mark = text.encode("utf-8")
    return lambda path: read_head(path, len(mark)) == mark


is_report = begins_with(REPORT_HEAD)


def is_feature_table(path):
    """Whether a file is a table of features."""
    return archive_says(path, "table.json", "kind", "cdmer.FeatureTable")


def is_model(path):
    """Whether a file is a fitted model."""
    return archive_says(path, "model.json", "format", "cdmer.FittedModel")


def is_picture(path):
    """Whether a file is a picture with the notes of `PICTURE_NOTES`."""
    content = read_regular(path, _MOST_PICTURE_BYTES)
    return any(content.startswith(head) and mark in content for head, mark in _PICTURES)


def archive_says(path, member, key, value):
    """Whether a file is a ZIP archive whose JSON document holds a value under a key."""
    with (
        open_regular(path) as file,
        open_archive(file, path, most_bytes=2**63, stored=False) as archive,
    ):
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        if not 0 < sizes.get(member, 0) <= MOST_JSON_BYTES:
            return False
        document = parse_json(archive.read(member), member)
    return isinstance(document, dict) and document.get(key) == value
