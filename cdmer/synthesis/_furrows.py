"""How action units change the light on the skin: the furrows and bulges that they make."""

import numpy as np


def _furrows(who):
    """Action unit → furrows (from x, y, to x, y, width, depth) of the right half of the picture.

    The depth is the share of the light that is lost in the middle of the furrow at intensity 1.
    """
    eye, eye_y, brow, nose = who.eye_x, who.eye_y, who.brow_y, who.nose_y
    wing, mouth, corner, chin = who.nose_width, who.mouth_y, who.mouth_width, who.chin
    outer = eye + who.eye_width
    return {
        "1": [
            (0.0, brow - 0.17, 0.2, brow - 0.2, 0.02, 0.3),
            (0.0, brow - 0.28, 0.17, brow - 0.31, 0.02, 0.22),
        ],
        "2": [(0.75 * eye, brow - 0.2, 1.45 * eye, brow - 0.15, 0.02, 0.28)],
        "4": [(0.055, brow + 0.09, 0.065, brow - 0.1, 0.018, 0.42)],
        "5": [],
        "6": [
            (outer + 0.05, eye_y - 0.01, outer + 0.16, eye_y - 0.06, 0.012, 0.28),
            (outer + 0.05, eye_y + 0.04, outer + 0.16, eye_y + 0.06, 0.012, 0.28),
            (eye - 0.12, eye_y + 0.13, eye + 0.14, eye_y + 0.11, 0.016, 0.25),
        ],
        "7": [(eye - 0.12, eye_y + 0.115, eye + 0.1, eye_y + 0.105, 0.014, 0.25)],
        "9": [
            (0.02, eye_y + 0.03, 0.085, eye_y + 0.11, 0.015, 0.35),
            (0.03, eye_y + 0.1, 0.09, eye_y + 0.17, 0.014, 0.3),
            (wing + 0.03, nose - 0.03, wing + 0.1, nose + 0.13, 0.02, 0.3),
        ],
        "10": [(wing + 0.03, nose, 0.85 * corner + 0.03, mouth - 0.12, 0.02, 0.32)],
        "12": [(wing + 0.05, nose + 0.02, corner + 0.1, mouth - 0.06, 0.022, 0.34)],
        "14": [(corner + 0.06, mouth - 0.06, corner + 0.055, mouth + 0.06, 0.02, 0.42)],
        "15": [(corner + 0.02, mouth + 0.05, corner + 0.06, mouth + 0.17, 0.022, 0.32)],
        "17": [
            (0.0, mouth + 0.17, 0.15, mouth + 0.2, 0.02, 0.35),
            (0.03, chin - 0.1, 0.07, chin - 0.16, 0.014, 0.2),
        ],
        "20": [(corner + 0.08, mouth - 0.07, corner + 0.1, mouth + 0.09, 0.022, 0.28)],
        "23": [
            (0.1, mouth - 0.1, 0.12, mouth - 0.075, 0.012, 0.2),
            (0.05, mouth + 0.13, 0.2, mouth + 0.11, 0.018, 0.25),
        ],
        "25": [],
        "26": [],
        "45": [],
    }


def _bulges(who):
    """Action unit → bulges (x, y, spread x, spread y, height towards the camera)."""
    brow, mouth, corner = who.brow_y, who.mouth_y, who.mouth_width
    return {
        "1": [(0.09, brow - 0.1, 0.09, 0.05, 0.016)],
        "2": [(1.1 * who.eye_x, brow - 0.09, 0.12, 0.04, 0.016)],
        "4": [(0.15, brow + 0.01, 0.08, 0.05, 0.022)],
        "6": [(0.45, 0.05, 0.14, 0.08, 0.03)],
        "9": [(0.09, who.nose_y - 0.1, 0.05, 0.08, 0.016)],
        "10": [(0.13, mouth - 0.13, 0.1, 0.04, 0.014)],
        "12": [(0.45, 0.2, 0.14, 0.1, 0.035)],
        "14": [(corner + 0.14, mouth, 0.05, 0.09, 0.018)],
        "15": [(corner + 0.1, mouth + 0.08, 0.06, 0.07, 0.016)],
        "17": [(0.05, who.chin - 0.15, 0.09, 0.06, 0.026)],
        "20": [(corner + 0.16, mouth, 0.06, 0.1, 0.014)],
        "23": [(0.1, mouth - 0.04, 0.12, 0.03, 0.01), (0.1, mouth + 0.06, 0.12, 0.03, 0.01)],
    }


