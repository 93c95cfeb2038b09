"""Procedural faces: how somebody looks under a light.

Coordinates: the picture spans [-1, 1] in x (to the right) and in y (down), as a face detector would
crop it: brows to chin, a little hair, a little background. Pictures are linear light, 1 = white.
"""

from dataclasses import dataclass

import numpy as np

from cdmer._cv2 import import_cv2

EXTENT = 1.14  # what is drawn reaches beyond the picture, so that a moved head uncovers no edge


@dataclass(frozen=True)
class Face:
    """A face drawn once, in layers that a clip puts together anew for each frame.

    All layers are square float32 pictures over [-EXTENT, EXTENT].
    """

    skin: np.ndarray  # eyes closed, mouth closed
    eyeballs: np.ndarray  # what shows where the lids open
    glass: np.ndarray | None  # light that the glasses let through, or None without glasses


def axes(n, extent=EXTENT):
    """Pixel centres of an `n` x `n` picture over [-extent, extent]: x as a row, y as a column."""
    t = ((np.arange(n, dtype=np.float32) + 0.5) * (2 / n) - 1) * np.float32(extent)
    return t[None, :], t[:, None]


def ramp(t, width):
    """Smooth step from 0 to 1 around t = 0, over `width` on either side."""
    s = np.clip(t / (2 * width) + 0.5, 0, 1)
    return s * s * (3 - 2 * s)


def bell(x, y, cx, cy, sx, sy):
    """Gaussian bump of height 1."""
    return np.exp(-0.5 * ((x - cx) / sx) ** 2) * np.exp(-0.5 * ((y - cy) / sy) ** 2)


def bells(x, y, cx, cy, sx, sy):
    """Two bumps, mirrored at the midline."""
    across = np.exp(-0.5 * ((x - cx) / sx) ** 2) + np.exp(-0.5 * ((x + cx) / sx) ** 2)
    return across * np.exp(-0.5 * ((y - cy) / sy) ** 2)


def lids(who, x):
    """Lid margins of the open eyes as y over x, upper and lower, and how far inside an x is."""
    s = (np.abs(x) - who.eye_x) / who.eye_width  # -1 inner canthus .. 1 outer canthus
    inside = np.clip(1 - s * s, 0, 1)
    middle = who.eye_y - who.eye_tilt * who.eye_width * s
    upper = middle - who.eye_height * inside**0.6 * (1 - 0.12 * s)
    lower = middle + 0.55 * who.eye_height * inside**0.8 * (1 + 0.15 * s)
    return upper, lower, inside


def mouth_line(who, x):
    """The line between the lips as y over x, and the half-lens profile of the lips."""
    s = x / who.mouth_width
    profile = np.clip(1 - s * s, 0, 1)
    line = who.mouth_y + who.bow * s * s + 0.008 * np.cos(5 * s) * profile
    return line, profile


def draw_face(who, n, light, ambient, near_infrared, background):
    """Draw a neutral face.

    Parameters
    ----------
    who : Identity
    n : int
        Width and height of the layers, pixels.
    light : tuple of 3 floats
        Direction towards the light: right, down, towards the camera.
    ambient : float
        Share of the light that comes from everywhere.
    near_infrared : bool
        Skin reflects evenly and brightly, irises and hair look light.
    background : float
        Brightness behind the head.

    Returns
    -------
    Face
    """
    x, y = axes(n)
    rng = np.random.default_rng(who.texture)
    noise = _Noise(rng, n)
    head = _head_radius(who, x, y)
    shade, gloss = _shading(_relief(who, x, y, head), n, light, ambient)
    albedo = _skin_albedo(who, x, y, noise, near_infrared)
    skin = albedo * shade + gloss * (0.05 if near_infrared else 0.09)
    edge = 2.5 * EXTENT / n
    face = ramp(1 - head, 0.035)
    behind = _behind(who, x, y, background, noise, albedo, shade)
    picture = behind + (skin - behind) * face
    hair, cover = _hair(who, x, y, head, noise, light, near_infrared)
    picture += (hair - picture) * cover
    eyeballs = _eyeballs(who, x, y, light, near_infrared, shade, edge)
    glass = _glasses(who, x, y, edge) if who.glasses else None
    return Face(picture.astype(np.float32), eyeballs.astype(np.float32), glass)


