"""MediaPipe's face landmarker, stood in for: of the network, only the calls can be tried here."""

import sys
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from cdmer.features import MDMO, LandmarkRegions
from cdmer.preprocessing import MediaPipeLandmarker
from cdmer.preprocessing._landmarker import _PAIRS
from cdmer.synthesis import NeutralFace, WarpRenderer

# Every point of the 68 on the other side of the face.
MIRROR = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
# Of the points that are taken, where MediaPipe 0.10.14 found them on scikit-image's astronaut (rows
# 0 to 299, columns 70 to 369), in pixels from the upper left corner.
# fmt: off
ASTRONAUT = {
    0: (152.7, 140.5), 2: (153.0, 133.1), 4: (152.9, 126.1), 5: (153.3, 120.1),
    6: (154.1, 105.7), 13: (152.8, 143.4), 14: (152.5, 150.3), 17: (152.3, 155.3),
    33: (125.1, 100.7), 37: (146.5, 139.2), 39: (141.0, 139.1), 58: (112.5, 141.3),
    61: (132.5, 139.3), 63: (121.8, 87.8), 66: (135.8, 87.5), 70: (117.9, 90.9),
    78: (133.9, 139.9), 82: (147.2, 142.5), 84: (146.1, 154.3), 87: (147.1, 149.5),
    93: (109.5, 120.3), 97: (147.0, 132.1), 98: (140.1, 129.2), 105: (127.9, 86.5),
    107: (145.1, 89.3), 127: (109.4, 102.0), 132: (110.4, 130.5), 133: (143.3, 103.9),
    136: (120.4, 157.0), 144: (129.8, 103.9), 150: (126.2, 163.4), 152: (151.6, 177.0),
    153: (136.7, 104.5), 158: (136.3, 98.2), 160: (129.2, 98.1), 168: (154.4, 100.3),
    172: (116.1, 150.3), 176: (136.5, 172.5), 181: (141.2, 151.8), 195: (153.6, 115.2),
    197: (153.8, 110.7), 234: (109.3, 111.0), 263: (185.6, 104.1), 267: (159.3, 139.6),
    269: (165.5, 139.8), 288: (195.3, 145.3), 291: (175.4, 140.5), 293: (188.5, 92.0),
    296: (174.6, 90.8), 300: (192.3, 95.2), 308: (173.9, 141.0), 312: (158.8, 142.9),
    314: (158.7, 154.9), 317: (158.2, 149.9), 323: (200.0, 124.7), 326: (159.2, 132.6),
    327: (166.7, 130.5), 334: (182.5, 90.2), 336: (165.1, 91.9), 356: (201.3, 106.3),
    361: (198.3, 134.7), 362: (166.4, 105.3), 365: (185.5, 160.2), 373: (179.9, 106.9),
    379: (178.9, 166.0), 380: (172.8, 106.5), 385: (174.2, 100.1), 387: (181.7, 100.5),
    397: (190.7, 153.9), 400: (167.2, 173.9), 405: (164.3, 152.8), 454: (200.9, 115.3),
}
# fmt: on


def stand_in(monkeypatch, points, calls):
    class Network:
        @contextmanager
        def create_from_options(options):
            calls.append(options)
            yield Network()

        def detect(self, image):
            calls.append(image)
            return SimpleNamespace(face_landmarks=points)

    mediapipe = ModuleType("mediapipe")
    mediapipe.Image = SimpleNamespace
    mediapipe.ImageFormat = SimpleNamespace(SRGB="srgb")
    mediapipe.tasks = SimpleNamespace(
        BaseOptions=SimpleNamespace,
        vision=SimpleNamespace(
            FaceLandmarker=Network,
            FaceLandmarkerOptions=SimpleNamespace,
            RunningMode=SimpleNamespace(IMAGE="image"),
        ),
    )
    monkeypatch.setitem(sys.modules, "mediapipe", mediapipe)


def astronaut_mesh(width=300, height=300):
    mesh = np.full((478, 2), 0.9)
    mesh[list(ASTRONAUT)] = list(ASTRONAUT.values())
    mesh[list(ASTRONAUT)] /= (width, height)
    return [[SimpleNamespace(x=x, y=y, z=0.0) for x, y in mesh]]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(b"PK\x03\x04")
    return path


@pytest.fixture
def picture():
    from skimage.data import astronaut  # part of scikit-image, nothing is downloaded

    return np.ascontiguousarray(astronaut()[:300, 70:370])


@pytest.fixture
def points(model, picture, monkeypatch):
    stand_in(monkeypatch, astronaut_mesh(), [])
    return MediaPipeLandmarker(model)(picture)


