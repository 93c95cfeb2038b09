"""All commands, and what becomes of their errors."""

import traceback
import warnings
from concurrent.futures import BrokenExecutor
from importlib import import_module

import click

from cdmer import __version__
from cdmer._text import printable
from cdmer.cli._benchmark import benchmark
from cdmer.cli._compare import compare
from cdmer.cli._corpora import corpora
from cdmer.cli._demo import demo
from cdmer.cli._doctor import doctor
from cdmer.cli._extract import extract
from cdmer.cli._fetch import fetch
from cdmer.cli._names import SuggestingGroup, name_options
from cdmer.cli._options import remark
from cdmer.cli._predict import predict
from cdmer.cli._report import report
from cdmer.cli._synthesize import synthesize
from cdmer.cli._tgsr import tgsr
from cdmer.cli._train import train

_BUG = 70  # exit code, EX_SOFTWARE of sysexits.h
# What libraries that allocate by themselves say instead of a MemoryError.
_NO_MEMORY = ("OutOfMemoryError", "can't allocate memory", "Insufficient memory")


@click.group(
    cls=SuggestingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="cdmer")
@click.option(
    "--import",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="Import a module of your own first: what it registers is known by name.",
)
def cli(modules):
    """Cross-database micro-expression recognition, from clips to honest results.

    Exit codes: 0 if all went well, 1 with one line about what is wrong, 2 with one about how the
    command was called, 3 if some of the work could not be done, 70 if cdmer has a bug, 128 and the
    number of the signal if one ended it: 130 for Ctrl-C, 143 for SIGTERM.
    """
    for module in modules:
        try:
            import_module(module)
        except Exception as error:
            raise ImportError(f"--import {module}: {type(error).__name__}: {error}") from error


for command in (
    benchmark,
    compare,
    corpora,
    demo,
    doctor,
    extract,
    fetch,
    predict,
    report,
    synthesize,
    tgsr,
    train,
):
    cli.add_command(command)
name_options(cli)


def run():
    """Run the command that the command line names.

    Returns
    -------
    int or None
        The exit code.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            return cli.main(prog_name="cdmer", standalone_mode=False)
        except click.ClickException as error:
            remark(error.format_message())
            return error.exit_code
        except click.exceptions.Abort:  # an interrupt that Python itself raised
            remark("stopped")
            return 130
        except Exception as error:
            if _is_lack_of_memory(error):
                remark(f"out of memory; fewer workers (-j) or a larger machine may do ({error})")
            elif isinstance(error, OverflowError | RecursionError):
                remark(f"a number or a nesting is beyond what can be computed: {_words(error)}")
            elif isinstance(error, ValueError | TypeError | OSError | ImportError | BrokenExecutor):
                remark(_words(error))
            else:
                click.echo(printable(traceback.format_exc()), err=True, nl=False)
                remark("this is a bug in cdmer: please report it, with the lines above")
                return _BUG
        return 1


def _words(error):
    text = str(error) or type(error).__name__
    file = getattr(error, "filename", None)
    return text if file is None or str(file) in text else f"{file}: {text}"


def _is_lack_of_memory(error):
    words = f"{type(error).__name__}: {error}"
    return isinstance(error, MemoryError) or any(part in words for part in _NO_MEMORY)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    remark(str(message))
