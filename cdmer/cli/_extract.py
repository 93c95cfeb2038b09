"""`cdmer extract`: the features of every clip of a corpus."""

import ast
import sys
import time
import warnings
from pathlib import Path

import click

from cdmer._files.kinds import is_feature_table
from cdmer.cli._corpora import MANIFESTS, extent_option, open_place, variant_option
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

# Parameters that have options of their own.
_ELSEWHERE = {"grid": "--levels", "n_jobs": "--n-jobs"}


class DescriptorName(click.Choice):
    """Name of a descriptor, looked up when it is needed: others may have been registered."""

    def __init__(self):
        self.case_sensitive = True

    @property
    def choices(self):
        from cdmer.features import DESCRIPTORS

        return tuple(sorted(DESCRIPTORS))


@click.command()
@click.argument("corpus")
@click.option("--descriptor", required=True, type=DescriptorName(), help="What to compute.")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter of the descriptor; may be repeated.",
)
@click.option("--levels", metavar="N,N,...", help="Grids of facial regions, such as 1,2,4,8.")
@click.option(
    "--frames",
    type=click.IntRange(min=2),
    help="Interpolate every clip to so many frames first (TIM).",
)
@click.option(
    "--magnify", metavar="PRESET", help="Magnify motion before that: casme2, samm or smic."
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the table goes, an npz file.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for finished clips. [default: in the user's cache]",
)
@click.option("--no-cache", is_flag=True, help="Keep nothing but the table.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "record"]),
    default="record",
    show_default=True,
    help="Stop at a clip that fails, or leave it out.",
)
@click.option(
    "--n-clips",
    type=click.IntRange(min=3),
    default=60,
    show_default=True,
    help="Clips of a synthetic corpus.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of a synthetic corpus.")
@variant_option
@extent_option
@jobs_option
@quiet_option
def extract(
    corpus,
    descriptor,
    parameters,
    levels,
    frames,
    magnify,
    out,
    cache,
    no_cache,
    on_error,
    n_clips,
    seed,
    variant,
    extent,
    n_jobs,
    quiet,
):
    """Compute the features of every clip of a corpus.

    CORPUS is NAME:PATH, with a name of `cdmer corpora list` and the folder of your copy; the path
    of a manifest; or synthetic:PRESET, with a preset such as lab-200fps. Stopped at any moment and
    started again, it goes on where it stopped. `FeatureTable.load` reads the table, and `benchmark`
    evaluates it.

    Exit codes: 0 if every clip has its features, 3 if clips failed (each with a line on the
    standard error stream), 1 if nothing could be computed, 130 if stopped by
    Ctrl-C, 143 by SIGTERM.
    """
    if cache is not None and no_cache:
        raise click.UsageError("--cache, --no-cache: expected one of the two at most")
    check_output(out, is_feature_table)
    clips = open_corpus(corpus, n_clips, seed, variant, extent)
    transformer = make_transformer(descriptor, parameters, levels, frames, magnify)
    from cdmer.extraction import extract as extract_features

    if cache is None and not no_cache:
        cache = feature_cache()
    started = time.perf_counter()
    with (
        warnings.catch_warnings(),  # each failure has a line of its own below
        keeping(lambda: cache and f"{cache} keeps the clips that are finished"),
    ):
        warnings.filterwarnings("ignore", r"\d+ of \d+ clips could not be described")
        table = extract_features(
            clips,
            transformer,
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


def make_transformer(descriptor, parameters=(), levels=None, n_frames=None, magnify=None):
    """Build the pipeline that the options describe.

    Parameters
    ----------
    descriptor : str
        One of `cdmer.features.DESCRIPTORS`.
    parameters : sequence of str
        ``"name=value"``; values are Python literals, or else strings.
    levels : str or None
        Levels of the `RegionGrid`, ``"1,2,4,8"``.
    n_frames : int or None
        Interpolate each clip to so many frames first.
    magnify : str or None
        Preset of `MotionMagnification`, applied before that.

    Returns
    -------
    transformer

    Raises
    ------
    ValueError
        If a name or value is wrong; says what is expected.
    """
    from sklearn.pipeline import make_pipeline

    from cdmer import features
    from cdmer.preprocessing import MotionMagnification, TemporalInterpolation

    step = features.DESCRIPTORS[descriptor]()
    step.set_params(**_parse(parameters, step, descriptor))
    if levels is not None:
        step.set_params(grid=features.RegionGrid(_parse_levels(levels)))
    steps = [step]
    if n_frames is not None:
        steps.insert(0, TemporalInterpolation(n_frames))
    if magnify is not None:
        try:
            steps.insert(0, MotionMagnification.preset(magnify))
        except ValueError as error:
            raise ValueError(f"--magnify: {error}") from error
    return steps[0] if len(steps) == 1 else make_pipeline(*steps)


def _parse(parameters, step, descriptor):
    known = [name for name in step.get_params(deep=False) if name not in _ELSEWHERE]
    parsed = {}
    for text in parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--param: expected name=value, got {text!r}")
        if name in _ELSEWHERE:
            raise ValueError(f"--param: {name} has an option of its own, {_ELSEWHERE[name]}")
        if name not in known:
            raise ValueError(
                f"--param: {descriptor} has the parameters {', '.join(known)}, got {name!r}"
            )
        if name in parsed:
            raise ValueError(f"--param: got {name} twice")
        try:
            parsed[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parsed[name] = value
    return parsed


def _parse_levels(text):
    try:
        return tuple(int(level) for level in text.split(","))
    except ValueError:
        raise ValueError(f"--levels: expected numbers like 1,2,4,8, got {text!r}") from None
