"""`cdmer synthesize`: a corpus of synthetic micro-expressions."""

import sys
import time
from pathlib import Path

import click

from cdmer.cli._extract import open_corpus
from cdmer.cli._options import (
    SOME_FAILED,
    check_folder,
    jobs_option,
    keeping,
    quiet_option,
    remark,
    say,
    show,
)

SOURCES = ("expert", "annotated", "early-macro")
# Where each takes its action units from, if not from a table in the library.
_OPTIONS = {"annotated": "--annotated", "early-macro": "--macro-tables"}
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--classes",
    default="negative,positive,surprise",
    show_default=True,
    metavar="NAME,NAME,...",
    help="Classes that every identity shows.",
)
@click.option(
    "--sources",
    default="expert",
    show_default=True,
    metavar="NAME,NAME,...",
    help="Where action units come from: expert, annotated, early-macro.",
)
@click.option(
    "--annotated",
    metavar="CORPUS",
    help="Corpus whose annotated action units to show: NAME:PATH, a manifest, or synthetic:PRESET.",
)
@click.option(
    "--macro-tables",
    type=_FOLDER,
    help="Folder of action units per frame of macro-expressions, CSV files as OpenFace "
    "writes them, in one folder per emotion.",
)
@click.option(
    "--generator",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Let this trained generator draw the frames, a safetensors file.",
)
@click.option(
    "--generator-classes",
    metavar="NAME,NAME,...",
    help="Names of the generator's classes, in their order, such as "
    "negative,positive,surprise for 0, 1 and 2. [default: as its file has "
    "them]",
)
@click.option(
    "--faces",
    type=_FOLDER,
    help="Warp the neutral faces in this folder, a picture per person, in place of drawn ones.",
)
@click.option(
    "--setup",
    metavar="PRESET",
    help="Camera: noise, blur, contrast, and the light of drawn faces. [default: lab-200fps]",
)
@click.option(
    "--head-motion",
    type=click.FloatRange(min=0),
    metavar="FACTOR",
    help="How much heads move: 1 in somebody who keeps still, 2 to 4 in talking or smiling people. "
    "[default: 0]",
)
@click.option(
    "--identities",
    type=click.IntRange(min=1),
    help="Number of people. [default: 5000, or all of --faces]",
)
@click.option(
    "--per-class",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Clips of each identity, class and source.",
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    help="Whole clips at so many frames per second. [default: pairs of onset and apex]",
)
@click.option(
    "--size",
    type=click.IntRange(min=32),
    help="Width and height of the frames, pixels. [default: 128]",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=_FOLDER,
    help="An empty folder, one that is not there yet, or that of the same request.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of people, action units and noise.",
)
@jobs_option
@quiet_option
def synthesize(
    classes,
    sources,
    annotated,
    macro_tables,
    generator,
    generator_classes,
    faces,
    setup,
    head_motion,
    identities,
    per_class,
    fps,
    size,
    out,
    seed,
    n_jobs,
    quiet,
):
    """Write a corpus of synthetic micro-expressions, to train networks on.

    Every identity shows every class with action units from every source. OUT gets a folder per clip
    and manifest.csv, which other commands take as a corpus. Stopped at any moment and started
    again, it goes on where it stopped and leaves the same bytes, with any number of workers.

    \b
    cdmer synthesize --identities 500 --out synthetic
    cdmer synthesize --sources expert,annotated --annotated casme2:/data/CASME2 --out synthetic
    cdmer corpora show manifest synthetic/manifest.csv

    Exit codes: 0 if every clip was made, 3 if some were not (each with a line on the standard error
    stream and in failures.csv; starting again tries them again), 1 if nothing could be made, 130 if
    stopped by Ctrl-C, 143 by SIGTERM.
    """  # noqa: D301 (click reads the backspace)
    from cdmer.synthesis._synthesize import make_request, run

    check_folder(out.absolute())
    given_to_faces = {
        "--size": size,
        "--faces": faces,
        "--setup": setup,
        "--head-motion": head_motion,
    }
    for option, value in given_to_faces.items():
        if generator is not None and value is not None:
            raise click.UsageError(f"{option}: not with --generator, which has its own")
    if generator is None and generator_classes is not None:
        raise click.UsageError("--generator-classes: goes with --generator, and only with it")
    given = {"annotated": annotated, "early-macro": macro_tables}
    if generator is None:
        renderer = make_renderer(
            faces, setup or "lab-200fps", size or 128, head_motion or 0.0, seed
        )
    else:
        names = generator_classes and _names("--generator-classes", generator_classes)
        renderer = make_generating_renderer(generator, names, seed)
    identities = identities or renderer.n_identities or 5000
    request = make_request(
        classes=_names("--classes", classes),
        sources=make_sources(_names("--sources", sources), given),
        renderer=renderer,
        identities=identities,
        per_class=per_class,
        fps=fps,
        random_state=seed,
        name="synthesis",
    )
    started = time.perf_counter()
    with keeping(lambda: f"{out} keeps the clips that are finished"):
        made = run(out, request, n_jobs, show(quiet))
    seconds = time.perf_counter() - started
    for row in made.failures:
        remark(f"clip {row['clip']!r}: {row['error']}")
    n_new, kind = made.n_clips - made.n_found, "pairs" if fps is None else "clips"
    say(
        f"{made.manifest}: {made.n_clips} {kind} of {identities} identities in {seconds:.1f} s "
        f"({n_new / seconds:.1f} {kind}/s), {made.n_found} were there, {len(made.failures)} failed"
    )
    if made.failures:
        sys.exit(SOME_FAILED)