class _Noise:
    """Smooth random pictures of unit spread."""

    def __init__(self, rng, n):
        self._rng, self._n, self._cv2 = rng, n, import_cv2()

    def __call__(self, scale):
        """Grain of about `scale` (in half picture widths)."""
        sigma = scale * self._n / (2 * EXTENT)
        coarse = max(1, int(sigma / 1.5))
        m = -(-self._n // coarse) + 1
        grain = self._rng.standard_normal((m, m), dtype=np.float32)
        grain = self._cv2.GaussianBlur(grain, (0, 0), max(0.3, sigma / coarse))
        grain = self._cv2.resize(grain, (self._n, self._n), interpolation=self._cv2.INTER_CUBIC)
        return grain / grain.std()

    def strands(self, along, across, fineness):
        """Streaks: rough over `along`, changing slowly over `across`."""
        table = self._rng.standard_normal((64, 512), dtype=np.float32)
        columns = (along * fineness * 512 / np.pi).astype(np.float32) % 510
        rows = np.clip(across * 12 + 20, 0, 62).astype(np.float32)
        columns, rows = np.broadcast_arrays(columns, rows)
        return self._cv2.remap(
            table,
            np.ascontiguousarray(columns),
            np.ascontiguousarray(rows),
            self._cv2.INTER_LINEAR,
        )


def _head_radius(who, x, y):
    """0 in the middle of the head, 1 on its outline."""
    below = np.clip((y + 0.15) / (who.chin + 0.15), 0, None)
    width = who.head * (1 - (0.16 + 0.22 * who.jaw) * below**2.2)
    height = np.where(y < -0.15, 0.98, who.chin + 0.15)
    p = 2.5 - 0.3 * who.jaw
    return (np.abs(x / width) ** p + np.abs((y + 0.15) / height) ** p) ** (1 / p)


def _relief(who, x, y, head):
    """Height of the skin towards the camera."""
    z = 0.62 * np.sqrt(np.clip(1 - head**2, 0.002, None))
    ex, ey, my, mw = who.eye_x, who.eye_y, who.mouth_y, who.mouth_width
    t = np.clip((y - ey + 0.12) / (who.nose_y - ey + 0.12), 0, 1)
    ridge = who.nose_height * (0.12 + 0.88 * t**1.4) * ramp(who.nose_y + 0.07 - y, 0.07)
    ridge = ridge * ramp(y - ey + 0.1, 0.15)
    z += ridge * np.exp(-0.5 * (x / (0.06 + 0.45 * who.nose_width * t**2)) ** 2)
    z += 0.3 * who.nose_height * bells(x, y, who.nose_width, who.nose_y + 0.03, 0.035, 0.045)
    z += 0.05 * bells(x, y, ex * 0.95, who.brow_y + 0.03, 0.2, 0.06)
    z -= 0.10 * bells(x, y, ex * 0.92, ey - 0.01, 0.14, 0.085)
    z += 0.055 * bells(x, y, ex, ey, 0.11, 0.065)
    z += 0.05 * bells(x, y, 0.47, 0.12, 0.16, 0.14)
    z -= 0.05 * bells(x, y, 0.5, 0.5, 0.12, 0.2) * who.jaw
    z += 0.07 * bell(x, y, 0, my, 0.26, 0.17)
    z -= 0.018 * bell(x, y, 0, (who.nose_y + my) / 2 + 0.05, 0.03, 0.06)
    z -= 0.05 * bell(x, y, 0, my + 0.18, 0.15, 0.04)
    z += 0.07 * bell(x, y, 0, who.chin - 0.14, 0.15, 0.1)
    line, profile = mouth_line(who, x)
    z += 0.05 * np.sqrt(profile) * np.exp(-0.5 * ((y - line + 0.035) / 0.028) ** 2)
    z += 0.075 * np.sqrt(profile) * np.exp(-0.5 * ((y - line - 0.05) / 0.038) ** 2)
    z -= 0.03 * bells(x, y, mw + 0.03, my + 0.01, 0.035, 0.05)
    fold = 0.16 + (mw - 0.06) * np.clip((y - who.nose_y) / (my - who.nose_y), 0, 1.2) ** 0.9
    depth = 0.008 + 0.022 * who.age
    z -= depth * np.exp(-0.5 * ((np.abs(x) - fold) / 0.03) ** 2) * bell(0, y, 0, 0.38, 1, 0.14)
    return z


def _shading(z, n, light, ambient):
    """Diffuse light and gloss on a relief."""
    gy, gx = np.gradient(z, 2 * EXTENT / n)
    norm = np.sqrt(1 + gx * gx + gy * gy)
    lx, ly, lz = np.asarray(light) / np.linalg.norm(light)
    facing = (lz - gx * lx - gy * ly) / norm
    diffuse = np.clip((facing + 0.25) / 1.25, 0, None)  # light bleeds round the edge in skin
    hx, hy, hz = np.array([lx, ly, lz + 1]) / np.linalg.norm([lx, ly, lz + 1])
    gloss = np.clip((hz - gx * hx - gy * hy) / norm, 0, None) ** 28
    sky = 0.75 + 0.25 * (1 / norm)
    return ambient * sky + (1 - ambient) * diffuse, gloss * (1 - ambient)


def _skin_albedo(who, x, y, noise, near_infrared):
    tone = 0.55 + 0.25 * who.skin if near_infrared else who.skin
    contrast = 0.5 if near_infrared else 1.0
    edge = 0.012
    albedo = 1 + contrast * (0.03 * noise(0.14) + 0.025 * noise(0.03) + 0.035 * noise(0.009))
    albedo -= contrast * 0.10 * bells(x, y, 0.45, 0.22, 0.16, 0.12)  # flushed cheeks
    albedo -= 0.22 * bells(x, y, who.eye_x * 0.9, who.eye_y, 0.14, 0.08)
    albedo -= (0.06 + 0.1 * who.age) * bells(x, y, who.eye_x, who.eye_y + 0.1, 0.1, 0.03)
    # Creases of the lids and, with age, of the forehead and beside the eyes.
    upper, _, inside = lids(who, x)
    crease = np.exp(-0.5 * ((y - upper + who.crease) / 0.011) ** 2) * inside**0.4
    albedo -= 0.38 * crease
    for k in range(3):
        level = -0.68 + 0.09 * k + 0.02 * np.cos(3 * x)
        albedo -= (
            0.14 * who.age * np.exp(-0.5 * ((y - level) / 0.009) ** 2) * ramp(0.4 - abs(x), 0.2)
        )
    # Nostrils and the shadow under the nose.
    albedo -= 0.3 * bell(x, y, 0, who.nose_y + 0.11, who.nose_width, 0.035)
    albedo -= 0.72 * bells(x, y, 0.55 * who.nose_width, who.nose_y + 0.075, 0.032, 0.017)
    albedo -= 0.25 * bells(x, y, 1.3 * who.nose_width, who.nose_y + 0.05, 0.014, 0.045)
    # Lips, and the dark line between them.
    line, profile = mouth_line(who, x)
    notch = 1 - 0.3 * np.exp(-0.5 * (x / 0.04) ** 2)
    top = line - who.upper_lip * profile**0.75 * notch * (
        1 + 0.2 * np.exp(-0.5 * ((abs(x) - 0.08) / 0.05) ** 2)
    )
    bottom = line + who.lower_lip * profile**0.6
    lips = ramp(y - top, edge) * ramp(bottom - y, edge) * (profile > 0)
    upper_darker = 1 - 0.12 * ramp(line - y, 0.02)
    lip = 1 - (1 - who.lip * upper_darker) * contrast
    albedo *= 1 + (lip - 1) * lips
    reach = np.clip(1.12 - np.abs(x) / who.mouth_width, 0, 0.12) / 0.12
    albedo *= 1 - 0.72 * np.exp(-0.5 * ((y - line) / 0.011) ** 2) * reach
    albedo *= 1 - 0.3 * bells(x, y, who.mouth_width + 0.01, who.mouth_y + who.bow, 0.025, 0.025)
    albedo = np.clip(albedo, 0.05, None) * tone
    hair = _hair_tone(who, near_infrared)
    if who.beard:
        albedo = _mix(
            albedo, hair, _beard(who, x, y, line, lips, noise) * (0.6 if near_infrared else 1)
        )
    return _mix(albedo, min(hair, 0.6 * tone), _brows(who, x, y, noise))


def _mix(under, over, alpha):
    return under + (over - under) * alpha


def _hair_tone(who, near_infrared):
    return 0.22 + 0.5 * who.hair if near_infrared else who.hair


def _brows(who, x, y, noise):
    s = (np.abs(x) - 0.4 * who.eye_x) / (1.15 * who.eye_x)  # 0 inner end .. 1 outer end
    inside = np.clip(s, 0, 1)
    middle = (
        who.brow_y - who.brow_arch * np.sin(np.pi * inside**1.3) + who.brow_slope * (0.5 - inside)
    )
    thick = who.brow_thickness * (1 - 0.75 * inside**2)
    body = ramp(thick - np.abs(y - middle), 0.018) * ramp(s, 0.06) * ramp(1 - s, 0.08)
    hairs = noise.strands(x * 3 + np.sign(x) * y * 3, y, 4)
    return body * np.clip(0.78 + 0.18 * hairs, 0, 1)


def _beard(who, x, y, line, lips, noise):
    mouth = bell(x, y, 0, who.mouth_y, who.mouth_width + 0.12, 0.24)
    jaw = ramp(
        y - 0.38 - 0.5 * (1 - np.clip(np.abs(x) / 0.6, 0, 1)) * (np.abs(y - who.mouth_y) < 9), 0.2
    )
    moustache = bell(x, y, 0, (who.nose_y + who.mouth_y) / 2 + 0.06, 0.22, 0.05)
    area = np.clip(np.maximum(jaw, 1.1 * moustache) + 0.3 * mouth * (y > line), 0, 1)
    grain = np.clip(0.72 + 0.22 * noise(0.011) + 0.15 * noise(0.05), 0, 1)
    return area * grain * who.beard * 0.85 * (1 - lips)


def _behind(who, x, y, background, noise, albedo, shade):
    """Wall, neck, shoulders and ears."""
    wall = background * (1 + 0.12 * x - 0.1 * y) + 0.012 * background * noise(0.3)
    neck = ramp(0.62 * who.head - np.abs(x) + 0.25 * np.clip(y - 0.95, 0, 1), 0.03) * (y > 0.3)
    tone = np.median(albedo)
    wall = _mix(wall, 0.42 * tone * (1 - 0.3 * np.abs(x)), neck)
    ear = ((np.abs(x) - who.head - 0.005) / 0.075) ** 2 + ((y + 0.04) / 0.2) ** 2
    inner = 1 - 0.45 * np.exp(-0.5 * ((np.sqrt(ear) - 0.55) / 0.2) ** 2)
    return _mix(wall, 0.6 * tone * inner, ramp(1 - ear, 0.15))


def _hair(who, x, y, head, noise, light, near_infrared):
    """Picture of the hair, and where it covers what lies beneath."""
    style, line = who.hair_style, who.hairline
    outer = ramp(1.1 - head + 0.02 * noise(0.06), 0.04)
    top = line + 0.30 * np.abs(x) ** 2.5
    lock = 0.02 * noise(0.05)
    if style == "bald":
        return np.float32(0.0), np.zeros_like(head)
    if style == "fringe":
        top = who.brow_y - 0.10 + 0.05 * np.cos(9 * x + who.parting * 7) + 0.1 * np.abs(x)
    elif style == "swept":
        top = line + 0.35 * np.clip((x - who.parting) * np.sign(who.parting + 1e-6) * -1, 0, 1)
    side = who.head * (0.93 if style in ("long", "fringe", "swept") else 0.97)
    reach = {"long": 2.0, "fringe": 0.75, "swept": 0.1, "short": 0.0, "cropped": -0.1}[style]
    sides = ramp(np.abs(x) - side + 0.10 * np.clip(-0.2 - y, 0, 1), 0.025) * ramp(reach - y, 0.1)
    if style == "long":
        outer = np.maximum(outer, ramp(who.head + 0.3 - np.abs(x), 0.05) * ramp(y + 0.4, 0.2))
        sides = np.maximum(sides, ramp(np.abs(x) - side + 0.1 * np.clip(y, 0, 1), 0.02))
    cover = np.maximum(ramp(top + lock - y, 0.03 if style != "cropped" else 0.07), sides) * outer
    angle = np.arctan2(x - 0.5 * who.parting, 0.6 - y)
    radius = np.hypot(x, y)
    strands = noise.strands(angle, radius, 1.5) + 0.6 * noise.strands(angle, radius, 0.35)
    sheen = np.exp(-0.5 * ((y + 0.92 - 0.12 * light[0] * x) / 0.08) ** 2)
    tone = _hair_tone(who, near_infrared)
    bright = 0.75 + 0.25 * np.clip(light[0] * x, -1, 1) + 0.35 * sheen
    return tone * bright * np.clip(1 + 0.28 * strands, 0.2, None), cover


def _eyeballs(who, x, y, light, near_infrared, shade, edge):
    upper, _, inside = lids(who, x)
    white = (0.62 + 0.1 * near_infrared) * (0.55 + 0.45 * np.clip(inside, 0, 1) ** 0.6)
    iris = who.iris
    pupil = 0.012
    if near_infrared:  # lit along the camera's axis: pale irises, pupils that shine back
        iris, pupil = 0.28 + 0.5 * iris, 0.62
    dx, dy = np.abs(x) - who.eye_x + 0.005, y - who.eye_y + 0.2 * who.eye_height
    r = np.hypot(dx, dy)
    radius = 0.068
    disc = ramp(radius - r, edge)
    rays = 1 + 0.25 * np.cos(18 * np.arctan2(dy, dx)) * (r < radius)
    ball = _mix(white, iris * rays * (1 + 0.8 * np.clip(dy / radius, -1, 1)), disc)
    ball = _mix(ball, 0.35 * ball, disc * ramp(r - 0.85 * radius, edge))
    ball = _mix(ball, pupil, ramp(0.45 * radius - r, edge))
    shadow = np.clip((y - upper) / 0.06, 0, 1)
    ball = ball * (0.45 + 0.55 * shadow)
    gx = x - np.sign(x) * who.eye_x - 0.022 * np.sign(light[0] + 1e-6)
    glint = ramp(0.016 - np.hypot(gx, dy + 0.028), edge)
    return _mix(ball * (0.35 + 0.65 * shade), 1.0, 0.9 * glint)


def _glasses(who, x, y, edge):
    """Light let through: dark rims, a little dimming in the glass."""
    ax, ay = np.abs(x) - who.eye_x - 0.01, y - who.eye_y - 0.035
    q = (np.abs(ax / 0.255) ** 3.2 + np.abs(ay / 0.19) ** 3.2) ** (1 / 3.2)
    rim = ramp(0.02 - np.abs(q - 1) * 0.2, edge)
    bridge = ramp(0.016 - np.abs(y - who.eye_y + 0.05 - 0.3 * x * x), edge) * (
        np.abs(x) < who.eye_x - 0.24
    )
    temple = ramp(0.016 - np.abs(y - who.eye_y + 0.03), edge) * (np.abs(x) > who.eye_x + 0.26)
    frame = np.maximum(rim, np.maximum(bridge, temple * (np.abs(x) < who.head)))
    return ((1 - who.glasses * frame) * (1 - 0.06 * ramp(1 - q, 0.05))).astype(np.float32)
