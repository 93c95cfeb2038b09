"""Files that cdmer has written, told from those of others by what they hold, never by their name.

Each function fits `check_replaceable`; a ValueError of one says that the file is another's.
"""

from cdmer._files.reading import read_head

REPORT_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="cdmer">
"""


def is_report(path):
    """Whether a file is a report."""
    mark = REPORT_HEAD.encode("utf-8")
    return read_head(path, len(mark)) == mark
