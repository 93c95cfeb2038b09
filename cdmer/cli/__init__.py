"""The `cdmer` command."""

import sys
import time
from pathlib import Path

import click

from cdmer import __version__
from cdmer._extras import import_extra
from cdmer._files import write_atomically
from cdmer.cli._benchmark import benchmark, compare, report
from cdmer.cli._corpora import corpora, variant_option
from cdmer.cli._doctor import doctor
from cdmer.cli._extract import DESCRIPTORS, make_transformer, open_corpus
from cdmer.cli._options import (
    check_folder,
    feature_cache,
    jobs_option,
    quiet_option,
    show,
    table_text,
)
from cdmer.cli._predict import (
    describe_apex,
    open_clip,
    open_model,
    prepare_clip,
    to_json,
    to_text,
    write_picture,
)
from cdmer.cli._synthesize import synthesize

CORPORA = ["casme2", "smic-hs", "smic-vis", "smic-nir"]
DEMO_PRESETS = ["lab-200fps", "webcam-25fps", "nir-25fps"]

home_option = click.option(
    "--data-home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the published features. [default: $CDMER_DATA, else the user's cache]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cdmer")
def cli():
    """Cross-database micro-expression recognition, from clips to honest results."""


@cli.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Where the report goes.",
)
@click.option(
    "--n-clips",
    type=click.IntRange(min=12),
    default=60,
    show_default=True,
    help="Clips per corpus.",
)
@click.option("--seed", type=int, default=3, show_default=True, help="Seed of the corpora.")
@jobs_option
@quiet_option
def demo(out, n_clips, seed, n_jobs, quiet):
    """Run the whole line on synthetic faces: no data set, no network.

    Three synthetic corpora, recorded by different cameras, go through LBP-TOP, a linear SVM that
    does not adapt, and TGSR that does, over all six ordered pairs. The table comes on screen; the
    report shows confusion matrices and the facial regions that TGSR keeps.
    """
    from cdmer.cli._demo import run_demo

    check_folder(out)
    started = time.perf_counter()
    results = run_demo(
        DEMO_PRESETS, out, n_clips=n_clips, seed=seed, n_jobs=n_jobs, progress=show(quiet)
    )
    for metric in ("UF1", "WAR"):
        click.echo(table_text(results.table(metric)) + "\n")
    if not quiet:
        click.echo(
            f"Synthetic corpora: the numbers show the line at work, not what real faces give.\n"
            f"Report: {out} ({time.perf_counter() - started:.0f} s)"
        )


cli.add_command(benchmark)
cli.add_command(compare)
cli.add_command(corpora)
cli.add_command(doctor)
cli.add_command(report)
cli.add_command(synthesize)


@cli.command()
@click.argument("corpus")
@click.option(
    "--descriptor", required=True, type=click.Choice(sorted(DESCRIPTORS)), help="What to compute."
)
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
    n_jobs,
    quiet,
):
    """Compute the features of every clip of a corpus.

    CORPUS is NAME:PATH, with a name of `cdmer corpora list` and the folder of your copy; the path
    of a manifest; or synthetic:PRESET, with a preset such as lab-200fps. Stopped at any moment and
    started again, it goes on where it stopped. `FeatureTable.load` reads the table, and `benchmark`
    evaluates it.
    """
    if cache is not None and no_cache:
        raise click.UsageError("--cache, --no-cache: expected one of the two at most")
    check_folder(out)
    clips = open_corpus(corpus, n_clips, seed, variant)
    transformer = make_transformer(descriptor, parameters, levels, frames, magnify)
    from cdmer.extraction._extract import run

    if cache is None and not no_cache:
        cache = feature_cache()
    started = time.perf_counter()
    table, n_cached = run(clips, transformer, n_jobs, cache, on_error, show(quiet))
    table.save(out)
    seconds = time.perf_counter() - started
    for message in table.failures["message"]:
        click.echo(f"cdmer: {' '.join(message.split())}", err=True)
    n_rows, n_columns = table.features.shape
    click.echo(
        f"{out}: {n_rows} clips of {n_columns} features in {seconds:.1f} s "
        f"({n_rows / seconds:.1f} clips/s), {n_cached} from the cache, {len(table.failures)} failed"
    )


