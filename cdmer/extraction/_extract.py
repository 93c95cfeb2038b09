"""Describe many clips: one at a time per worker, in any order, gathered in the corpus' order."""

import os
import warnings

import numpy as np
from joblib.parallel import get_active_backend
from sklearn.pipeline import make_pipeline
from sklearn.utils.parallel import delayed
from threadpoolctl import threadpool_limits

from cdmer._parameters import check_choice
from cdmer._progress import progress_bar
from cdmer._steps import stateless_steps, steps_text
from cdmer._text import counted, without_folders
from cdmer._workers import ending, in_one_worker, parallel
from cdmer.corpora import Clip, Corpus
from cdmer.extraction._cache import FeatureCache
from cdmer.extraction._frames import clips_frame, failures_frame
from cdmer.extraction._steps import check_names, name_columns
from cdmer.extraction._table import FeatureTable
from cdmer.extraction._worker import work
from cdmer.preprocessing import Preparation


def extract(
    corpus,
    transformer,
    *,
    preparation=None,
    n_jobs=None,
    cache_dir=None,
    on_error="raise",
    progress=None,
):
    """Compute the features of every clip of a corpus.

    Each clip is read, described and, with `cache_dir`, written to disk by itself. A run that is
    stopped at any moment, by ``SIGKILL`` even, and started again goes on where it stopped and gives
    the same table; only the clips that were in flight are computed again.

    Parameters
    ----------
    corpus : Corpus or sequence of Clip
        The clips. Their keys must differ.
    transformer : transformer or Pipeline
        A descriptor of `cdmer.features`, or a pipeline of steps of `cdmer.preprocessing`, a
        descriptor, and steps that treat every row by itself. No step may learn from clips: their
        scikit-learn tags say ``requires_fit=False``.
    preparation : Preparation or None, default=None
        What happens to every clip before the transformer sees it: its steps come first, and the
        table holds it. How much of a recording is a clip (`extent`) is followed where the corpus is
        read.
    n_jobs : int or None, default=None
        Number of joblib workers, each of which handles one clip at a time: processes, unless a
        `joblib.parallel_config` context says otherwise. The result is the same for any number.
    cache_dir : path-like or None, default=None
        Folder for the features of each clip. What is there is not computed again. See Notes.
    on_error : {"raise", "record"}, default="raise"
        How a clip is handled that cannot be read or described. "raise": an error, for the first
        such clip in the corpus' order; those before it are in the cache by then. "record": the clip
        has no row, `FeatureTable.failures` says why, without the folders of paths, and one warning
        counts such clips.
    progress : bool or None, default=None
        None shows a bar on terminals alone, False never.

    Returns
    -------
    FeatureTable
        One row per clip, in the corpus' order.

    Warns
    -----
    SeveralFacesWarning
        A UserWarning, once: of the first clip with several faces, and how many more there are. Of
        clips whose features were cached, it says nothing.

    Raises
    ------
    ValueError
        If a clip cannot be described (with ``on_error="record"``: if none can), clips share a key,
        a step of the transformer has to be fitted, or a parameter of it cannot be named in the
        cache. The message names the clip or the argument.
    TypeError, ParameterError
        If `corpus` holds no clips, `transformer` is none or gives no row of features, or a
        parameter has the wrong type or value.
    ImportError, MemoryError, OSError
        If a library is missing, memory runs out, or the cache cannot be read or written to: never
        recorded, because no clip is to blame.

    Warns
    -----
    UserWarning
        Once each: if clips have no row, steps chose between several faces in some (those that were
        in the cache are not looked at again), or features could not be kept.

    Notes
    -----
    The cache holds one file per clip, named by a hash of

    - its frames: `fingerprint()` of its source where there is such a method, as synthetic clips and
      preprocessed ones have it, else the frames themselves, which are then read even if the
      features are there;
    - its key, annotated frames, frame numbers and rate;
    - the steps and their parameters, without `n_jobs` but with `device`;
    - the version of cdmer. Not the versions of the libraries below it, nor the code of steps that
      are not part of it: after a change there, take another folder.

    A file that is truncated or changed is recognised by a checksum and replaced. Where something
    else is in its place, such as a folder, the features are used, not kept, and a warning says so.
    Files of the cache, and folders that are made for it, are readable by their owner alone.

    Memory holds the table, which the parent process fills row by row, and per worker the frames of
    one clip. Clips that hold their frames as an array are sent to workers, two per worker at most.

    Workers compute with one thread of BLAS and of OpenCV each.

    Examples
    --------
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.extraction import extract
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> corpus = make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=0)
    >>> table = extract(corpus, LBPTOP(radius=1, grid=RegionGrid((1, 2))))
    >>> table
    FeatureTable('webcam-25fps', 3 clips, 885 features)
    >>> table.clips["label"].tolist() == [clip.label for clip in corpus]
    True
    """
    check_choice("on_error", on_error, ("raise", "record"))
    if preparation is not None:
        if not isinstance(preparation, Preparation):
            raise TypeError(f"preparation: expected a Preparation or None, got {preparation!r}")
        preparation.to_dict()  # before the work: files could not hold another
        transformer = make_pipeline(*preparation.steps(), transformer)
    corpus, name = _as_corpus(corpus)
    steps = stateless_steps(transformer)
    names, groups = name_columns(steps, corpus[0])
    cache = None if cache_dir is None else FeatureCache(cache_dir, steps)
    if cache is not None:
        cache.sweep()
    tasks = (delayed(in_one_worker)(work, clip, transformer, cache, os.getpid()) for clip in corpus)
    gathered = _Gathered(len(corpus))
    # One BLAS thread, here for workers that are threads: sums come out the same for any n_jobs.
    with (
        threadpool_limits(1, user_api="blas"),
        progress_bar(len(corpus), "Features", "clip", progress) as bar,
        _results(tasks, n_jobs) as outcomes,
    ):
        for clip, outcome in zip(corpus, outcomes, strict=True):
            gathered.add(clip, outcome, on_error)
            bar.update()
    if not gathered.clips:
        raise gathered.failures[0].error(f"none of {len(corpus)} clips could be described; first ")
    features = gathered.features[: len(gathered.clips)]
    names = check_names(names, steps, features.shape[1])
    failures = failures_frame(
        [(f.key, f.kind, without_folders(f.message)) for f in gathered.failures]
    )
    if gathered.failures:
        warnings.warn(
            f"{len(failures)} of {len(corpus)} clips could not be described and have no row; "
            f"table.failures says why, first {failures['message'][0]}",
            stacklevel=2,
        )
    for kind, notes in gathered.notes.items():
        more = f"; and {counted(len(notes) - 1, 'more clip')} alike" if len(notes) > 1 else ""
        warnings.warn(kind(f"{notes[0]}{more}"), stacklevel=2)
    if gathered.kept_out:
        warnings.warn(
            f"features of {len(gathered.kept_out)} clips could not be kept, first "
            f"{gathered.kept_out[0]}",
            stacklevel=2,
        )
    return FeatureTable(
        features=features,
        feature_names=names,
        feature_groups=groups,
        clips=clips_frame(gathered.clips),
        failures=failures,
        transformer=without_folders(steps_text(steps)),
        corpus=name,
        n_cached=gathered.n_cached,
        preparation=preparation,
    )


