"""Run methods over the folds of a protocol, and keep every prediction as soon as it is there."""

import warnings
from collections.abc import Iterable

from cdmer._parameters import ParameterError, check_choice, check_flag, check_number
from cdmer._progress import progress_bar
from cdmer.evaluation._runner.data import Data, list_corpora, read_scheme
from cdmer.evaluation._runner.dispatch import run_jobs
from cdmer.evaluation._runner.methods import read_methods
from cdmer.evaluation._runner.plan import Plan
from cdmer.evaluation._store.store import ResultStore
from cdmer.evaluation.protocols import CDMERPairs, Protocol, people


def benchmark(
    methods,
    corpora,
    protocol=None,
    *,
    descriptor=None,
    scheme="cdmer-130",
    doubtful=None,
    selection="fixed",
    seeds=(0,),
    n_jobs=None,
    store=None,
    cache_dir=None,
    on_error="record",
    embeddings=False,
    title="",
    command="",
    config_text="",
    progress=None,
):
    """Evaluate methods on every fold of a protocol.

    A method is given what the roles of the protocol allow, and nothing else: the training rows with
    their labels, the rows to adapt to with -1 in place of labels (clips without their annotations
    of class), and for prediction the tested rows. Methods that take no `sample_domain` are fitted
    on the training rows alone. Arrays come read-only: a method that works in place copies them, or
    fails, and spoils nothing for others.

    Parameters
    ----------
    methods : dict of str to (estimator or Method)
        Named classifiers or pipelines, adaptive (``fit(X, y, sample_domain)``) or not. They are
        cloned. `Method` adds settings to choose from and a citation. Where `class_names` of a
        classifier of `cdmer.zero_shot` is None, it is set to the scheme's classes. A class of
        classifiers with the attribute ``abstains = True`` may predict -1, no answer, which counts
        as wrong; of any other that is an error.
    corpora : sequence of Corpus, FeatureTable, PublishedFeatures or DataFrame
        Their names must differ, and they share no clip. A DataFrame holds features beside the
        columns ``label``, ``corpus`` and, where people are known, ``subject``, of one corpus or
        several: see `cdmer.extraction.FeatureTable.from_frame`.
    protocol : Protocol, default=CDMERPairs()
        See `cdmer.evaluation.protocols`.
    descriptor : transformer or None, default=None
        Applied to each clip by itself, once, so that all methods and folds share the result. It
        must have nothing to learn from other clips; learned steps belong into the methods. It sees
        clips without their annotations of class. None:
        the methods take the clips, or the rows of features, as they are.
    scheme : str, LabelScheme or ActionUnitScheme, default="cdmer-130"
        Label scheme for clips, and for the rows of feature tables; ``"labels"`` for classes as
        annotated in all corpora, in alphabetical order. Clips that it leaves out are counted by
        corpus and label in ``results.info["notes"]``. Under a scheme of action units a
        clip has several classes; classifiers that take one are cloned for each action unit, and
        clips whose action units are missing or unreadable are left out and named in the notes.
    doubtful : {"refuse", "any", "drop"} or None, default=None
        What becomes of doubtful action units such as ``"12 or 15"``, under a scheme of action
        units: see `cdmer.corpora.ActionUnitScheme`. None leaves the scheme as it is.
    selection : str or list of str, default="fixed"
        How methods with a `param_grid` choose their setting:

        - ``"fixed"``: the estimator as it is.
        - ``"label-free:<criterion>"``: a criterion of `cdmer.evaluation.selection` that reads no
          label of the target, such as ``"label-free:iwv"``.
        - ``"nested-loso"``: UF1 on the training rows, one person left out after the other.
        - ``"oracle"``: the best on the tested clips, which nobody could know who needs a
          recogniser; most published tables are made so. Its results carry that word everywhere.

        Several run beside each other.
    seeds : sequence of int, default=(0,)
        For methods with a `random_state` that was left open (None); others run once.
    n_jobs : int or None, default=None
        Number of joblib workers over jobs (a method on a fold with a seed); a
        `joblib.parallel_config` context chooses the backend, be it Dask's or Ray's. What a method
        runs in parallel by itself stays in the worker of its job. The result does not depend on
        any of it.
    store : path-like, ResultStore or None, default=None
        Where finished jobs are kept, each as soon as it is done. Jobs that are there are not run
        again, so a run that was stopped goes on where it stopped, and a run with more methods,
        folds or seeds adds to it. None: memory. (Folds that `cdmer.nets.fit_folds` can train at
        once, up to 17 of them, finish together.)
    cache_dir : path-like or None, default=None
        Folder for features of clips: see `cdmer.extraction.extract`.
    on_error : {"record", "raise"}, default="record"
        How a job is handled whose method fails or predicts what is no class. "record": its
        traceback is kept in `Results.failures`, the rest goes on, and one warning counts them;
        asked for again, such jobs run again. "raise": the first one stops the run.
    embeddings : bool, default=False
        Whether to keep where rows lie before and after adaptation, for the report.
    title, command, config_text : str, default=""
        For the report: its heading, and how to repeat the run.
    progress : bool or None, default=None
        None shows bars on terminals alone, False never.

    Returns
    -------
    Results
        Per-clip predictions, and tables of any metric made from them.

    Raises
    ------
    ValueError
        If a name occurs twice, corpora share clips, feature tables have other columns than each
        other, the scheme or selection is unknown, the protocol has no fold for the corpora, a
        method asks for target rows that the protocol forbids, or no job at all could be run.
    TypeError
        If a corpus, method or protocol is something else, or the last step of an adaptive pipeline
        takes no `sample_domain`.
    OSError
        If the store cannot be written to; what was finished before is kept.
    RuntimeError
        If workers are lost again and again.

    Examples
    --------
    >>> from cdmer.adaptation import TCA, SourceOnly
    >>> from cdmer.corpora import make_synthetic_corpus
    >>> from cdmer.evaluation import CDMERPairs, Method, benchmark
    >>> from cdmer.features import LBPTOP, RegionGrid
    >>> corpora = [make_synthetic_corpus(name, n_clips=6, size=32, random_state=0)
    ...            for name in ("webcam-25fps", "nir-25fps")]
    >>> results = benchmark(
    ...     {"SVM": SourceOnly(), "TCA": Method(TCA(), {"n_components": [2, 4]})},
    ...     corpora, CDMERPairs(None), descriptor=LBPTOP(radius=1, grid=RegionGrid((1, 2))),
    ...     selection=["label-free:entropy", "oracle"], progress=False)
    >>> results.methods
    ['SVM', 'TCA, label-free:entropy', 'TCA, oracle']
    """
    check_choice("on_error", on_error, ("record", "raise"))
    check_flag("embeddings", embeddings)
    protocol = CDMERPairs() if protocol is None else protocol
    if not isinstance(protocol, Protocol):
        raise TypeError(f"protocol: expected a Protocol, got {protocol!r}")
    seeds = _check_seeds(seeds)
    if n_jobs is not None:
        check_number("n_jobs", n_jobs, whole=True)
        if n_jobs == 0:
            raise ParameterError("n_jobs: expected a number of workers, or -1 for all, got 0")
    words = {"title": title, "command": command, "config": config_text}
    for name, text in words.items():
        if not isinstance(text, str):
            raise ParameterError(f"{name}: expected a str, got {text!r}")
    own = not isinstance(store, ResultStore)
    store = ResultStore(store) if own else store
    try:
        strict = store.path is not None
        corpora = list_corpora(corpora)
        scheme = read_scheme(scheme, corpora, doubtful)
        candidates = read_methods(methods, selection, protocol, strict, scheme)
        options = {"n_jobs": n_jobs, "cache_dir": cache_dir, "progress": progress}
        data = Data(corpora, scheme, descriptor, **options)
        plan = Plan(candidates, data, protocol, seeds, descriptor, embeddings)
        run = store.add_run(plan.info | words, [(job.label, job.key) for job in plan.jobs])
        _run(plan, store, n_jobs, on_error, progress)
        results = store.results(run)
    finally:
        if own:
            store.close()
    if len(results.failures):
        _warn_of_failures(results, len(plan.jobs))
    return results


