import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from cdmer._fingerprint import fingerprint
from cdmer._images.decoders import watch_decoders
from cdmer._parameters import ParameterError
from cdmer._steps import steps_text
from cdmer.preprocessing import CropAlign, Face, MediaPipeDetector, YuNetDetector

# The trained networks are not to be had here. OpenCV's own decoding of YuNet's outputs runs on a
# stand-in that has the same twelve outputs and fires on blocks of 8 x 8 blue pixels; of MediaPipe,
# only the calls that its documentation describes are stood in for.


def field(number, value):
    """One field of a protocol buffer: an integer, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    value &= 2**64 - 1
    coded = bytearray()
    while value > 127:
        coded.append(value & 127 | 128)
        value >>= 7
    return bytes([*coded, value])


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


def tensor(name, array):
    kind = {"float32": 1, "int64": 7}[array.dtype.name]
    dims = [(1, n) for n in array.shape]
    return message(*dims, (2, kind), (8, name), (9, array.tobytes()))


def whole_numbers(name, values):
    return message((1, name), *((8, value) for value in values), (20, 7))


def node(kind, inputs, output, **attributes):
    fields = [(1, name) for name in inputs] + [(2, output), (3, output), (4, kind)]
    return message(*fields, *((5, whole_numbers(*pair)) for pair in attributes.items()))


def value(name, shape):
    dims = message(*((1, message((1, n))) for n in shape))
    return message((1, name), (2, field(1, message((1, 1), (2, dims)))))


def yunet_that_sees_blue():
    """An ONNX model with the outputs of YuNet."""
    box = [0.5, 0.5, np.log(4), np.log(2)]  # centre in cells; width and height, as logarithms
    points = [-0.5, 0, 1.5, 0, 0.5, 0.5, 0, 1, 1, 1]  # x and y of five points, in cells
    outputs = [("cls", [0.0]), ("obj", [0.0]), ("bbox", box), ("kps", points)]
    nodes, tensors, values = [], [], []
    for kind, bias in outputs:
        for stride in (8, 16, 32):
            name, n = f"{kind}_{stride}", len(bias)
            weights = np.zeros((n, 3, stride, stride), dtype=np.float32)
            if kind in ("cls", "obj") and stride == 8:
                weights[:, 0] = 1 / 255 / 64
            tensors += [
                tensor(f"{name}_w", weights),
                tensor(f"{name}_b", np.array(bias, dtype=np.float32)),
                tensor(f"{name}_s", np.array([1, -1, n])),
            ]
            nodes += [
                node(
                    "Conv",
                    ["input", f"{name}_w", f"{name}_b"],
                    f"{name}_c",
                    kernel_shape=[stride, stride],
                    strides=[stride, stride],
                ),
                node("Transpose", [f"{name}_c"], f"{name}_t", perm=[0, 2, 3, 1]),
                node("Reshape", [f"{name}_t", f"{name}_s"], name),
            ]
            values.append(value(name, (1, (640 // stride) ** 2, n)))
    graph = message(
        *((1, n) for n in nodes),
        (2, "yunet"),
        *((5, t) for t in tensors),
        (11, value("input", (1, 3, 640, 640))),
        *((12, v) for v in values),
    )
    return message((1, 8), (7, graph), (8, message((1, ""), (2, 13))))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "yunet.onnx"
    path.write_bytes(yunet_that_sees_blue())
    return path


# The block of blue is cell 5, 10 of the grid of 8 x 8 pixels.
SEEN = (36, 52, 68, 100)
POINTS = [[76, 40], [92, 40], [84, 44], [80, 48], [88, 48]]


def with_block(shape, colour):
    frame = np.zeros(shape, dtype=np.uint8)
    frame[40:48, 80:88] = colour
    return frame


@pytest.mark.parametrize("size", [(100, 150), (200, 130), (64, 96), (480, 640)])
def test_yunet_outputs_are_read_whatever_the_size_of_the_frame(model, size):
    detector = YuNetDetector(model)
    for frame in (with_block((*size, 3), (0, 0, 255)), with_block(size, 255)):
        [face] = detector(frame)
        assert face[:4] == pytest.approx(SEEN)
        assert face.score == pytest.approx(1)
        np.testing.assert_allclose(face.landmarks, POINTS)


def big_block(factor, at=(5, 10)):
    """The block in a frame that shrinks to 480 x 640 pixels."""
    frame = np.zeros((480 * factor, 640 * factor, 3), dtype=np.uint8)
    rows, columns = (slice(8 * i * factor, 8 * (i + 1) * factor) for i in at)
    frame[rows, columns] = 0, 0, 255
    return frame


@pytest.mark.parametrize("factor", [2, 3])
def test_yunet_sees_large_frames_shrunk_and_scales_back(model, factor):
    [face] = YuNetDetector(model)(big_block(factor))
    assert face[:4] == pytest.approx(np.array(SEEN) * factor)
    # Places count from the centre of the first pixel: its border is at -0.5.
    np.testing.assert_allclose(face.landmarks, (np.array(POINTS) + 0.5) * factor - 0.5)


def test_yunet_looks_at_the_frame_itself_where_it_finds_nothing(model):
    # As small as a cell of the frame itself, it is a quarter of one in the shrunk frame.
    frame = np.zeros((960, 1280, 3), dtype=np.uint8)
    frame[40:48, 80:88] = 0, 0, 255
    [face] = YuNetDetector(model)(frame)
    assert face[:4] == pytest.approx(SEEN)
    np.testing.assert_allclose(face.landmarks, POINTS)


def test_yunet_leaves_out_eyes_that_no_face_has(model, monkeypatch):
    moved = np.array(POINTS, dtype=float)
    moved[2] = 84, 30  # the nose above the eyes
    seen = Face(*map(float, SEEN), 0.9, moved)
    monkeypatch.setattr(YuNetDetector, "_detect", lambda *_: [seen])
    [face] = YuNetDetector(model)(with_block((100, 150, 3), (0, 0, 255)))
    assert face == (*SEEN, 0.9, None)
    frames = np.random.default_rng(0).integers(0, 256, (2, 100, 150), dtype=np.uint8)
    by_box = CropAlign(lambda frame: [Face(*SEEN, 1)]).transform([frames])[0]
    np.testing.assert_array_equal(CropAlign(YuNetDetector(model)).transform([frames])[0], by_box)


def test_a_network_that_was_cut_off_is_told(model, tmp_path, capfd):
    whole = model.read_bytes()
    for part in (0.3, 0.9):
        path = tmp_path / "cut.onnx"
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(
            ValueError, match=r"is no network YuNet that OpenCV can run, or was cut"
        ):
            YuNetDetector(path)(np.zeros((40, 40), dtype=np.uint8))
    assert capfd.readouterr() == ("", "")


def test_networks_print_nothing_and_others_go_on(model, capfd, monkeypatch):
    lines = [
        "W0000 00:00:1796093397.390859   13648 inference_feedback_manager.cc:114] Feedback manager",
        "I20240101 12:00:00.000000 1 gl_context.cc:85] GPU support is not available: INTERNAL: ;",
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
        "INFO: [environment.cc:36] Creating LiteRT environment with options",
        "WARNING: Logging before InitGoogle() is written to STDERR",
        "[ WARN:0@0.320] global net_impl.cpp:178 setUpNet DNN module was not built with CUDA",
        "epoch 3",
    ]

    def talking(self, frame, path):
        os.write(2, "".join(f"{line}\n" for line in lines).encode())
        return []

    monkeypatch.setattr(YuNetDetector, "_faces", talking)
    detector, frame = YuNetDetector(model), np.zeros((9, 9), dtype=np.uint8)
    detector(frame)
    assert capfd.readouterr().err == "epoch 3\n"
    # While this thread decodes, as where frames come one by one.
    assert watch_decoders(lambda: detector(frame)) == ([], [])
    assert capfd.readouterr().err == "epoch 3\n"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(detector, [frame] * 40))
    assert capfd.readouterr().err == "epoch 3\n" * 40


def test_yunet_is_given_blue_first(model):
    assert YuNetDetector(model)(with_block((100, 150, 3), (255, 0, 0))) == []


def test_yunet_threshold(model):
    frame = with_block((100, 150, 3), (0, 0, 153))  # scores 0.6
    assert YuNetDetector(model)(frame) == []
    [face] = YuNetDetector(model, score_threshold=0.5)(frame)
    assert face.score == pytest.approx(0.6, abs=1e-3)


def test_yunet_aligns_and_is_pickled(model):
    frames = np.stack([with_block((100, 150, 3), (0, 0, 255))] * 2)
    detector = pickle.loads(pickle.dumps(YuNetDetector(model)))
    eyes = np.array(POINTS[:2], dtype=float)
    expected = CropAlign(lambda frame: [Face(0, 1, 0, 1, 1, eyes)]).transform([frames])[0]
    np.testing.assert_array_equal(CropAlign(detector).transform([frames])[0], expected)


@pytest.mark.parametrize("detector", [YuNetDetector, MediaPipeDetector])
def test_another_file_of_the_same_name_is_another_detector(detector, tmp_path):
    path = tmp_path / "network"
    found = []
    for content in (b"one", b"one", b"other"):
        path.write_bytes(content)
        step = CropAlign(detector(path))
        found.append((fingerprint(step), steps_text([step]), detector(path)))
    assert found[0] == found[1]
    assert all(one != other for one, other in zip(found[1], found[2], strict=True))


@pytest.mark.parametrize("detector", [YuNetDetector, MediaPipeDetector])
def test_a_missing_model_is_named(detector, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model_path: there is no file '.*none\.onnx'"):
        detector(tmp_path / "none.onnx")


@pytest.mark.parametrize("detector", [YuNetDetector, MediaPipeDetector])
def test_wrong_parameters_and_frames(detector, model):
    with pytest.raises(ParameterError, match="score_threshold: expected a finite number >= 0"):
        detector(model, score_threshold=1.5)
    with pytest.raises(TypeError, match="frame: expected a NumPy array of uint8, got float64"):
        detector(model)(np.zeros((9, 9)))


def test_mediapipe_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ImportError, match=r"pip install 'cdmer\[mediapipe\]'"):
        MediaPipeDetector(model)(np.zeros((9, 9), dtype=np.uint8))


def test_mediapipe_results_are_read(model, monkeypatch):
    # Seen by the camera: the left one first, as nothing promises otherwise.
    points = [(0.15, 0.25), (0.08, 0.3), (0.12, 0.4), (0.12, 0.5), (0.1, 0.3), (0.6, 0.3)]
    detection = SimpleNamespace(
        bounding_box=SimpleNamespace(origin_x=10, origin_y=20, width=30, height=40),
        categories=[SimpleNamespace(score=0.9)],
        keypoints=[SimpleNamespace(x=x, y=y) for x, y in points],
    )
    calls = []

    class Network:
        @contextmanager
        def create_from_options(options):
            calls.append(options)
            yield Network()

        def detect(self, image):
            calls.append(image)
            return SimpleNamespace(detections=[detection])

    mediapipe = ModuleType("mediapipe")
    mediapipe.Image = SimpleNamespace
    mediapipe.ImageFormat = SimpleNamespace(SRGB="srgb")
    mediapipe.tasks = SimpleNamespace(
        BaseOptions=SimpleNamespace,
        vision=SimpleNamespace(
            FaceDetector=Network,
            FaceDetectorOptions=SimpleNamespace,
            RunningMode=SimpleNamespace(IMAGE="image"),
        ),
    )
    monkeypatch.setitem(sys.modules, "mediapipe", mediapipe)
    frame = np.arange(100 * 200, dtype=np.uint8).reshape(100, 200)
    [face] = MediaPipeDetector(model, score_threshold=0.7)(frame)
    options, image = calls
    assert options.base_options.model_asset_path == str(model)
    assert (options.running_mode, options.min_detection_confidence) == ("image", 0.7)
    assert image.image_format == "srgb"
    np.testing.assert_array_equal(image.data, np.dstack([frame] * 3))
    assert face[:5] == (20, 60, 10, 40, 0.9)
    # From shares of 200 x 100 pixels to places that count from the centre of the first pixel.
    expected = np.array([(16, 30), (30, 25), (24, 40), (24, 50)]) - 0.5
    np.testing.assert_allclose(face.landmarks, expected)