@cli.command()
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
            click.echo(f"{name}: {path}")
    if failed:
        raise OSError("; ".join(failed))


@cli.command()
@click.argument("model", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("clip", type=click.Path(path_type=Path))
@click.option("--onset", type=click.IntRange(min=0), help="First frame to look at.")
@click.option("--apex", type=click.IntRange(min=0), help="Frame of the strongest expression.")
@click.option("--offset", type=click.IntRange(min=0), help="Last frame to look at.")
@click.option(
    "--spot",
    type=click.Choice(["frame-difference", "flow", "lbp"]),
    help="Find the apex by this method. [default: frame-difference, "
    "if the model needs an apex and none is given]",
)
@click.option(
    "--crop/--no-crop",
    default=None,
    help="Cut out the face as in the first frame. [default: unless the model does]",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the regions that spoke into this PNG file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the drop of every region.")
def predict(model, clip, onset, apex, offset, spot, crop, out, as_json):
    """Classify a clip of one's own with a saved model.

    MODEL is a file that `cdmer.models.save_model` has written. CLIP is a video file, its frames
    numbered from 0, or a folder of frames, numbered by their file names.

    Shows the class, the probabilities where the model states any (otherwise its scores), where the
    apex comes from, and the facial regions without which the score of the class would be lower.
    """
    if apex is not None and spot is not None:
        raise click.UsageError("--apex, --spot: expected one of the two at most")
    if out is not None:
        check_folder(out)
        if out.suffix.lower() != ".png":
            raise click.UsageError(f"--out: expected a PNG file, got {out.name!r}")
        import_extra("matplotlib.figure")
    fitted, warned = open_model(model)
    for message in warned:
        click.echo(f"cdmer: {message}", err=True)
    if out is not None and fitted.reference is None:
        raise click.UsageError("--out: the model's descriptor has no facial regions to draw")
    from cdmer.models import predict_clip

    prepared, note = prepare_clip(fitted, open_clip(clip, onset, apex, offset), crop, spot)
    if note:
        click.echo(f"cdmer: {note}", err=True)
    prediction = predict_clip(fitted, prepared)
    apex, origin = describe_apex(prepared, prediction)
    if out is not None:
        write_picture(prediction, out)
    if as_json:
        click.echo(to_json(fitted, prediction, apex, origin))
    else:
        click.echo(to_text(prediction, apex, origin))


@cli.command()
@click.option("--source", required=True, type=click.Choice(CORPORA), help="Labelled corpus.")
@click.option("--target", required=True, type=click.Choice(CORPORA), help="Unlabelled corpus.")
@click.option(
    "--n-selected",
    type=click.IntRange(1, 85),
    default=20,
    show_default=True,
    help="Regions that TGSR keeps, outside the sweep.",
)
@click.option(
    "--mmd-weight",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Weight of the mean discrepancy, outside the sweep.",
)
@click.option("--full", is_flag=True, help="Sweep the authors' 23,460 settings instead of 285.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the sweep's table to this CSV file.",
)
@home_option
@jobs_option
@quiet_option
def tgsr(source, target, n_selected, mmd_weight, full, out, data_home, n_jobs, quiet):
    """Run TGSR from one corpus to another on the published features.

    Shows a linear SVM without adaptation and TGSR at fixed settings, and beside them, marked as
    oracle, the best of a grid picked on the target's labels, which is what papers print.
    """
    if source == target:
        raise click.UsageError(f"--target: expected another corpus than --source, got {target!r}")
    from cdmer.cli._tgsr import run_tgsr_experiment
    from cdmer.corpora import load_published_features

    if out is not None:
        check_folder(out)
    corpora = [load_published_features(n, data_home, show(quiet)) for n in (source, target)]
    table, sweep = run_tgsr_experiment(
        *corpora, n_selected, mmd_weight, full=full, n_jobs=n_jobs, progress=show(quiet)
    )
    if out is not None:
        write_atomically(out, sweep.to_csv(index=False))
    click.echo(
        f"{source} → {target}: {len(corpora[0].labels)} labelled clips, "
        f"{len(corpora[1].labels)} unlabelled"
    )
    click.echo(table_text(table))
    if not quiet:
        click.echo(
            "oracle: picked on the target's labels, which nobody has who needs a recogniser."
        )


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