def _as_corpus(corpus):
    """Give the clips as a Corpus, and the name of the corpus or None if there are several."""
    if isinstance(corpus, Corpus):
        return corpus, corpus.name
    if isinstance(corpus, Clip) or not hasattr(corpus, "__iter__"):
        raise TypeError(
            f"corpus: expected a Corpus or a sequence of Clip, got one {type(corpus).__name__}"
        )
    corpus = Corpus(corpus, "given")
    names = {clip.corpus for clip in corpus}
    return corpus, names.pop() if len(names) == 1 else None


def _results(tasks, n_jobs):
    """Give the results of tasks, in their order, as they come."""
    streams = get_active_backend()[0].supports_return_generator  # multiprocessing's does not
    # Clips travel one by one, so that what is in flight stays small. Frames go through the pipe:
    # joblib would keep large arrays in shared memory until the end, the whole corpus' by then.
    jobs = parallel(
        n_jobs,
        return_as="generator" if streams else "list",
        batch_size=1,
        max_nbytes=None,
    )
    return ending(jobs(tasks))


class _Gathered:
    """Rows as they come, in the corpus' order."""

    def __init__(self, n_clips):
        self.n_clips = n_clips
        self.features, self.clips, self.failures, self.n_cached = None, [], [], 0
        self.kept_out, self.notes = [], {}

    def add(self, clip, outcome, on_error):
        """Take the outcome of the next clip."""
        for one in outcome.notes:
            self.notes.setdefault(type(one), []).append(one)
        if outcome.failure is not None:
            if on_error == "raise":
                raise outcome.failure.error()
            self.failures.append(outcome.failure)
            return
        row = outcome.row
        if self.features is None:
            self.features = np.empty((self.n_clips, len(row)))
        elif len(row) != self.features.shape[1]:
            raise ValueError(
                f"transformer: gave {len(row)} features for clip {clip.key!r}, and "
                f"{self.features.shape[1]} for the ones before it"
            )
        self.features[len(self.clips)] = row
        self.clips.append(clip)
        self.n_cached += outcome.cached
        if outcome.kept_out is not None:
            self.kept_out.append(outcome.kept_out)