def test_results_are_read(model, monkeypatch):
    calls = []
    stand_in(monkeypatch, astronaut_mesh(), calls)
    frame = np.arange(100 * 200, dtype=np.uint8).reshape(100, 200)
    found = MediaPipeLandmarker(model, score_threshold=0.7)(frame)
    options, image = calls
    assert options.base_options.model_asset_path == str(model)
    assert (options.running_mode, options.num_faces) == ("image", 1)
    assert options.min_face_detection_confidence == 0.7
    np.testing.assert_array_equal(image.data, np.dstack([frame] * 3))
    # Shares of 200 x 100 pixels, in places that count from the centre of the first pixel.
    assert found.shape == (68, 2)
    mesh = np.array(ASTRONAUT[152]) / 300 * (200, 100) - 0.5
    np.testing.assert_allclose(found[8], mesh)


def test_the_taken_points_are_those_of_ibug(points):
    right_eye, left_eye = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    apart = np.linalg.norm(left_eye - right_eye)
    across = (left_eye - right_eye) / apart
    down = np.array([-across[1], across[0]])
    # In distances of the eyes, from the middle between them, as the face stands.
    from_middle = (points - (right_eye + left_eye) / 2) / apart
    x, y = from_middle @ across, from_middle @ down
    # Each point has its twin on the other side: a smiling face from the front.
    np.testing.assert_allclose(x[MIRROR], -x, atol=0.06)
    np.testing.assert_allclose(y[MIRROR], y, atol=0.06)
    assert np.all(np.diff(x[:17]) > -0.02)  # the jaw, from ear to ear
    assert np.argmax(y) == 8
    for brow, eye in ((slice(17, 22), slice(36, 42)), (slice(22, 27), slice(42, 48))):
        assert np.all(np.diff(x[brow]) > 0)
        assert y[brow].max() < y[eye].min() < y[27:36].max()
    assert np.all(np.diff(y[27:31]) > 0)  # the bridge, down to the tip
    assert np.all(np.diff(x[31:36]) > 0)  # nostrils, from right to left
    for first, corners in ((36, (36, 39)), (42, (42, 45))):
        eye = slice(first, first + 6)
        assert (x[eye].argmin(), x[eye].argmax()) == (0, 3)
        assert y[[first + 1, first + 2]].max() < min(y[list(corners)].min() + 0.05, y[first + 4])
    for outer, n in ((48, 12), (60, 8)):
        ring = slice(outer, outer + n)
        assert (x[ring].argmin(), x[ring].argmax()) == (0, n // 2)
        lower, upper = y[outer + n // 2 + 1 : outer + n], y[outer + 1 : outer + n // 2]
        assert upper.max() < lower.min()
    # The inner ring lies within the outer one.
    assert y[51] < y[62] < y[66] < y[57]
    assert x[48] < x[60] < x[64] < x[54]


def test_every_point_is_taken_once_or_has_a_neighbour():
    assert _PAIRS.shape == (68, 2)
    assert _PAIRS.min() >= 0
    assert _PAIRS.max() < 468  # irises come after
    assert len({tuple(sorted(pair)) for pair in _PAIRS.tolist()}) == 68
    assert (_PAIRS[:, 0] != _PAIRS[:, 1]).sum() == 6


def test_regions_and_renderer_take_them(model, picture, points, monkeypatch):
    stand_in(monkeypatch, astronaut_mesh(), [])
    grey = picture.mean(axis=2).astype(np.uint8)
    regions = LandmarkRegions(MediaPipeLandmarker(model))
    boxes = dict(zip(regions.names, regions.place(grey[None]), strict=True))
    top, bottom, left, right = boxes["right_mouth_corner"]
    assert top <= points[48, 1] <= bottom
    assert left <= points[48, 0] <= right
    assert MDMO(grid=regions).fit().feature_groups_.size == 72
    renderer = WarpRenderer([NeutralFace(picture, MediaPipeLandmarker(model)(picture))], size=64)
    assert renderer.n_identities == 1


def test_no_face_is_none(model, picture, monkeypatch):
    stand_in(monkeypatch, [], [])
    landmarker = MediaPipeLandmarker(model)
    assert landmarker(picture) is None
    with pytest.raises(ValueError, match="landmarker: found no face"):
        LandmarkRegions(landmarker).place(picture[None, ..., 0])


def test_another_mesh_is_refused(model, picture, monkeypatch):
    stand_in(monkeypatch, [astronaut_mesh()[0][:468]], [])
    with pytest.raises(ValueError, match=r"expected 478 finite points of a face, got \(468, 2\)"):
        MediaPipeLandmarker(model)(picture)


def test_says_what_to_install(model, picture, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ImportError, match=r"MediaPipeLandmarker needs .*'cdmer\[mediapipe\]'"):
        MediaPipeLandmarker(model)(picture)


def test_a_file_that_mediapipe_refuses_is_told(model, picture, monkeypatch):
    stand_in(monkeypatch, [], [])

    def refuse(options):
        raise RuntimeError("Unable to open zip archive.\n=== Source Location Trace")

    vision = sys.modules["mediapipe"].tasks.vision
    monkeypatch.setattr(vision.FaceLandmarker, "create_from_options", refuse)
    with pytest.raises(ValueError, match="is no network face landmarker that Medi") as caught:
        MediaPipeLandmarker(model)(picture)
    assert "\n" not in str(caught.value)
