"""Optical strain: how much the face deforms where the flow varies."""

import array_api_compat


def optical_strain(flow):
    r"""Magnitude of the optical strain of a flow field.

    With :math:`u_x` the derivative of the flow to the right along x, and so on, the strain tensor
    is the symmetric part of the flow's gradient, and its magnitude the Frobenius norm:

    .. math::

        \varepsilon = \tfrac12 \left(\nabla \mathbf u + \nabla \mathbf u^\top\right), \qquad
        |\varepsilon| = \sqrt{u_x^2 + v_y^2 + \tfrac12 (u_y + v_x)^2}.

    Moving the whole face gives none, nor does turning it by a small angle. Derivatives are central
    differences, one-sided at the border of the picture, as `numpy.gradient` takes them.

    Parameters
    ----------
    flow : array of float, shape (..., H, W, 2)
        Displacements in pixels, to the right and down, as `optical_flow` gives them, of any library
        that follows the array API.

    Returns
    -------
    array of float, shape (..., H, W)
        Without unit (pixels per pixel), in the library, the type and on the device of `flow`.

    Raises
    ------
    TypeError
        If `flow` is no array of real floating-point numbers.
    ValueError
        If its last axis does not have two entries, or the picture fewer than 2 × 2 pixels.

    Notes
    -----
    Every published variant differs: in the factor of the shear term (1/2, 1 or 2), by leaving it
    out, in the differences (central, Sobel) and in mistaken axes. Values from different papers are
    therefore comparable up to a factor at best.

    References
    ----------
    M. Shreve, S. Godavarthy, D. Goldgof and S. Sarkar, "Macro- and micro-expression spotting in
    long videos using spatio-temporal strain", FG 2011, https://doi.org/10.1109/FG.2011.5771451

    Examples
    --------
    A face that is stretched sideways by a tenth:

    >>> import numpy as np
    >>> from cdmer.features import optical_strain
    >>> flow = np.zeros((3, 4, 2))
    >>> flow[..., 0] = 0.1 * np.arange(4)
    >>> optical_strain(flow).round(3)
    array([[0.1, 0.1, 0.1, 0.1],
           [0.1, 0.1, 0.1, 0.1],
           [0.1, 0.1, 0.1, 0.1]])
    """
    if not array_api_compat.is_array_api_obj(flow):
        raise TypeError(f"flow: expected an array, got {type(flow).__name__}")
    xp = array_api_compat.array_namespace(flow)
    if not xp.isdtype(flow.dtype, "real floating"):
        raise TypeError(f"flow: expected floating-point numbers, got {flow.dtype}")
    if flow.ndim < 3 or flow.shape[-1] != 2 or min(flow.shape[-3:-1]) < 2:
        raise ValueError(
            f"flow: expected shape (..., H, W, 2) with H and W at least 2, got {tuple(flow.shape)}"
        )
    u, v = flow[..., 0], flow[..., 1]
    shear = _along_y(xp, u) + _along_x(xp, v)
    return xp.sqrt(_along_x(xp, u) ** 2 + _along_y(xp, v) ** 2 + shear**2 / 2)


def _along_x(xp, field):
    """Derivative along the last axis."""
    inner = (field[..., 2:] - field[..., :-2]) / 2
    first = field[..., 1:2] - field[..., :1]
    last = field[..., -1:] - field[..., -2:-1]
    return xp.concat([first, inner, last], axis=-1)


def _along_y(xp, field):
    """Derivative along the last axis but one."""
    inner = (field[..., 2:, :] - field[..., :-2, :]) / 2
    first = field[..., 1:2, :] - field[..., :1, :]
    last = field[..., -1:, :] - field[..., -2:-1, :]
    return xp.concat([first, inner, last], axis=-2)
