"""Checks of the numbers that size a network."""

from cdmer._parameters import ParameterError, check_number


def check_sizes(**sizes):
    """Check positive whole numbers, given by their names.

    Raises
    ------
    ParameterError
        If one is not.
    """
    for name, value in sizes.items():
        check_number(name, value, least=1, whole=True)


def check_widths(name, widths, n_widths):
    """Check numbers of channels or units, one per layer.

    Raises
    ------
    ParameterError
        If they are not as many positive whole numbers as asked for.
    """
    if not isinstance(widths, tuple | list) or len(widths) != n_widths:
        raise ParameterError(f"{name}: expected {n_widths} whole numbers, got {widths!r}")
    for width in widths:
        check_number(name, width, least=1, whole=True)
