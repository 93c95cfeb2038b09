"""`cdmer fetch`: the published features of the CDMER benchmark."""

from pathlib import Path

import click

from cdmer.cli._options import quiet_option, say, show

CORPORA = ["casme2", "smic-hs", "smic-vis", "smic-nir"]

home_option = click.option(
    "--data-home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the published features. [default: $CDMER_DATA, else the user's cache]",
)


@click.command()
@click.argument("names", nargs=-1, metavar="[CORPUS]...")
@home_option
@quiet_option
def fetch(names, data_home, quiet):
    """Download the published features of the CDMER benchmark.

    CORPUS is casme2, smic-hs, smic-vis or smic-nir; all four by default. Each file is verified
    against its git blob id; files that are there already are verified only.
    """
    from cdmer.corpora import fetch_published_features

    failed = []
    for name in names or CORPORA:
        try:
            path = fetch_published_features(name, data_home, progress=show(quiet))
        except (ValueError, OSError) as error:  # the others are worth having
            failed.append(str(error))
        else:
            say(f"{name}: {path}")
    if failed:
        raise OSError("; ".join(failed))
