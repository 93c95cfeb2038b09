"""A model names no class for clips that show no expression of one face, and says why."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.corpora import PRESETS, Clip, make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.features import BiWOOF, RegionGrid
from cdmer.models import (
    Calibration,
    ClipLimits,
    ClipMeasures,
    load_model,
    plot_prediction,
    predict_clip,
    save_model,
)
from cdmer.models._fitted import fitted_model
from cdmer.preprocessing import ApexSpotter, CropAlign, Face, Preparation

COLUMNS = ["frames", "seconds", "movement", "likeness", "continuity", "detail"]


@pytest.fixture(scope="module")
def clips():
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=12, n_subjects=4, random_state=0)
    return [replace(clip, source=clip.frames) for clip in corpus]  # rendered once


@pytest.fixture(scope="module")
def model(clips, tmp_path_factory):
    pipeline = make_pipeline(ApexSpotter(), BiWOOF(grid=RegionGrid((2,))), SVC())
    path = tmp_path_factory.mktemp("answers") / "model.skops"
    save_model(path, pipeline.fit(clips, [clip.label for clip in clips]), clips)
    return load_model(path)


def as_clip(source, fps=25):
    return Clip(source, "one", "somebody", "camera", fps=fps)


def drifting(face, n, rng, sigma=1.5, jpeg=None):
    """A still that moves by 2 pixels, sampled anew in every frame from a picture of 336."""
    frames = []
    for t in range(n):
        matrix = np.array([[1.0, 0, 6 * t / n], [0, 1, 3 * t / n]])
        seen = cv2.warpAffine(face.astype(np.float32), matrix, (336, 336), borderMode=2)
        seen = cv2.resize(seen, (112, 112), interpolation=cv2.INTER_AREA) * (1 - 0.04 * t / n)
        frame = np.clip(np.rint(seen + rng.normal(0, sigma, seen.shape)), 0, 255).astype(np.uint8)
        if jpeg is not None:
            quality = [cv2.IMWRITE_JPEG_QUALITY, jpeg]
            frame = cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], 0)
        frames.append(frame)
    return np.stack(frames)


def test_a_still_has_no_movement_and_a_weak_expression_has(model):
    rng = np.random.default_rng(0)
    setup = replace(PRESETS["lab-100fps"], amplitude=0.3, blink_rate=0.0)
    weak = make_synthetic_corpus(setup, n_clips=8, n_subjects=8, random_state=3)
    said = [predict_clip(model, as_clip(clip.frames, 100)).reason for clip in weak]
    assert said.count(None) >= 7
    faces = make_synthetic_corpus(
        replace(setup, resolution=336), n_clips=6, n_subjects=6, size=336, random_state=4
    )
    for i, clip in enumerate(faces):
        frames = drifting(clip.frames[0], 14, rng, 0.7 + 0.1 * i, (None, 80, 60)[i % 3])
        prediction = predict_clip(model, as_clip(frames))
        assert (prediction.label, prediction.reason) == (None, "no movement")
        assert "pixels of 112" in prediction.detail
        assert prediction.scores is None
        assert prediction.regions is None


@pytest.mark.parametrize("motion", [1.0, 4.0])
def test_heads_that_move_are_answered(motion, model):
    setup = replace(PRESETS["nir-25fps"], head_motion=motion)
    for clip in make_synthetic_corpus(setup, n_clips=8, n_subjects=8, random_state=6):
        assert predict_clip(model, as_clip(clip.frames)).reason is None


def faulty(clips):
    one, other = clips[0].frames, clips[1].frames
    wall = np.uint8(np.linspace(90, 140, 112)) + np.zeros_like(one[:1])
    n = len(one)
    walk = [np.hstack([f, wall[0]])[:, min(112, 20 * t) :][:, :112] for t, f in enumerate(one)]
    return {
        "cut": ("several shots", np.concatenate([one[: n // 2], other[n // 2 :]])),
        "walk": ("face lost", np.stack(walk)),
        "gone": ("face lost", np.concatenate([one[: n // 2], wall, wall, wall])),
        "black start": ("face lost", np.concatenate([np.zeros_like(one[:3]), one])),
        "all black": ("face lost", np.zeros_like(one)),
        "one picture": ("too short", one[:1]),
        "long": ("too long", np.concatenate([one] * 12)),
    }


@pytest.mark.parametrize(
    "kind", ["cut", "walk", "gone", "black start", "all black", "one picture", "long"]
)
def test_the_reason_is_the_right_one(kind, clips, model):
    reason, frames = faulty(clips)[kind]
    given = as_clip(frames)
    prediction = predict_clip(model, given)
    assert (prediction.label, prediction.reason) == (None, reason)
    assert prediction.clip is given
    assert prediction.classes == model.classes
    assert str(prediction).splitlines() == [f"no class: {reason}", prediction.detail]
    with pytest.raises(ValueError, match=f"expected one with a class, got none.*{reason}"):
        plot_prediction(prediction)


class Announced:
    """A source that says how long it is, and counts the frames that it gives."""

    def __init__(self, n_frames, says=True):
        self.n_frames, self.given = n_frames if says else None, 0
        self._n = n_frames

    def __call__(self):
        raise AssertionError("the whole clip was asked for")

    def __iter__(self):
        for _ in range(self._n):
            self.given += 1
            yield np.zeros((64, 64), np.uint8)


def test_long_clips_are_refused_before_they_are_read(model):
    source = Announced(138 * 25)
    assert predict_clip(model, as_clip(source)).reason == "too long"
    assert source.given == 0
    source = Announced(10**7, says=False)
    assert predict_clip(model, as_clip(source)).reason == "too long"
    assert source.given <= model.limits.longest(25) + 1 < 200


def test_without_a_face_the_model_says_so(clips, tmp_path):
    def detector(frame):
        return [Face(0, 112, 0, 112, 1.0)] if frame.std() > 10 else []

    pipeline = make_pipeline(CropAlign(detector), ApexSpotter(), BiWOOF(), SVC())
    pipeline.fit(clips, [clip.label for clip in clips])
    model = fitted_model(pipeline, clips, None, None, None)
    assert predict_clip(model, replace(clips[0], apex=None)).reason is None
    empty = as_clip(np.full((9, 80, 80), 128, np.uint8))
    prediction = predict_clip(model, empty)
    assert prediction.reason == "no face"
    assert "found no face in the first 9 frames" in prediction.detail


def test_measures_are_features_that_extract_computes(clips):
    table = extract(clips[:3], ClipMeasures())
    assert table.feature_names.tolist() == COLUMNS
    rows = ClipMeasures().transform(clips[:3])
    assert_allclose(table.features, rows)
    for clip, row in zip(clips, rows, strict=False):
        assert row[0] == len(clip.frames)
        assert_allclose(row[1], row[0] / 25)
    bare = ClipMeasures().transform([clips[0].frames])[0]
    assert bare[1] == 0
    assert_allclose(bare[[0, 3, 4, 5]], rows[0][[0, 3, 4, 5]])


def test_movement_is_that_of_the_skin_in_pixels_of_112():
    """A patch of a texture moves by half a pixel and back, under noise; all moves with the head."""
    rng = np.random.default_rng(0)
    face = cv2.GaussianBlur(rng.normal(128, 160, (112, 112)).astype(np.float32), (0, 0), 2.5)
    y, x = np.mgrid[:112, :112].astype(np.float32)
    patch = np.exp(-((x - 60) ** 2 + (y - 50) ** 2) / (2 * 14**2))
    for most in (0.0, 0.5, 1.0):
        frames = []
        for t in range(20):
            moved = x - most * np.sin(np.pi * t / 19) ** 2 * patch - 0.1 * t
            frame = cv2.remap(
                face, moved.astype(np.float32), y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
            frames.append(np.clip(frame + rng.normal(0, 1, frame.shape), 0, 255).astype(np.uint8))
        found = ClipMeasures().transform([np.stack(frames)])[0][2]
        assert found < 0.1 if most == 0 else 0.5 * most < found < 1.2 * most


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 9])
def test_few_frames_are_measured_too(n):
    rng = np.random.default_rng(n)
    still = np.repeat(rng.integers(0, 256, (1, 40, 60), np.uint8), n, axis=0)
    row = ClipMeasures().transform([still])[0]
    assert row[0] == n
    assert_allclose(row[2:], [0, 1, 1, 1], atol=1e-3)


def test_limits_are_learnt_with_floors(clips):
    rows = np.tile([20, 0.8, 1.0, 0.9, 0.98, 0.95], (10, 1))
    limits = ClipLimits.from_rows(rows)
    assert (limits.fewest_frames, limits.most_frames) == (5, 100)
    assert (limits.shortest_seconds, limits.longest_seconds) == (0.2, 4.0)
    assert (limits.movement, limits.likeness) == (0.21, 0.55)
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = 300, 0, 0.34, 0.5
    other = ClipLimits.from_rows(rows)
    assert (other.most_frames, other.longest_seconds) == (1200, None)
    assert_allclose([other.movement, other.likeness], [0.17, 0.4])
    assert other.reason_of_length(1201, 25)[0] == "too long"
    assert limits.reason_of_length(138 * 25, 25)[0] == "too long"
    assert limits.reason_of_length(80, 90000) is None  # ticks of a clock, no rate
    for wrong in (rows[0], rows[:, :4], rows[:0], rows * np.nan, -rows):
        with pytest.raises(ValueError, match="rows: expected"):
            ClipLimits.from_rows(wrong)


def test_no_clip_of_the_training_is_refused(clips, model):
    assert [predict_clip(model, clip).reason for clip in clips] == [None] * len(clips)


def test_probabilities_are_calibrated(clips, model):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    calibration = Calibration.fit(np.eye(3)[y] + rng.normal(size=(60, 3)), y, np.arange(60) % 6)
    given, plain = replace(model, calibration=calibration), predict_clip(model, clips[0])
    prediction = predict_clip(given, clips[0])
    assert (prediction.are_probabilities, plain.are_probabilities) == (True, False)
    assert_allclose(prediction.scores, calibration.apply(plain.scores[None])[0])
    assert prediction.label == plain.label
    assert np.abs(prediction.regions.drops).max() < 1


def test_records_come_back_from_the_file(clips, model, tmp_path):
    scores, y = np.eye(3)[[0, 1, 2, 0]], [0, 1, 2, 0]
    records = {
        "preparation": Preparation(spot="flow"),
        "limits": replace(model.limits, movement=0.19),
        "calibration": Calibration.fit(scores, np.array(y), list("abab"), biased=True),
        "evaluation": {"UF1": 0.6, "interval": [0.5, 0.7], "people": 4, "how": "one left out"},
    }
    saved = save_model(tmp_path / "m", model.pipeline, clips, **records)
    loaded = load_model(tmp_path / "m")
    for name, value in records.items():
        assert getattr(loaded, name) == getattr(saved, name) == value
    for name, value, message in [
        ("evaluation", {"folder": "/home/somebody/corpus"}, "no path of this machine"),
        ("evaluation", {"UF1": float("nan")}, "finite"),
        ("evaluation", {"UF1": np.float64(0.5), "x": {1: 2}}, "names that are texts"),
        ("evaluation", [1], "a dict"),
        ("calibration", 5, "expected Calibration or None"),
        ("limits", {}, "expected ClipLimits or None"),
        ("preparation", "crop", "expected Preparation or None"),
    ]:
        with pytest.raises((ValueError, TypeError), match=f"{name}.*{message}"):
            save_model(tmp_path / "m", model.pipeline, clips[:1], **{name: value})
