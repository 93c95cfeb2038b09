"""What a model's file says in plain JSON, to dataclasses and back."""

import json
import math
from dataclasses import asdict, fields

from cdmer._text import without_folders
from cdmer.models._calibration import Calibration
from cdmer.models._limits import ClipLimits
from cdmer.models._parts import states_probabilities
from cdmer.preprocessing import Preparation

_MOST_TEXT, _MOST_RECORD = 1000, 2**20
_KINDS = {"limits": ClipLimits, "calibration": Calibration}


def to_records(model):
    """Preparation, limits, calibration and evaluation of a model, a dict for JSON."""
    records = {
        name: None if getattr(model, name) is None else asdict(getattr(model, name))
        for name in _KINDS
    }
    preparation = None if model.preparation is None else model.preparation.to_dict()
    return {"preparation": preparation, **records, "evaluation": model.evaluation}


def from_records(document):
    """What `to_records` has written, checked; a dict of the fields of a FittedModel.

    Raises
    ------
    ValueError
        If something is missing or unknown, or a value is out of range.
    """
    found = {}
    for name, kind in _KINDS.items():
        record = document[name]
        if record is not None:
            names = {field.name for field in fields(kind)}
            if not isinstance(record, dict) or set(record) != names:
                got = sorted(record) if isinstance(record, dict) else record
                raise ValueError(f"{name}: expected {sorted(names)}, got {str(got)[:200]}")
            record = kind(**record)
        found[name] = record
    preparation = document["preparation"]
    if preparation is not None:
        _check_plain(preparation, "preparation", 0, paths=True)  # see below
        preparation = Preparation.from_dict(preparation, allow_paths=False)
    check_evaluation(document["evaluation"])
    return found | {"preparation": preparation, "evaluation": document["evaluation"]}


def check_fields(model):
    """Check the types of the fields that `to_records` writes, and that they fit the classes.

    Raises
    ------
    TypeError
        If a field is of another type.
    ValueError
        If a calibration is of other classes or scores, or the evaluation cannot be written.
    """
    for name, kind in {"preparation": Preparation, **_KINDS}.items():
        value = getattr(model, name)
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name}: expected {kind.__name__} or None, got {type(value).__name__}")
    calibration = model.calibration
    if calibration is not None and len(calibration.bias) != len(model.classes):
        raise ValueError(
            f"calibration: expected one of the {len(model.classes)} classes "
            f"{list(model.classes)}, got one of {len(calibration.bias)}"
        )
    of_probabilities = states_probabilities(model.pipeline)
    if calibration is not None and calibration.of_probabilities != of_probabilities:
        kinds = ("decision values", "probabilities")
        raise ValueError(
            f"calibration: expected one of {kinds[of_probabilities]}, which the pipeline gives, "
            f"got one of {kinds[calibration.of_probabilities]}"
        )
    check_evaluation(model.evaluation)


def check_evaluation(evaluation):
    """Check a record of scores: plain JSON with finite numbers, of a bounded size, without paths.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if evaluation is None:
        return
    if not isinstance(evaluation, dict):
        raise ValueError(f"evaluation: expected a dict, got {type(evaluation).__name__}")
    _check_plain(evaluation, "evaluation", 0)
    size = len(json.dumps(evaluation))
    if size > _MOST_RECORD:
        raise ValueError(f"evaluation: expected at most {_MOST_RECORD} bytes of JSON, got {size}")


def _check_plain(value, name, level, paths=False):
    if level > 20:
        raise ValueError(f"{name[:100]}: expected at most 20 levels")
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{name}: expected names that are texts, got {key!r}")
            _check_plain(key, name, level + 1, paths)
            _check_plain(one, f"{name}.{key}", level + 1, paths)
    elif isinstance(value, list | tuple):
        for one in value:
            _check_plain(one, name, level + 1, paths)
    elif isinstance(value, str):
        if len(value) > _MOST_TEXT:
            raise ValueError(f"{name[:100]}: expected texts of at most {_MOST_TEXT} letters")
        if not paths and without_folders(value) != value:
            raise ValueError(f"{name[:100]}: expected no path of this machine, got {value!r}")
    elif value is not None and not isinstance(value, bool | int | float):
        raise ValueError(f"{name[:100]}: expected plain JSON, got {type(value).__name__}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name[:100]}: expected finite numbers, got {value}")
