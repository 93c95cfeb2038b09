"""The `cdmer` command."""

import sys

from cdmer.cli._stop import stoppable


def main():
    """Run the command; errors, and ends by a signal, take one line on the standard error stream."""
    code = stoppable(_run)
    if code:
        sys.exit(code)


def _run():
    from cdmer.cli._commands import run

    return run()