def _names(option, text):
    names = tuple(name.strip() for name in text.split(","))
    if "" in names or len(set(names)) < len(names):
        raise click.UsageError(f"{option}: expected different names like a,b,c, got {text!r}")
    return names


def make_sources(names, given):
    """Make the sources of action units that options name.

    Parameters
    ----------
    names : sequence of str
        Members of `SOURCES`.
    given : dict of str to (str, Path or None)
        What the options of ``"annotated"`` and ``"early-macro"`` say.

    Returns
    -------
    dict of str to UnitSource

    Raises
    ------
    click.UsageError
        If a name is unknown, or its option is missing or there without it.
    ValueError, OSError
        If a corpus or a table cannot be read.
    """
    from cdmer.synthesis import AnnotatedUnits, EarlyMacroUnits, ExpertUnits

    for name in names:
        if name not in SOURCES:
            raise click.UsageError(
                f"--sources: expected some of {', '.join(SOURCES)}, got {name!r}"
            )
    for name, value in given.items():
        if (name in names) != (value is not None):
            raise click.UsageError(
                f"{_OPTIONS[name]}: goes with the source {name}, and only with it"
            )
    makers = {
        "expert": lambda _: ExpertUnits(),
        "annotated": lambda text: AnnotatedUnits(open_corpus(text, 60, 0)),
        "early-macro": EarlyMacroUnits,
    }
    return {name: makers[name](given.get(name)) for name in names}


def make_renderer(faces, setup, size, head_motion, seed):
    """Make the renderer of warped faces: those of a folder, or drawn ones."""
    from cdmer.synthesis import WarpRenderer

    pictures = None if faces is None else read_faces(faces)
    return WarpRenderer(
        pictures, size=size, setup=setup, head_motion=head_motion, random_state=seed
    )


def make_generating_renderer(path, classes, seed):
    """Make the renderer of a generator, on drawn faces that follow from the seed."""
    from cdmer.synthesis import GANRenderer, WarpRenderer

    size = GANRenderer(path).size  # that of the faces it takes, which its file tells
    return GANRenderer(path, WarpRenderer(size=size, random_state=seed), classes)


def read_faces(folder):
    """Read every picture of a folder, in the order of their names.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of NeutralFace

    Raises
    ------
    click.UsageError
        If the folder is not there, or has no pictures.
    ValueError, OSError
        If a picture cannot be read.
    """
    from cdmer._images.reading import SUFFIXES, read_image
    from cdmer.synthesis import NeutralFace

    if not folder.is_dir():
        raise click.UsageError(f"--faces: expected a folder, got {str(folder)!r}")
    paths = sorted(path for path in folder.iterdir() if path.suffix[1:].lower() in SUFFIXES)
    if not paths:
        raise click.UsageError(
            f"--faces: expected pictures ({', '.join(sorted(SUFFIXES))}) in {str(folder)!r}"
        )
    return [NeutralFace(read_image(str(path), colour=True), name=str(path)) for path in paths]
