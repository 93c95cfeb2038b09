"""Keys of functions by what they do, so that a changed one is not taken for the old one."""

from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from cdmer._fingerprint import fingerprint


def identify_function(function):
    """Give a key of a function: of its code, and of what that finds in its module.

    Parameters
    ----------
    function : function
        At the top of a module, without defaults.

    Returns
    -------
    str
        The same in every process.

    Raises
    ------
    TypeError
        If it is another function, or reads something of its module that has no content, such as an
        open file.
    """
    return fingerprint(_parts(function, set()))


def _parts(function, seen):
    name = f"{function.__module__}.{function.__qualname__}"
    if "<" in name or function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        raise TypeError(
            f"expected functions at the top of a module, without defaults or cells, got {name}"
        )
    if name in seen:  # they call each other
        return [name]
    seen.add(name)
    known = function.__globals__
    read = sorted(name for name in set(_names(function.__code__)) if name in known)
    return [name, _content(function.__code__), {key: _found(known[key], seen) for key in read}]


def _names(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _content(code):
    constants = [_content(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts]
    return [code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants]


def _constant(value):
    # A set has no order, so that its repr differs from process to process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _found(value, seen):
    """Give what a name of the module stands for; other modules and classes by their names."""
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, FunctionType) and value.__module__ in {n.rpartition(".")[0] for n in seen}:
        return _parts(value, seen)
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return f"{value.__module__}.{value.__qualname__}"
    return fingerprint(value)