def shading(who, sides, x, y, light, ambient, amplitude=1.0):
    """Change of the light on the skin, as the logarithm of a factor.

    Parameters
    ----------
    who : FaceShape or Identity
    sides : dict of str to (float, float)
        Action units and their intensities, 0 to 1, on the person's left and right.
    x : ndarray of float32, shape (1, n)
    y : ndarray of float32, shape (n, 1)
    light : tuple of 3 floats
        Direction towards the light: right, down, towards the camera.
    ambient : float
        Share of the light that comes from everywhere.
    amplitude : float
        Factor on all of them.

    Returns
    -------
    ndarray of float32, shape (n, n)

    Notes
    -----
    A bulge turns the skin towards the light or away from it: to first order, its slope times the
    light's direction, of which the share that comes from everywhere sees nothing. A furrow is a
    line that light from everywhere does not reach.
    """
    change = np.zeros((y.shape[0], x.shape[1]), dtype=np.float32)
    towards = (1 - ambient) * np.asarray(light) / np.linalg.norm(light)
    furrows, bulges = _furrows(who), _bulges(who)
    for action_unit, both in sides.items():
        for side, intensity in zip((1, -1), both, strict=True):
            strength = amplitude * intensity
            if not strength:
                continue
            for furrow in furrows[action_unit]:
                _add_furrow(change, who, x, y, side, strength, furrow)
            for bulge in bulges.get(action_unit, ()):
                _add_bulge(change, who, x, y, side, strength, bulge, towards)
    return change


def _window(who, x, y, left, right, top, bottom, side):
    """Part of the picture around a place: where it is, and its x (towards the side) and y."""
    lean = getattr(who, "lean", 0.0)
    left, right = sorted((side * left, side * right))
    shift = sorted((lean * (top - who.eye_y), lean * (bottom - who.eye_y)))
    rows = slice(*np.searchsorted(y[:, 0], (top, bottom)))
    columns = slice(*np.searchsorted(x[0], (left + shift[0], right + shift[1])))
    down = y[rows]
    return (rows, columns), side * (x[:, columns] - np.float32(lean) * (down - who.eye_y)), down


def _add_furrow(change, who, x, y, side, strength, furrow):
    x0, y0, x1, y1, width, depth = furrow
    reach = 3 * width
    where, u, v = _window(
        who,
        x,
        y,
        min(x0, x1) - reach,
        max(x0, x1) + reach,
        min(y0, y1) - reach,
        max(y0, y1) + reach,
        side,
    )
    length = np.hypot(x1 - x0, y1 - y0)
    along = ((u - x0) * (x1 - x0) + (v - y0) * (y1 - y0)) / length
    across = ((u - x0) * (y1 - y0) - (v - y0) * (x1 - x0)) / length
    beyond = np.maximum(np.abs(along - length / 2) - length / 2, 0)
    r2 = (across**2 + beyond**2) / width**2
    change[where] += np.log1p(-min(depth * strength, 0.8)) * np.exp(-0.5 * r2)


def _add_bulge(change, who, x, y, side, strength, bulge, towards):
    cx, cy, sx, sy, height = bulge
    where, u, v = _window(who, x, y, cx - 3 * sx, cx + 3 * sx, cy - 3 * sy, cy + 3 * sy, side)
    u, v = (u - cx) / sx, (v - cy) / sy
    relief = strength * height * np.exp(-0.5 * u * u) * np.exp(-0.5 * v * v)
    # Slopes of a Gaussian are -u/sx and -v/sy times its height; light comes from where it falls.
    change[where] += relief * (side * u / sx * towards[0] + v / sy * towards[1])