def _run(plan, store, n_jobs, on_error, progress):
    """Do what the store does not have yet."""
    done = store.finished([job.key for job in plan.jobs])
    left = {i for i, job in enumerate(plan.jobs) if job.key not in done}
    # Whole batches, though some of their jobs may be there: the others come out the same then.
    batches = [batch for batch in plan.batches() if not left.isdisjoint(batch)]
    data = plan.data
    shared = (data.X, data.hidden, data.truth, people(data.corpora, data.subjects))

    def skip(batch):
        keys = [plan.jobs[number].key for number in batch]
        return len(store.finished(keys)) == len(keys)

    n_planned = len(plan.jobs)
    with progress_bar(n_planned, "Jobs", "job", progress, done=n_planned - len(left)) as bar:
        for number, result in run_jobs(batches, plan.jobs, shared, n_jobs, skip):
            if number not in left:
                continue
            store.add(result, plan.test_sets[result.test_set])
            if result.error is not None and on_error == "raise":
                raise _stopped(plan.jobs[number], result.error)
            bar.update()


def _stopped(job, error):
    where = f"experiment {job.fold.experiment!r}, fold {job.fold.name!r}"
    stop = ValueError(f"method {job.label!r}, {where}: {error['type']}: {error['message']}")
    stop.add_note(error["traceback"])
    return stop


def _warn_of_failures(results, n_planned):
    failures = results.failures
    first = failures.iloc[0]
    text = (
        f"{len(failures)} of {n_planned} jobs failed; first method {first['method']!r}, experiment "
        f"{first['experiment']!r}: {first['error']}: {first['message']}"
    )
    if len(failures) == n_planned:
        error = ValueError(f"methods: {text}")
        error.add_note(first["traceback"])
        raise error
    warnings.warn(f"{text}. results.failures says why.", stacklevel=3)


def _check_seeds(seeds):
    seeds = list(seeds) if isinstance(seeds, Iterable) else [seeds]
    for seed in seeds:
        check_number("seeds", seed, least=0, most=2**32 - 1, whole=True)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ParameterError(f"seeds: expected one or more different numbers, got {seeds}")
    return [int(seed) for seed in seeds]
