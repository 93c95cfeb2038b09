"""From tables that name classes to objects."""

from inspect import Parameter

from sklearn.pipeline import make_pipeline

from cdmer._text import nearest, unknown
from cdmer.evaluation.config._classes import parameters
from cdmer.evaluation.config._param_grid import PLAIN_TABLES, read_param_grid, read_plain


def build(section, classes, extra=()):
    """Build what a table describes.

    Parameters
    ----------
    section : Section
        ``class`` and the parameters of that class, or ``steps``, an array of such tables.
    classes : Mapping of str to callable
        The classes that may be named.
    extra : sequence of str
        Further keys of the table, read elsewhere unless the class has a parameter of that name.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If a class or parameter is unknown, a package that it needs is missing, or the class refuses
        a value or finds no file.
    """
    if "steps" in section.content:
        return _build_steps(section, classes, extra)
    if "class" not in section.content:
        for key in section.content:
            if key not in extra and nearest(key, ["class", "steps"]):
                raise section.fault(key, unknown("key", key, ["class", "steps"]))
        raise section.fault("class", "is missing")
    name = section.choose("class", section.content["class"], classes, "class")
    try:
        thing = classes[name]
    except ImportError as error:
        raise section.fault("class", f"{name}: {error}") from error
    known = parameters(thing)
    extra = [key for key in extra if key not in known]
    given = {k: v for k, v in section.content.items() if k != "class" and k not in extra}
    for key in given:
        if key not in known:
            expected = [*known, *extra]
            raise section.fault(key, unknown(f"parameter of {name}", key, expected))
    values = {
        key: _value(section, key, value, classes, known)
        for key, value in given.items()
        if key != "param_grid"
    }
    if "param_grid" in given:
        estimator = values.get("estimator")
        values["param_grid"] = read_param_grid(section, build_value(classes), estimator)
    missing = [k for k, v in known.items() if v is Parameter.empty and k not in values]
    if missing:
        raise section.fault(missing[0], f"is missing; {name} needs it")
    try:
        return thing(**values)
    except (ArithmeticError, OSError, TypeError, ValueError) as error:
        raise section.fault("", f"{name}: {error}") from error


def _build_steps(section, classes, extra):
    section.expect(["steps"], extra)
    tables = section.read("steps", list)
    if not tables:
        raise section.fault("steps", "got an empty array, expected tables with a class each")
    steps = []
    for number, table in enumerate(tables, start=1):
        if not isinstance(table, dict):
            raise section.fault("steps", f"expected an array of tables, got {table!r}")
        steps.append(build(section.within(f"steps, {number}", table), classes))
    for number, step in enumerate(steps, start=1):
        if not hasattr(step, "fit") or (number < len(steps) and not hasattr(step, "transform")):
            what = "an estimator" if number == len(steps) else "a transformer"
            name = type(step).__name__
            raise section.fault(f"steps, {number}", f"expected {what}, got {name}")
    return make_pipeline(*steps)


def _value(section, key, value, classes, known):
    """Give the value of a parameter: what tables describe, arrays, or the value as it is."""
    if key == "model_path" or (key == "weights" and "network" in known and value != "default"):
        return str(section.read_path(key))
    if key in PLAIN_TABLES and (key != "class_weight" or isinstance(value, dict)):
        return read_plain(section.within(key), key)
    value = build_value(classes)(section, key, value)
    # TOML has arrays alone; classes that are hashed or compared want tuples.
    return tuple(value) if isinstance(value, list) and type(known[key]) is tuple else value


def build_value(classes):
    """Make a function ``(section, key, value)`` that builds what tables in a value describe."""

    def built(section, key, value):
        if isinstance(value, dict):
            return build(section.within(key, value), classes)
        if isinstance(value, list):
            return [built(section, f"{key}, {i}", one) for i, one in enumerate(value, start=1)]
        return value

    return built
