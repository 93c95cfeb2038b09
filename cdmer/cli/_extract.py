"""`cdmer extract`: the features of every clip of a corpus."""

import sys
import time
import warnings
from pathlib import Path

import click

from cdmer._files.kinds import is_feature_table
from cdmer.cli._corpora import MANIFESTS, open_place, variant_option
from cdmer.cli._options import (
    SOME_FAILED,
    check_output,
    feature_cache,
    jobs_option,
    keeping,
    quiet_option,
    remark,
    say,
    show,
)
from cdmer.cli._preparation import (
    DescriptorName,
    descriptor_options,
    make_descriptor,
    needs_crop,
    preparation_fields,
    preparation_options,
)

n_clips_option = click.option(
    "--n-clips",
    type=click.IntRange(min=3),
    default=60,
    show_default=True,
    help="Clips of a synthetic corpus.",
)


def cache_options(command):
    """Give a command the options `cache` and `no_cache`, which `cache_place` reads."""
    command = click.option("--no-cache", is_flag=True, help="Keep no finished clips.")(command)
    return click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for finished clips. [default: in the user's cache]",
    )(command)


def cache_place(cache, no_cache):
    """Folder for finished clips, a Path; None for no cache."""
    if cache is not None and no_cache:
        raise click.UsageError("--cache, --no-cache: expected one of the two at most")
    return feature_cache() if cache is None and not no_cache else cache


@click.command()
@click.argument("corpus")
@click.option("--descriptor", required=True, type=DescriptorName(), help="What to compute.")
@descriptor_options
@preparation_options
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the table goes, an npz file.",
)
@cache_options
@click.option(
    "--on-error",
    type=click.Choice(["raise", "record"]),
    default="record",
    show_default=True,
    help="Stop at a clip that fails, or leave it out.",
)
@n_clips_option
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of a synthetic corpus.")
@variant_option
@jobs_option
@quiet_option
def extract(
    corpus,
    descriptor,
    parameters,
    levels,
    out,
    cache,
    no_cache,
    on_error,
    n_clips,
    seed,
    variant,
    n_jobs,
    quiet,
    **options,
):
    """Compute the features of every clip of a corpus.

    CORPUS is NAME:PATH, with a name of `cdmer corpora list` and the folder of your copy; the path
    of a manifest; or synthetic:PRESET, with a preset such as lab-200fps. Stopped at any moment and
    started again, it goes on where it stopped. `FeatureTable.load` reads the table, and `benchmark`
    evaluates it.

    Frames are taken as they are, unless options of a preparation say otherwise; the table says what
    was done.

    Exit codes: 0 if every clip has its features, 3 if clips failed (each with a line on the
    standard error stream), 1 if nothing could be computed, 130 if stopped by
    Ctrl-C, 143 by SIGTERM.
    """
    cache = cache_place(cache, no_cache)
    check_output(out, is_feature_table)
    fields = preparation_fields(options)
    needs_crop(fields)
    clips = open_corpus(corpus, n_clips, seed, variant, options["extent"])
    step = make_descriptor(descriptor, parameters, levels)
    from cdmer.extraction import extract as extract_features
    from cdmer.preprocessing import Preparation

    started = time.perf_counter()
    with (
        warnings.catch_warnings(),  # each failure has a line of its own below
        keeping(lambda: cache and f"{cache} keeps the clips that are finished"),
    ):
        warnings.filterwarnings("ignore", r"\d+ of \d+ clips could not be described")
        table = extract_features(
            clips,
            step,
            preparation=Preparation(**fields),
            n_jobs=n_jobs,
            cache_dir=cache,
            on_error=on_error,
            progress=show(quiet),
        )
    table.save(out)
    seconds = time.perf_counter() - started
    for message in table.failures["message"]:
        remark(message)
    n_rows, n_columns = table.features.shape
    say(
        f"{out}: {n_rows} clips of {n_columns} features in {seconds:.1f} s "
        f"({n_rows / seconds:.1f} clips/s), {table.n_cached} from the cache, "
        f"{len(table.failures)} failed"
    )
    if len(table.failures):
        sys.exit(SOME_FAILED)


def open_corpus(text, n_clips, seed, variant=None, extent=None):
    """Find the corpus that an argument names.

    Parameters
    ----------
    text : str
        ``"synthetic:<preset>"``, ``"<name of a database>:<path>"``, or the path of a manifest.
    n_clips, seed : int
        Number of clips, and seed, of a synthetic corpus.
    variant : str or None
        Which frames of a database.
    extent : {"expression", "folder"} or None
        How much of a folder or a video a clip is; None for the loaders' default.

    Returns
    -------
    Corpus

    Raises
    ------
    ValueError
        If there is none of that name; says which there are. If it cannot be read.
    OSError
        If a manifest is missing.
    """
    from cdmer.corpora import PRESETS, list_databases, make_synthetic_corpus

    opened = open_place(text, variant, extent)
    if opened is not None:
        return opened
    synthetic = {f"synthetic:{preset}": preset for preset in PRESETS}
    if text not in synthetic:
        raise ValueError(
            f"CORPUS: expected one of {', '.join(synthetic)}; or NAME:PATH with one of the names "
            f"{', '.join(list_databases())}; or a manifest ({', '.join(MANIFESTS)}), got {text!r}"
        )
    for option, value in (("--variant", variant), ("--extent", extent)):
        if value is not None:
            raise ValueError(f"{option}: a synthetic corpus has none, got {value!r}")
    return make_synthetic_corpus(synthetic[text], n_clips=n_clips, random_state=seed)
