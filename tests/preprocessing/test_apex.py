import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from cdmer._parameters import ParameterError
from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.features import optical_flow
from cdmer.preprocessing import ApexSpotter, Resize, ToGrey, spot_apex
from cdmer.preprocessing._apex import METHODS, _divide_and_conquer

every_method = pytest.mark.parametrize("method", METHODS)
every_reference = pytest.mark.parametrize("reference", ["both", "onset"])


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


def pulse(n_frames, apex, size=64, seed=0):
    """A picture in which a blob is shifted to the right, by up to 3 pixels at the apex."""
    y, x = np.mgrid[:size, :size].astype(float)
    rng = np.random.default_rng(seed)
    waves = rng.uniform(0.15, 0.6, size=(6, 2)) * rng.choice([-1, 1], size=(6, 2))
    frames = []
    for t in range(n_frames):
        course = np.interp(t, [0, apex, n_frames - 1], [0, 1, 0])
        near = np.exp(-((x - size / 2) ** 2 + (y - size / 2) ** 2) / (size / 6) ** 2)
        moved = x - 3 * course * near
        picture = sum(np.sin(a * moved + b * y + i) for i, (a, b) in enumerate(waves))
        frames.append(np.rint(128 + 20 * picture).clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def make_clip(source, **known):
    return Clip(source, "EP02_01f", "sub01", "casme2", **known)


def patterns_slowly(frame):
    """Codes of eight neighbours on a circle of radius 3, from the definition."""
    frame = frame.astype(float)
    height, width = frame.shape
    codes = np.zeros((height - 6, width - 6), dtype=int)
    for row, column in np.ndindex(codes.shape):
        for p in range(8):
            y = row + 3 - 3 * np.sin(2 * np.pi * p / 8)
            x = column + 3 + 3 * np.cos(2 * np.pi * p / 8)
            top, left = int(np.floor(y + 1e-9)), int(np.floor(x + 1e-9))
            v, w = y - top, x - left
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            level = (1 - v) * ((1 - w) * frame[top, left] + w * frame[top, right]) + v * (
                (1 - w) * frame[bottom, left] + w * frame[bottom, right]
            )
            codes[row, column] += 2**p * (level >= frame[row + 3, column + 3] - 1e-6)
    return codes


def is_uniform(code):
    bits = [code >> p & 1 for p in range(8)]
    return sum(bits[p] != bits[p - 1] for p in range(8)) <= 2


def histograms_slowly(frame):
    """One per cell of the 6 x 6 grid: 58 uniform codes and all others."""
    bins = {code: i for i, code in enumerate(c for c in range(256) if is_uniform(c))}
    codes = patterns_slowly(frame)
    height, width = codes.shape
    counts = np.zeros((36, 59))
    for row, column in np.ndindex(6, 6):
        for y in range(row * height // 6, (row + 1) * height // 6):
            for x in range(column * width // 6, (column + 1) * width // 6):
                counts[6 * row + column, bins.get(codes[y, x], 58)] += 1
    return counts


def pattern_distance(first, second):
    pairs = zip(histograms_slowly(first), histograms_slowly(second), strict=True)
    return np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in pairs])


def flow_distance(first, second):
    u, v = np.moveaxis(optical_flow(second, first).astype(float), -1, 0)
    return np.mean(np.sqrt((u - np.median(u)) ** 2 + (v - np.median(v)) ** 2))


def pixel_distance(first, second):
    return np.mean([abs(int(a) - int(b)) for a, b in zip(first.flat, second.flat, strict=True)])


def last_peak(changes):
    """Recursion from the description of D&C-RoIs; no two neighbours are equal."""
    fence = [-np.inf, *changes, -np.inf]
    peaks = [i for i in range(len(changes)) if fence[i] < fence[i + 1] > fence[i + 2]]

    def search(start, stop):
        inside = [i for i in peaks if start <= i < stop]
        if len(inside) == 1:
            return inside[0]
        middle = start + (stop - start) // 2
        first = sum(changes[i] for i in inside if i < middle)
        second = sum(changes[i] for i in inside if i >= middle)
        return search(start, middle) if first >= second else search(middle, stop)

    return search(0, len(changes))


def spot_slowly(frames, method, reference, onset, offset):
    distance = {"frame-difference": pixel_distance, "flow": flow_distance, "lbp": pattern_distance}
    ends = (onset, offset) if reference == "both" else (onset,)
    after = range(onset + 1, offset + 1)
    changes = [sum(distance[method](frames[i], frames[end]) for end in ends) for i in after]
    best = last_peak(changes) if method == "lbp" else changes.index(max(changes))
    return onset + 1 + best


@every_method
@every_reference
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_slow_reference(method, reference, seed):
    shape = (9, 48, 46) if method == "flow" else (9, 14, 15)
    frames = noise(shape, seed)
    for onset, offset in [(0, 8), (2, 7), (4, 6)]:
        expected = spot_slowly(frames, method, reference, onset, offset)
        assert spot_apex(frames, method, reference, onset=onset, offset=offset) == expected


def test_divide_and_conquer_equals_its_description():
    rng = np.random.default_rng(0)
    for n in [*range(2, 12), 40, 41] * 10:
        changes = rng.random(n)
        assert _divide_and_conquer(changes) == last_peak(changes.tolist())


@pytest.mark.parametrize(
    ("changes", "apex"),
    [
        ([1, 2, 3], 2),  # one peak, at the end
        ([3, 2, 1], 0),
        ([0, 5, 0, 0, 3, 0, 3, 0], 4),  # 5 against 3 + 3, then 3 against 3
        ([0, 7, 0, 0, 3, 0, 3, 0], 1),  # 7 against 3 + 3
        ([0, 2, 2, 2, 0], 2),  # the middle of equal ones
        ([1, 1], 0),
        ([3, 0, 3], 0),  # halves of 1 and 2 frames: 3 against 3 keeps the first
    ],
)
def test_divide_and_conquer_step_by_step(changes, apex):
    assert _divide_and_conquer(np.array(changes, dtype=float)) == apex


@every_method
@every_reference
def test_finds_the_peak_of_a_movement(method, reference):
    for apex in (4, 9, 12):
        assert abs(spot_apex(pulse(16, apex), method, reference) - apex) <= 1


def test_a_drift_of_the_light_leads_nowhere():
    still = np.full((21, 8, 8), 50, dtype=np.uint8)
    still[:, 2:4, 2:4] += np.interp(np.arange(21), [0, 13, 20], [0, 60, 0]).astype(np.uint8)[
        :, None, None
    ]
    drift = still + 3 * np.arange(21, dtype=np.uint8)[:, None, None]
    for reference in ("both", "onset"):
        assert spot_apex(still, reference=reference) == 13
    assert spot_apex(drift) == 13
    assert spot_apex(drift, reference="onset") == 20


def test_flow_leaves_out_the_motion_of_the_head():
    pan = np.arange(9) // 2  # pixels to the right
    frames = np.stack([f[8:-8, 16 - p : -8 - p] for f, p in zip(pulse(9, 5), pan, strict=True)])
    for reference in ("both", "onset"):
        assert spot_apex(frames, "flow", reference) == 5
    assert spot_apex(frames, "frame-difference", "onset") == 8


@every_method
def test_only_frames_after_the_onset_up_to_the_offset_count(method):
    frames = pulse(16, 9)
    frames[[0, 1, 2, 14, 15]] = noise((5, 64, 64))
    assert abs(spot_apex(frames, method, onset=3, offset=13) - 9) <= 1
    assert spot_apex(frames[3:14], method) + 3 == spot_apex(frames, method, onset=3, offset=13)
    with pytest.raises(ValueError, match="frames: expected at least two frames after the onset"):
        spot_apex(frames, method, onset=3, offset=4)


@every_method
def test_colour_counts_by_its_grey(method):
    frames = noise((6, 48, 46, 3))
    [grey] = ToGrey().transform([frames])
    assert spot_apex(frames, method) == spot_apex(grey, method)


@every_method
def test_gives_clips_an_apex(method):
    frames = pulse(12, 6)
    position = spot_apex(frames, method)
    clip = make_clip(frames, label="happiness", fps=100.0)
    [spotted] = ApexSpotter(method).fit_transform([clip])
    assert (spotted.apex, spotted.apex_spotted_by) == (position, method)
    assert replace(spotted, apex=None, apex_spotted_by=None).__dict__ == clip.__dict__
    assert spotted.source is frames
    assert (clip.apex, clip.apex_spotted_by) == (None, None)
    assert type(spotted.apex) is int
    twin = pickle.loads(pickle.dumps(spotted))
    assert (twin.apex, twin.apex_spotted_by) == (position, method)


def test_onset_offset_and_apex_are_frame_numbers():
    frames = pulse(12, 6)
    frames[:2] = noise((2, 64, 64))
    numbers = (40, 41, 43, 44, 45, 50, 52, 53, 54, 55, 56, 60)
    clip = make_clip(frames, onset=43, offset=56, frame_numbers=numbers)
    [spotted] = ApexSpotter().transform([clip])
    position = spot_apex(frames, onset=2, offset=10)
    assert spotted.apex == numbers[position] == 52
    assert spotted.position("apex") == position
    # A dropped frame is the onset: the nearest one stands for it.
    [again] = ApexSpotter().transform([replace(clip, onset=42)])
    assert again.apex == numbers[spot_apex(frames, onset=1, offset=10)]
    [whole] = ApexSpotter().transform([replace(clip, onset=None, offset=None)])
    assert whole.apex == numbers[spot_apex(frames)]


def test_works_between_other_steps():
    clip = make_clip(np.stack([pulse(12, 6)] * 3, axis=-1), apex=None)
    steps = make_pipeline(Resize(48, 50), ApexSpotter("lbp"), ToGrey())
    [clip] = steps.fit_transform([clip])
    assert clip.frames.shape == (12, 48, 50)
    assert clip.apex == spot_apex(clip.frames, "lbp")


def test_a_known_apex_is_never_touched():
    def unreadable():
        raise AssertionError("frames were read")

    annotated = make_clip(unreadable, apex=7)
    spotted = make_clip(unreadable, apex=0, apex_spotted_by="lbp")
    for method in METHODS:
        first, second = ApexSpotter(method).fit_transform([annotated, spotted])
        assert first is annotated
        assert second is spotted


@every_method
def test_same_apex_for_any_number_of_threads(method):
    clips = [replace(make_clip(pulse(10, 3 + i % 5, seed=i)), name=f"c{i}") for i in range(6)]
    one, two = (ApexSpotter(method, n_jobs=n).transform(clips) for n in (1, 2))
    assert [c.apex for c in one] == [c.apex for c in two]
    assert [c.name for c in two] == [c.name for c in clips]


@pytest.mark.parametrize("preset", ["lab-100fps", "webcam-25fps", "nir-25fps"])
def test_comes_closer_to_the_apex_of_synthetic_faces_than_the_middle(preset):
    corpus = make_synthetic_corpus(preset, n_clips=30, n_subjects=15, random_state=0)
    clips = [replace(clip, source=clip.frames, apex=None) for clip in corpus]
    annotated = np.array([clip.apex for clip in corpus])

    def errors(**parameters):
        spotted = ApexSpotter(**parameters).transform(clips)
        return np.abs([clip.apex for clip in spotted] - annotated)

    # Rise and fall take about as long, so the middle of onset and offset is no bad guess; blinks
    # mislead the spotter by many frames, hence medians.
    middle = np.abs([(clip.onset + clip.offset) / 2 - clip.apex for clip in corpus])
    assert np.median(errors()) < np.median(middle)
    assert np.mean(errors()) < np.mean(errors(reference="onset"))  # heads drift


def test_arrays_cannot_carry_an_apex():
    message = "clip 1: expected a Clip, which can carry an apex, got ndarray; spot_apex finds"
    with pytest.raises(TypeError, match=message):
        ApexSpotter().transform([make_clip(pulse(9, 4)), pulse(9, 4)])
    with pytest.raises(TypeError, match="clip 0: expected a Clip"):
        ApexSpotter().transform(noise((2, 5, 9, 9)))


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (make_clip(noise((2, 9, 9))), "at least two frames .* got onset 0 and offset 1"),
        (make_clip(noise((9, 9, 9)), onset=5, offset=6), "got onset 5 and offset 6"),
        (make_clip(noise((9, 9, 9)), onset=6, offset=3), "got onset 6 and offset 3"),
        (make_clip(noise((9, 9, 9)), onset=9), "onset lies outside the clip, at position 9 of 9"),
        (make_clip(noise((9, 9, 9)), offset=9), "offset lies outside the clip"),
        (make_clip(noise((0, 9, 9))), "expected at least one frame"),
        (make_clip(np.zeros((5, 9, 9), np.uint8)), "has no apex, all frames from onset to offset"),
    ],
)
def test_clips_without_an_apex_to_find(clip, message):
    with pytest.raises(ValueError, match=f"^clip 'casme2/sub01/EP02_01f': .*{message}"):
        ApexSpotter().transform([clip])


