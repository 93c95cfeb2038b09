"""The state of a pipeline that was loaded: what `fit` can have left, and nothing else."""

import inspect
from contextlib import suppress
from dataclasses import fields, is_dataclass

import numpy as np
from scipy.interpolate import interp1d
from sklearn.base import BaseEstimator, clone

from cdmer._clip_transformer import ClipwiseTransformer
from cdmer.features import ClipDescriptor, RegionGrid
from cdmer.models._machines import check_machine

# No file holds an interpolation: scikit-learn makes it anew, from arrays that are checked.
_PLAIN = (bool, int, float, str, np.generic, type, type(None), interp1d)
_MOST_REGIONS = 2**16
_MOST_WORKERS = 256
# Frames of more pixels on a side are beyond every camera, and so are as many frames for one clip.
_MOST_IN_CLIPS = 2**13
# What holds rows of the clips that an estimator was fitted on, as they are or mapped.
_ROWS = {"X_fit_", "X_source_", "_fit_X", "moved_", "support_vectors_", "Nystroem.components_"}


def check_state(pipeline):
    """Check the objects and arrays of a pipeline from a file, before any of its methods run.

    A digest tells an accident from what was saved; whoever writes a file on purpose can make one.
    So no number of the file is trusted:

    - every array holds numbers, truths or text, no infinity and no NaN (no estimator that a model
      may hold learns any), and so does every number that an estimator has learnt;
    - whatever estimators give to compiled code, and their shapes: see `check_machine`;
    - no attribute stands in for a method;
    - settings (`RegionGrid` and the like) are what their constructors make of them; steps that
      learn nothing hold what `fit` gives them, and make no more workers, regions or pixels than
      anybody needs.

    Parameters
    ----------
    pipeline : estimator

    Raises
    ------
    ValueError
        If something is not so. Other errors, such as those of attributes that are missing, may
        come as well: the state is that of no fitted pipeline then.
    """
    for name, value in _parts(pipeline):
        if isinstance(value, np.ndarray):
            _check_numbers(value, name)
        elif isinstance(value, range):
            _check(len(value) <= 10**6, name, "at most a million numbers", value)
        elif isinstance(value, np.ufunc):
            _check(name.endswith((".func", ".inverse_func")), name, "no function", value)
        elif not isinstance(value, dict | list | tuple):
            _check_object(value, name)


def keeps_rows(pipeline):
    """Whether a pipeline holds rows of the clips that it was fitted on, as they are or mapped."""
    for _, value in _parts(pipeline):
        for attribute, content in getattr(value, "__dict__", {}).items():
            names = {attribute, f"{type(value).__name__}.{attribute}"}
            if names & _ROWS and content is not None and np.size(content):
                return True
    return False


def _parts(pipeline):
    """Objects, arrays and collections of a pipeline, each once, with their names; a generator."""
    waiting, seen = [("pipeline", pipeline)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, _PLAIN) or id(value) in seen:
            continue
        seen.add(id(value))
        yield name, value
        if isinstance(value, np.ndarray):
            items = enumerate(value.ravel() if value.dtype == object else ())
            waiting.extend((f"{name}[{i}]", one) for i, one in items)
        elif isinstance(value, list | tuple):
            waiting.extend((f"{name}[{i}]", one) for i, one in enumerate(value))
        elif isinstance(value, dict):
            waiting.extend((f"{name}[{key!r}]", one) for key, one in value.items())
        else:
            attributes = getattr(value, "__dict__", {})
            waiting.extend((f"{name}.{key}", one) for key, one in attributes.items())


def _check_numbers(array, name):
    _check(array.dtype.kind in "biufUO", name, "numbers or text", array.dtype)
    if array.dtype.kind == "f" and array.size:
        with np.errstate(all="ignore"):
            # A sum is finite where all numbers are, but for those whose sum is too large.
            finite = np.isfinite(array.sum()) or np.isfinite(array).all()
        _check(finite, name, "finite numbers", "NaN or infinity")


def _check_object(thing, name):
    kind = type(thing)
    settings = fields(thing) if is_dataclass(thing) else ()
    settings = {field.name: getattr(thing, field.name) for field in settings if field.init}
    parameters = kind._get_param_names() if isinstance(thing, BaseEstimator) else settings
    for attribute, value in vars(thing).items():
        of_class = inspect.getattr_static(kind, attribute, None)
        plain = attribute in parameters or isinstance(of_class, int | float | None)
        _check(plain, f"{name}.{attribute}", f"no value for what {kind.__name__} defines", value)
        if isinstance(value, float | np.floating) and attribute not in parameters:
            _check(np.isfinite(value), f"{name}.{attribute}", "a finite number", value)
    if is_dataclass(thing):
        with suppress(FileNotFoundError):  # a network of another machine: nothing to compare
            made = vars(kind(**settings))
            _check(
                made == vars(thing), name, f"what {kind.__name__} makes of its settings", settings
            )
    if isinstance(thing, BaseEstimator):
        workers = vars(thing).get("n_jobs")
        few = workers is None or (isinstance(workers, int) and abs(workers) <= _MOST_WORKERS)
        _check(few, f"{name}.n_jobs", f"None or at most {_MOST_WORKERS}", workers)
        check_machine(thing, name)
    if isinstance(thing, ClipwiseTransformer):
        _check_clip_step(thing, name)


def _check_clip_step(step, name):
    """Check a step that learns nothing: its parameters, and what follows from them."""
    for parameter, value in step.get_params().items():
        if isinstance(value, RegionGrid):
            few = value.n_regions <= _MOST_REGIONS
            _check(few, f"{name}.{parameter}", f"at most {_MOST_REGIONS} regions", value)
        elif isinstance(value, int | float) and not parameter.endswith("random_state"):
            few = abs(value) <= _MOST_IN_CLIPS
            _check(few, f"{name}.{parameter}", f"at most {_MOST_IN_CLIPS}", value)
    fresh = clone(step)
    if not isinstance(step, ClipDescriptor):
        fresh._check_parameters()
        return
    learnt = set(vars(step)) - set(step.get_params(deep=False))
    fresh.set_params(device=None).fit()  # the device may be of another machine
    for attribute in learnt:
        _check(hasattr(fresh, attribute), f"{name}.{attribute}", "no such value", "one")
        same = np.array_equal(getattr(step, attribute), getattr(fresh, attribute))
        _check(same, f"{name}.{attribute}", "what follows from the parameters", "something else")


def _check(good, name, expected, got):
    if not good:
        found = got if isinstance(got, str) else " ".join(repr(got).split())[:100]
        raise ValueError(f"{name}: expected {expected}, got {found}")
