"""`cdmer corpora`: databases listed, checked, shown, rehearsed."""

import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import click

from cdmer._files.kinds import PICTURE_NOTES, is_picture
from cdmer._text import counted
from cdmer.cli._options import check_output, remark, save_picture, say

# Suffixes of files that are read as manifests.
MANIFESTS = (".csv", ".parquet", ".xlsx", ".xls")

variant_option = click.option(
    "--variant", help="Which frames of the database: raw, cropped … [default: its first]"
)
label_file_option = click.option(
    "--label-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The label file, if it lies elsewhere or there are several.",
)
kind_option = click.option(
    "--kind", help="Kind of expressions, where the label file has several: micro, macro or both."
)

encoding_option = click.option(
    "--encoding",
    help="Encoding of a label file or manifest in CSV, such as gb18030. [default: found out]",
)
extent_option = click.option(
    "--extent",
    type=click.Choice(["expression", "folder"]),
    help="A clip: the frames from onset to offset, or all that its folder or video holds. "
    "[default: expression]",
)


@click.group()
def corpora():
    """Databases on your disk: which there are, and what is wrong with a copy."""


@corpora.command("list")
def list_command():
    """List the databases that can be read.

    Shows the name by which the other commands know a database, the published number of clips, the
    variants of its frames, and the label file, unless emotions are in the names of the folders.
    """
    from cdmer.corpora import get_layout, list_databases

    rows = [("NAME", "DATABASE", "CLIPS", "VARIANTS", "LABEL FILE")]
    for name in list_databases():
        layout = get_layout(name)
        n_clips = layout.n_clips if isinstance(layout.n_clips, tuple) else (layout.n_clips,)
        rows.append(
            (
                name,
                layout.title,
                " or ".join("?" if n is None else str(n) for n in n_clips),
                ", ".join(layout.folders),
                layout.label_files[0] if layout.label_files else "none",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


@corpora.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@variant_option
@label_file_option
@encoding_option
@kind_option
def check(name, path, variant, label_file, encoding, kind):
    """Check a copy of a database against its label file and the published counts.

    NAME is one of `cdmer corpora list`, PATH the folder of your copy. Shows what was found, the
    counts beside the published ones, what was put right, and every fault with its file and cell.
    The exit code is 1 if the database cannot be read or a count differs.

    Or NAME is "manifest", and PATH a manifest: shows clips per label, and every fault; the exit
    code is 1 if it cannot be read or a row gives no clip.
    """
    from cdmer.corpora import check_database

    if name == "manifest":
        _check_manifest(path, variant, label_file, encoding, kind)
        return

    found = check_database(
        name, path, variant=variant, label_file=label_file, encoding=encoding, kind=kind
    )
    if found.problem is not None:
        raise ValueError(found.problem)
    say(str(found))
    if not found.complete:
        raise ValueError(f"{found.title}: counts differ from the published ones")


@corpora.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("samples.png"),
    show_default=True,
    help="Where the picture goes: png, pdf or svg.",
)
@click.option(
    "--n-per-class",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Clips of each class.",
)
@click.option(
    "--scheme", help='Classes of this label scheme, or "labels". [default: labels as annotated]'
)
@variant_option
@label_file_option
@encoding_option
@extent_option
@kind_option
def show(name, path, out, n_per_class, scheme, variant, label_file, encoding, extent, kind):
    """Draw a contact sheet: some clips of each class.

    NAME is one of `cdmer corpora list`, PATH the folder of your copy; or NAME is "manifest", and
    PATH a manifest.
    """
    if out.suffix[1:].lower() not in PICTURE_NOTES:
        raise click.UsageError(f"--out: expected a png, pdf or svg file, got {out.name!r}")
    check_output(out, is_picture)
    with notes():
        corpus = _open(name, path, variant, label_file, encoding, extent, kind)
    save_picture(corpus.plot_samples(n_per_class, scheme), out, dpi=150)
    say(f"{out}: {corpus!r}")


@corpora.command()
@click.argument("name")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="An empty folder, or one that is not there yet.",
)
@click.option("--preset", help="Recording set-up, such as lab-200fps. [default: the nearest]")
@click.option(
    "--n-clips", type=click.IntRange(min=3), default=12, show_default=True, help="Number of clips."
)
@click.option(
    "--n-subjects",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Number of people.",
)
@click.option(
    "--size",
    type=click.IntRange(min=32),
    default=112,
    show_default=True,
    help="Width and height of the frames, pixels.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of people, expressions and noise.",
)
@variant_option
def make(name, out, preset, n_clips, n_subjects, size, seed, variant):
    """Write rendered faces as a database lies on disk, to rehearse with.

    NAME is one of `cdmer corpora list`. The label file is in the official format, with the oddities
    that the official one is known for.
    """
    from cdmer.corpora import make_database

    corpus = make_database(
        name,
        out,
        variant=variant,
        preset=preset,
        n_clips=n_clips,
        n_subjects=n_subjects,
        size=size,
        random_state=seed,
    )
    say(f"{out}: {corpus!r}, rendered faces")