@every_method
def test_still_clips_have_no_apex(method):
    still = np.repeat(noise((1, 48, 48)), 6, axis=0)
    with pytest.raises(ValueError, match="frames: has no apex, all frames from onset to offset"):
        spot_apex(still, method)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("flow", "clip 'casme2/sub01/EP02_01f': got frames of 9 x 9 pixels; the flow method 'dis'"),
        ("lbp", "clip 'casme2/sub01/EP02_01f': got frames of 9 x 9 pixels; a border of 3 pixels"),
    ],
)
def test_frames_too_small_for_the_method(method, message):
    with pytest.raises(ValueError, match=message):
        ApexSpotter(method).transform([make_clip(noise((5, 9, 9)))])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "dlib"}, "method: expected one of .*'lbp'.*, got 'dlib'"),
        ({"reference": "previous"}, r"reference: expected one of \('both', 'onset'\)"),
    ],
)
def test_wrong_parameters(parameters, message):
    frames = noise((5, 20, 20))
    for use in (
        lambda: ApexSpotter(**parameters).fit(),
        lambda: ApexSpotter(**parameters).transform([make_clip(frames)]),
        lambda: spot_apex(frames, **parameters),
    ):
        with pytest.raises(ParameterError, match=message):
            use()


@pytest.mark.parametrize(
    ("frames", "positions", "message"),
    [
        (noise((5, 9, 9)), {"onset": -1}, "onset: expected a whole number >= 0 and <= 4, got -1"),
        (noise((5, 9, 9)), {"offset": 5}, "offset: expected a whole number >= 0 and <= 4, got 5"),
        (noise((5, 9, 9)), {"onset": 1.0}, r"onset: expected a whole number .* got 1\.0"),
        (noise((5, 9)), {}, r"frames: expected frames of shape \(T, H, W\)"),
        (np.full((5, 9, 9), np.nan), {}, "frames: expected frames of dtype uint8, got float64"),
        ([1, 2], {}, "frames: expected a NumPy array, got list"),
    ],
)
def test_wrong_arrays_and_positions(frames, positions, message):
    with pytest.raises((ValueError, TypeError), match=message):
        spot_apex(frames, **positions)


def test_frames_stay_as_they_are():
    frames = noise((6, 48, 48))
    frames.setflags(write=False)
    for method in METHODS:
        assert 0 < spot_apex(frames, method) < 6
