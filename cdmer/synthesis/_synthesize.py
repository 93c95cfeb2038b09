"""Synthesis: a corpus of rendered micro-expressions on disk."""

import warnings
from pathlib import Path
from typing import NamedTuple

from sklearn.utils.parallel import delayed

from cdmer._progress import progress_bar
from cdmer._workers import ending, parallel
from cdmer.corpora import load_manifest
from cdmer.synthesis._expert import ExpertUnits
from cdmer.synthesis._files import (
    FAILURES,
    MANIFEST,
    claim_folder,
    sweep,
    write_table,
)
from cdmer.synthesis._request import Request
from cdmer.synthesis._warp import WarpRenderer
from cdmer.synthesis._work import work

# Clips per task of a worker: what the parent sends with each counts for little.
_PER_TASK = 32


class Made(NamedTuple):
    """Result of a run.

    Parameters
    ----------
    manifest : Path
        The manifest's file.
    failures : list of dict
        Rows of ``failures.csv``.
    n_clips : int
        Number of clips that are there now.
    n_found : int
        How many of these were there before.
    """

    manifest: Path
    failures: list[dict]
    n_clips: int
    n_found: int


def synthesize(
    out,
    *,
    classes=("negative", "positive", "surprise"),
    sources=None,
    renderer=None,
    identities=5000,
    per_class=1,
    fps=None,
    random_state=0,
    name="synthesis",
    n_jobs=None,
    progress=None,
):
    """Write a corpus of synthetic micro-expressions.

    Every identity shows every class, with action units from every source, as MiE-X [1]_ has it:
    5,000 identities, 3 classes and 3 sources are its 45,000 pairs of onset and apex.

    A run that is stopped at any moment, by ``SIGKILL`` even, and started again goes on where it
    stopped and leaves the same bytes. So does any number of workers.

    Parameters
    ----------
    out : path-like
        Folder of the corpus: empty, not there yet, or that of the same request. Another request is
        refused.
    classes : sequence of str, default=("negative", "positive", "surprise")
        Members of the `classes` of every source.
    sources : dict of str to UnitSource, default=None
        Sources of action units; their names become part of the clips'. None:
        ``{"expert": ExpertUnits()}``.
    renderer : Renderer, default=None
        Makes the frames. None: ``WarpRenderer()``.
    identities : int, default=5000
        Number of people, no more than the renderer has.
    per_class : int, default=1
        Clips of each identity, class and source.
    fps : float, default=None
        None writes pairs of onset and apex; a number whole clips, at so many frames per second,
        from a face at rest over onset, apex and offset to one at rest.
    random_state : int, default=0
        Seed of action units, courses and noise; always an int, so that a run that is started again
        leaves the same bytes. People are the renderer's.
    name : str, default="synthesis"
        Name of the corpus.
    n_jobs : int or None, default=None
        Number of joblib workers. The result is the same for any number.
    progress : bool or None, default=None
        None shows a bar on terminals alone, False never.

    Returns
    -------
    Corpus
        As `cdmer.corpora.load_manifest` reads it with ``extent="folder"``: whole clips are all of
        their frames. Subjects are identities.

    Raises
    ------
    ParameterError
        A ValueError and a TypeError: if an argument has the wrong type or value.
    ValueError
        If the folder holds something else or another synthesis (says what differs), or no clip
        could be made.
    ImportError, MemoryError, OSError
        If a library is missing, memory runs out, or something cannot be written.

    Warns
    -----
    UserWarning
        If clips could not be made. They are left out and listed in ``failures.csv``, by their name
        and with the reason; the next run tries them again.

    See Also
    --------
    split_identities : Parts that share no identity.

    Notes
    -----
    The folder holds ``synthesis.json``, the request; one folder of PNG files per clip, named
    ``<identity>/<class>-<source>-<number>``; and ``manifest.csv``, which is written last: where it
    is, the run was finished. Beside the columns that `load_manifest` reads, it has ``intensities``
    of the action units, from 0 to 1 and in their order, ``emotion``, ``source`` and ``seed``.
    A clip follows from its seed: ``rng = numpy.random.default_rng(seed)`` draws its expression,
    then its course if there is one, and is then the renderer's. The seed follows from
    `random_state`, identity, class, source and number: more identities or a further class leave
    the other clips as they are.

    Frames that are there to their last byte are kept as they are. They are not flushed to the disk
    one by one: after a power failure, in contrast to a kill, the next run finds and replaces what
    is cut short.

    References
    ----------
    .. [1] Y. Liu, Z. Wang, T. Gedeon and L. Zheng, "How to synthesize a large-scale and trainable
       micro-expression dataset?", ECCV 2022, https://arxiv.org/abs/2112.01730

    Examples
    --------
    >>> import tempfile
    >>> from cdmer.synthesis import synthesize
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     corpus = synthesize(folder, identities=2, random_state=1)
    ...     frames = corpus[0].frames
    >>> corpus
    Corpus('synthesis', 6 clips, 2 subjects)
    >>> corpus[0].name, frames.shape
    ('negative-expert-1', (2, 128, 128))
    """
    request = make_request(
        classes, sources, renderer, identities, per_class, fps, random_state, name
    )
    made = run(out, request, n_jobs, progress)
    if made.failures:
        first = made.failures[0]
        warnings.warn(
            f"{len(made.failures)} clips could not be made; {Path(out) / FAILURES} lists them, "
            f"first {first['clip']!r}: {first['error']}",
            stacklevel=2,
        )
    return load_manifest(made.manifest, extent="folder")


def make_request(classes, sources, renderer, identities, per_class, fps, random_state, name):
    """Check arguments of `synthesize`, and make a Request of them."""
    if sources is None:
        sources = {"expert": ExpertUnits()}
    return Request(
        classes=tuple(classes) if isinstance(classes, tuple | list) else classes,
        sources=sources,
        renderer=WarpRenderer() if renderer is None else renderer,
        identities=identities,
        per_class=per_class,
        fps=fps,
        random_state=random_state,
        name=name,
    )


def run(out, request, n_jobs=None, progress=None):
    """Do what `synthesize` does, without its warning and without reading the corpus.

    Returns
    -------
    Made
    """
    root = Path(out).absolute()
    claim_folder(root, request.describe())
    step = -(-_PER_TASK // request.n_per_identity)
    tasks = (
        delayed(work)(request, root, range(first, min(first + step, request.identities)))
        for first in range(0, request.identities, step)
    )
    total = request.identities * request.n_per_identity
    rows, failures, n_found = [], [], 0
    jobs = parallel(n_jobs, return_as="generator", batch_size=1)
    with (
        progress_bar(total, "Synthesis", "clip", progress) as bar,
        ending(jobs(tasks)) as results,
    ):
        for outcomes in results:
            for outcome in outcomes:
                (failures if outcome.failed else rows).append(outcome.row)
                n_found += outcome.found
            bar.update(len(outcomes))
    write_table(root / FAILURES, failures)
    if not rows:
        raise ValueError(
            f"none of {total} clips could be made; first {failures[0]['clip']!r}: "
            f"{failures[0]['error']}"
        )
    write_table(root / MANIFEST, rows)
    sweep(root)
    return Made(root / MANIFEST, failures, len(rows), n_found)