def open_place(text, variant=None, extent=None):
    """Open the corpus that ``NAME:PATH`` or the path of a manifest names.

    Parameters
    ----------
    text : str
    variant : str or None
        Which frames of a database.
    extent : {"expression", "folder"} or None
        How much of a folder or a video a clip is; None for the loaders' default.

    Returns
    -------
    Corpus or None
        None if `text` is neither.

    Raises
    ------
    ValueError, OSError
        If it cannot be read, or a manifest is to have variants.
    """
    from cdmer.corpora import list_databases

    name, _, path = text.partition(":")
    if name in list_databases():
        with notes():
            return _open(name, Path(path), variant, None, None, extent)
    if Path(text).suffix.lower() in MANIFESTS:
        with notes():
            return _open("manifest", Path(text), variant, None, None, extent)
    return None


def _open(name, path, variant, label_file, encoding=None, extent=None, kind=None):
    from cdmer._parameters import check_choice
    from cdmer.corpora import list_databases, load_database, load_manifest

    options = {"encoding": encoding} | ({} if extent is None else {"extent": extent})
    if name != "manifest":
        check_choice("name", name, (*list_databases(), "manifest"))
        return load_database(
            name, path, variant=variant, label_file=label_file, kind=kind, **options
        )
    for option, value in (("--variant", variant), ("--label-file", label_file), ("--kind", kind)):
        if value is not None:
            raise ValueError(f"{option}: a manifest has none, got {value!r}")
    return load_manifest(path, **options)


def _check_manifest(path, variant, label_file, encoding, kind):
    with warnings.catch_warnings():  # the faults are listed below
        warnings.simplefilter("ignore", UserWarning)
        corpus = _open("manifest", path, variant, label_file, encoding, None, kind)
    labels = Counter(clip.label or "none" for clip in corpus)
    lines = [
        f"{corpus.name}, a manifest: {path}",
        f"  subjects: {len({(clip.corpus, clip.subject) for clip in corpus})}",
        "  clips:",
        *(f"    {name:<12}{n:>6}" for name, n in [("all", len(corpus)), *sorted(labels.items())]),
        f"  faults: {len(corpus.faults)}",
        *(f"    [{fault.kind}] {fault}" for fault in corpus.faults),
    ]
    say("\n".join(lines))
    # Columns and encodings concern the file; what else concerns no clip is a row without one.
    about_file = ("column", "encoding")
    lost = [f for f in corpus.faults if f.clip is None and f.kind not in about_file]
    if lost:
        raise ValueError(f"{path}: {counted(len(lost), 'row')} without a clip")


@contextmanager
def notes():
    """Print warnings as one line each on the standard error stream."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for one in caught:
        remark(str(one.message))
