"""The `cdmer` command."""

import sys
from importlib import import_module

import click

from cdmer import __version__
from cdmer.cli._benchmark import benchmark
from cdmer.cli._compare import compare
from cdmer.cli._corpora import corpora
from cdmer.cli._demo import demo
from cdmer.cli._doctor import doctor
from cdmer.cli._extract import extract
from cdmer.cli._fetch import fetch
from cdmer.cli._names import SuggestingGroup, name_options
from cdmer.cli._predict import predict
from cdmer.cli._report import report
from cdmer.cli._synthesize import synthesize
from cdmer.cli._tgsr import tgsr


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
    """Cross-database micro-expression recognition, from clips to honest results."""
    for module in modules:
        import_module(module)


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
):
    cli.add_command(command)
name_options(cli)


def main():
    """Run the command; errors take one line on the standard error stream."""
    try:
        cli.main(prog_name="cdmer", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("cdmer: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (ValueError, TypeError, OSError, ImportError) as error:
        _fail(str(error), 1)


def _fail(message, code):
    click.echo(f"cdmer: {' '.join(message.split())}", err=True)
    sys.exit(code)
