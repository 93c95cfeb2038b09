"""Optical strain of fields whose strain is known."""

import re

import numpy as np
import pytest

from cdmer.features import optical_strain


def affine(matrix, height=7, width=9):
    """Field (u, v) = matrix @ (x, y)."""
    y, x = np.mgrid[:height, :width].astype(float)
    return np.stack([x, y], axis=-1) @ np.asarray(matrix, float).T


@pytest.mark.parametrize(
    ("matrix", "strain"),
    [
        ([[0.1, 0], [0, 0]], 0.1),  # stretched sideways
        ([[0, 0], [0, -0.2]], 0.2),  # squeezed from above
        ([[0.3, 0], [0, 0.4]], 0.5),
        ([[0, 0.1], [0, 0]], 0.1 / np.sqrt(2)),  # sheared
        ([[0, 0], [0.1, 0]], 0.1 / np.sqrt(2)),
        ([[0, 0.1], [0.1, 0]], 0.1 * np.sqrt(2)),
        ([[0, -0.1], [0.1, 0]], 0),  # turned by a small angle
        ([[0.1, 0.2], [0.3, 0.4]], np.sqrt(0.01 + 0.16 + 0.25 / 2)),
    ],
)
def test_affine_fields(matrix, strain):
    np.testing.assert_allclose(optical_strain(affine(matrix)), strain, atol=1e-14)


def test_is_the_frobenius_norm_of_the_symmetric_part():
    rng = np.random.default_rng(0)
    for _ in range(5):
        gradient = rng.standard_normal((2, 2))
        norm = np.linalg.norm((gradient + gradient.T) / 2)
        np.testing.assert_allclose(optical_strain(affine(gradient)), norm, rtol=1e-12)


def test_translation_has_none():
    flow = np.broadcast_to([1.5, -0.7], (5, 6, 2))
    np.testing.assert_array_equal(optical_strain(flow), 0)


def test_follows_the_definition_pixel_by_pixel():
    flow = np.random.default_rng(0).standard_normal((6, 5, 2))
    u, v = flow[..., 0], flow[..., 1]

    def slope(field, y, x, dy, dx):
        height, width = field.shape
        y0, y1 = max(y - dy, 0), min(y + dy, height - 1)
        x0, x1 = max(x - dx, 0), min(x + dx, width - 1)
        return (field[y1, x1] - field[y0, x0]) / (y1 - y0 + x1 - x0)

    expected = np.empty((6, 5))
    for y in range(6):
        for x in range(5):
            u_x, u_y = slope(u, y, x, 0, 1), slope(u, y, x, 1, 0)
            v_x, v_y = slope(v, y, x, 0, 1), slope(v, y, x, 1, 0)
            expected[y, x] = (u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2) ** 0.5
    np.testing.assert_allclose(optical_strain(flow), expected, rtol=1e-13)


def test_differences_are_those_of_numpy():
    flow = np.random.default_rng(0).standard_normal((3, 6, 5, 2))
    u_y, u_x = np.gradient(flow[..., 0], axis=(1, 2))
    v_y, v_x = np.gradient(flow[..., 1], axis=(1, 2))
    expected = np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2)
    np.testing.assert_allclose(optical_strain(flow), expected, rtol=1e-13)


def test_turning_the_picture_turns_the_strain():
    flow = np.random.default_rng(0).standard_normal((6, 5, 2))
    turned = np.rot90(flow)  # (x, y) -> (y, -x), and so do the vectors
    turned = np.stack([turned[..., 1], -turned[..., 0]], axis=-1)
    np.testing.assert_allclose(optical_strain(turned), np.rot90(optical_strain(flow)), rtol=1e-13)
    mirrored = flow[:, ::-1] * [-1, 1]
    np.testing.assert_allclose(optical_strain(mirrored), optical_strain(flow)[:, ::-1], rtol=1e-13)


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 7, 2), (4, 5, 2), (3, 4, 5, 2), (2, 3, 4, 5, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_types_in_any_library(shape, dtype):
    flow = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    before = flow.copy()
    strain = optical_strain(flow)
    assert strain.shape == shape[:-1]
    assert strain.dtype == dtype
    np.testing.assert_array_equal(flow, before)
    for library in ("torch", "array_api_strict"):
        xp = pytest.importorskip(library)
        other = optical_strain(xp.asarray(flow))
        assert isinstance(other, type(xp.asarray(flow)))
        np.testing.assert_allclose(np.asarray(other), strain, rtol=1e-6)


@pytest.mark.parametrize(
    ("flow", "error", "message"),
    [
        (np.zeros((4, 5)), ValueError, "flow: expected shape (..., H, W, 2) with H and W at least"),
        (np.zeros((4, 5, 3)), ValueError, "got (4, 5, 3)"),
        (np.zeros((1, 5, 2)), ValueError, "got (1, 5, 2)"),
        (np.zeros((5, 1, 2)), ValueError, "got (5, 1, 2)"),
        (np.zeros((4, 5, 2), int), TypeError, "flow: expected floating-point numbers, got int64"),
        ([[[0.0, 1.0]]], TypeError, "flow: expected an array, got list"),
    ],
)
def test_bad_input(flow, error, message):
    with pytest.raises(error, match=re.escape(message)):
        optical_strain(flow)
