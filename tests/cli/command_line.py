"""The `cdmer` command as tests run it."""

import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import NamedTuple
from unittest.mock import patch

from cdmer.cli import main


class Outcome(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def cdmer(*arguments):
    """Run the command in this process: a new one would load the libraries anew, for seconds."""
    out, err, code = StringIO(), StringIO(), 0
    command = ["cdmer", *map(str, arguments)]
    with patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    return Outcome(code, out.getvalue(), err.getvalue())
