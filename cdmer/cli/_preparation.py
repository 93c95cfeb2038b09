"""Options for how rows are made of recordings: the preparation, and the descriptor."""

import ast

import click

from cdmer.cli._corpora import extent_option

# Parameters of descriptors that have options of their own.
_ELSEWHERE = {"grid": "--levels", "n_jobs": "--n-jobs"}
_NONE = "none"
# Of options that are called otherwise than the field of `Preparation`.
_FIELDS = {"frames": "n_frames"}

_PREPARATION = (
    click.option(
        "--crop/--no-crop",
        default=None,
        help="Cut out the face, as found at the beginning of a clip, or take the frames as they "
        "are.",
    ),
    click.option(
        "--detector",
        metavar="NAME",
        help="What finds the face: cascade, yunet:FILE or mediapipe:FILE. [default: cascade]",
    ),
    click.option(
        "--face",
        metavar="WHICH",
        help="Which face, where there are several: largest, central, a number from 0, or X,Y, a "
        "point in pixels. [default: largest]",
    ),
    click.option(
        "--size",
        type=click.IntRange(min=1),
        help="Height and width of the face's picture in pixels. [default: 112]",
    ),
    click.option(
        "--register",
        type=click.Choice(["rigid", "similarity", _NONE]),
        help="Undo the motion of the head by such a motion of the frames.",
    ),
    click.option(
        "--spot",
        type=click.Choice(["frame-difference", "flow", "lbp", _NONE]),
        help="Find the apex by this method, where none is annotated.",
    ),
    click.option(
        "--magnify", metavar="PRESET", help="Magnify motion after that: casme2, samm or smic."
    ),
    click.option(
        "--frames",
        type=click.IntRange(min=2),
        help="Interpolate every clip to so many frames after that (TIM).",
    ),
    extent_option,
)
_DESCRIPTOR = (
    click.option(
        "--param",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="Parameter of the descriptor; may be repeated.",
    ),
    click.option("--levels", metavar="N,N,...", help="Grids of facial regions, such as 1,2,4,8."),
)


class DescriptorName(click.Choice):
    """Name of a descriptor, looked up when it is needed: others may have been registered."""

    def __init__(self):
        self.case_sensitive = True

    @property
    def choices(self):
        from cdmer.features import DESCRIPTORS

        return tuple(sorted(DESCRIPTORS))


def preparation_options(command):
    """Give a command the options of a preparation, which it takes as keyword arguments."""
    return _with(command, _PREPARATION)


def descriptor_options(command):
    """Give a command the options `parameters` and `levels` of a descriptor."""
    return _with(command, _DESCRIPTOR)


def _with(command, options):
    for option in reversed(options):
        command = option(command)
    return command


def preparation_fields(options):
    """Give the fields of `Preparation` that options name.

    Parameters
    ----------
    options : dict
        What the options of `preparation_options` hold; None where one was not given.

    Returns
    -------
    dict
        None for what was switched off by "none"; options that were not given have no entry.

    Raises
    ------
    ParameterError
        If `face` names no face.
    """
    given = {_FIELDS.get(name, name): v for name, v in options.items() if v is not None}
    if "face" in given:
        from cdmer.preprocessing import parse_face

        given["face"] = parse_face(given["face"])
    for name in ("register", "spot"):
        if given.get(name) == _NONE:
            given[name] = None
    return given


def needs_crop(given):
    """Refuse fields that count with a crop alone, where there is none.

    Parameters
    ----------
    given : dict
        What `preparation_fields` gives.

    Raises
    ------
    click.UsageError
        If one of them was given without ``--crop``.
    """
    for name in ("detector", "face", "size"):
        if name in given and not given.get("crop"):
            raise click.UsageError(f"--{name}: expected --crop beside it")


def make_descriptor(name, parameters=(), levels=None):
    """Build the descriptor that options describe.

    Parameters
    ----------
    name : str
        One of `cdmer.features.DESCRIPTORS`.
    parameters : sequence of str
        ``"name=value"``; values are Python literals, or else strings.
    levels : str or None
        Levels of the `RegionGrid`, ``"1,2,4,8"``.

    Returns
    -------
    ClipDescriptor

    Raises
    ------
    ValueError
        If a name or value is wrong; says what is expected.
    """
    from cdmer import features

    descriptor = features.DESCRIPTORS[name]()
    descriptor.set_params(**_parse(parameters, descriptor, name))
    if levels is not None:
        descriptor.set_params(grid=features.RegionGrid(_parse_levels(levels)))
    return descriptor


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
