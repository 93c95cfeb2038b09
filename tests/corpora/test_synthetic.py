import pickle
from dataclasses import replace

import numpy as np
import pytest

from cdmer._faces.emotions import EMOTIONS, EMOTIONS_OF
from cdmer.corpora import PRESETS, RecordingSetup, make_synthetic_corpus

QUIET = RecordingSetup(fps=100, blur=0, noise=0, head_motion=0, blink_rate=0)


def test_same_seed_same_bytes_in_any_process_and_order():
    one = make_synthetic_corpus("webcam-25fps", n_clips=5, n_subjects=2, random_state=3)
    two = make_synthetic_corpus("webcam-25fps", n_clips=5, n_subjects=2, random_state=3)
    backwards = [clip.frames for clip in reversed(two)][::-1]
    for clip, frames in zip(one, backwards, strict=True):
        copy = pickle.loads(pickle.dumps(clip))
        assert clip.frames.tobytes() == frames.tobytes() == copy.frames.tobytes()
        assert clip.frames.tobytes() == clip.frames.tobytes()
    assert one.table.equals(two.table)
    other = make_synthetic_corpus("webcam-25fps", n_clips=5, n_subjects=2, random_state=4)
    assert other[0].frames[0].tobytes() != one[0].frames[0].tobytes()


def test_seed_can_be_a_random_state_and_the_global_one_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is the point
    by_int = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=np.random.RandomState(0))
    same = make_synthetic_corpus("nir-25fps", n_clips=3, random_state=np.random.RandomState(0))
    assert by_int[0].frames.tobytes() == same[0].frames.tobytes()
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_frames_are_rendered_when_they_are_read(monkeypatch):
    def refuse(*arguments):
        raise RuntimeError("rendered")

    monkeypatch.setattr("cdmer._faces.render.draw_face", refuse)
    corpus = make_synthetic_corpus("lab-200fps", n_clips=1000, random_state=0)
    assert len(corpus) == 1000
    assert len(pickle.dumps(corpus)) < 10e6
    with pytest.raises(RuntimeError, match="rendered"):
        _ = corpus[0].frames


@pytest.mark.parametrize("preset", PRESETS)
def test_clips_are_what_descriptors_expect(preset):
    corpus = make_synthetic_corpus(preset, n_clips=12, n_subjects=4, random_state=0)
    assert corpus.name == preset
    assert {clip.subject for clip in corpus} == {"s01", "s02", "s03", "s04"}
    for clip in corpus:
        frames = clip.frames
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == (112, 112)
        assert len(frames) >= 12
        assert 0 < clip.onset < clip.apex < clip.offset < len(frames)
        assert 0.1 <= (clip.offset - clip.onset) / clip.fps <= 0.5
        assert clip.fps == PRESETS[preset].fps
        assert 10 < frames.mean() < 220
        assert frames[0].std() > 15


def test_labels_follow_the_balance_and_every_class_occurs():
    counts = make_synthetic_corpus("lab-200fps", random_state=0).table["label"].value_counts()
    assert counts.to_dict() == {"negative": 30, "positive": 15, "surprise": 15}
    for n_clips in (3, 4, 10):
        assert len(set(make_synthetic_corpus(n_clips=n_clips, random_state=0).table["label"])) == 3
    table = make_synthetic_corpus("webcam-25fps", random_state=0).table
    assert table.groupby("subject")["label"].nunique().min() >= 2


def test_action_units_are_those_of_the_expert_table():
    """Happiness 12, 25, 6; surprise 1 and 2 always; the negative ones by their leading units."""
    corpus = make_synthetic_corpus(n_clips=300, random_state=0)
    for clip in corpus:
        units = set(clip.action_units)
        tables = [EMOTIONS[emotion] for emotion in EMOTIONS_OF[clip.label]]
        certain = [{u for u, chance in table.items() if chance == 1} for table in tables]
        assert units
        assert any(must <= units <= set(table) for must, table in zip(certain, tables, strict=True))
    share = np.mean(["6" in clip.action_units for clip in corpus if clip.label == "positive"])
    assert 0.3 < share < 0.7


def motion(units, amplitude=1.5):
    """Where the picture differs between onset and apex, averaged over people: (112, 112)."""
    corpus = make_synthetic_corpus(
        replace(QUIET, amplitude=amplitude), n_clips=6, n_subjects=6, random_state=0
    )
    maps = []
    for clip in corpus:
        source = replace(clip.source, intensities=tuple((u, amplitude) for u in units))
        frames = source().astype(float)
        maps.append(np.abs(frames[clip.apex] - frames[clip.onset]))
    return np.mean(maps, axis=0)


@pytest.mark.parametrize(
    ("units", "where"),
    [
        (["12"], slice(65, 100)),
        (["15"], slice(65, 105)),
        (["26"], slice(70, 112)),
        (["1", "2"], slice(10, 50)),
        (["4"], slice(15, 52)),
        (["9"], slice(20, 75)),
    ],
)
def test_action_units_move_their_part_of_the_face(units, where):
    change = motion(units)
    rows = change.sum(axis=1)
    assert rows[where].sum() > 0.85 * rows.sum()
    middle = np.abs(change - change[:, ::-1]).sum() / change.sum()
    assert middle < 1.0  # both sides take part


def test_amplitude_zero_stands_still_and_larger_amplitudes_move_more():
    for clip in make_synthetic_corpus(replace(QUIET, amplitude=0), n_clips=4, random_state=0):
        assert (clip.frames == clip.frames[0]).all()
    changes = [motion(["12"], amplitude).sum() for amplitude in (0.5, 1, 2)]
    assert changes[0] < changes[1] < changes[2]


def test_the_course_rises_and_falls():
    corpus = make_synthetic_corpus(QUIET, n_clips=4, random_state=0)
    for clip in corpus:
        frames = clip.frames.astype(float)
        change = np.abs(frames - frames[0]).mean(axis=(1, 2))
        assert (change[: clip.onset + 1] == 0).all()
        assert (change[clip.offset :] == 0).all()
        assert change.argmax() == clip.apex


def test_people_differ_more_than_clips_of_one_person():
    corpus = make_synthetic_corpus("lab-100fps", n_clips=20, n_subjects=5, random_state=0)
    faces = np.array([clip.frames[0].astype(float).ravel() for clip in corpus])
    people = np.array([clip.subject for clip in corpus])
    apart = np.linalg.norm(faces[:, None] - faces[None], axis=2)
    same = people[:, None] == people[None]
    off_diagonal = ~np.eye(len(people), dtype=bool)
    assert apart[same & off_diagonal].max() < np.median(apart[~same])


def test_presets_and_names():
    assert list(PRESETS) == ["lab-200fps", "lab-100fps", "webcam-25fps", "nir-25fps"]
    a, b = (
        make_synthetic_corpus(p, n_clips=3, random_state=0) for p in ("webcam-25fps", "nir-25fps")
    )
    assert a[0].source.who != b[0].source.who
    assert make_synthetic_corpus("nir-25fps", n_clips=3, name="mine", random_state=0).name == "mine"
    assert make_synthetic_corpus(QUIET, n_clips=3, random_state=0).name == "synthetic"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"preset": "studio"}, ValueError, r"preset: expected .*'lab-100fps'.*got 'studio'"),
        ({"n_clips": 2}, ValueError, "n_clips: expected an integer >= 3, got 2"),
        ({"n_clips": 6.0}, TypeError, r"n_clips: expected an integer, got 6\.0"),
        ({"n_subjects": 0}, ValueError, "n_subjects: expected an integer >= 1, got 0"),
        ({"size": 8}, ValueError, "size: expected an integer >= 32, got 8"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        make_synthetic_corpus(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fps": 0}, ValueError, "fps: expected a number > 0, got 0"),
        ({"fps": "25"}, TypeError, "fps: expected a number > 0, got '25'"),
        ({"fps": 25, "noise": -1}, ValueError, "noise: expected a number >= 0"),
        ({"fps": 25, "ambient": 2}, ValueError, "ambient: expected a number between 0 and 1"),
        ({"fps": 25, "balance": (1, 1)}, ValueError, "balance: expected three numbers"),
        ({"fps": 25, "balance": (1, 1, 0)}, ValueError, "balance: expected three shares > 0"),
        ({"fps": 25, "resolution": 4}, ValueError, "resolution: expected an integer >= 16"),
    ],
)
def test_bad_setups_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        RecordingSetup(**arguments)


@pytest.mark.slow
def test_a_new_camera_costs_accuracy_and_adaptation_wins_some_back():
    """Subjects kept apart within a preset; all clips of another preset across."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    from cdmer.adaptation import TGSR, SourceOnly
    from cdmer.features import LBPTOP

    presets = ["lab-100fps", "webcam-25fps", "nir-25fps"]
    X, y, people = {}, {}, {}
    for preset in presets:
        corpus = make_synthetic_corpus(preset, random_state=0)
        X[preset] = LBPTOP(n_jobs=2).fit_transform(list(corpus))
        y[preset] = np.array([clip.label for clip in corpus])
        people[preset] = np.array([clip.subject for clip in corpus])
    within, across, adapted = [], [], []
    for a in presets:
        folds = GroupKFold(5)
        predicted = cross_val_predict(SourceOnly(), X[a], y[a], groups=people[a], cv=folds)
        within.append(balanced_accuracy_score(y[a], predicted))
        for b in presets:
            if a == b:
                continue
            rows, labels = np.concatenate([X[a], X[b]]), np.concatenate([y[a], y[b]])
            domain = np.repeat([1, -2], [len(X[a]), len(X[b])])
            for scores, method in ((across, SourceOnly()), (adapted, TGSR(85, 20))):
                model = method.fit(rows, labels, sample_domain=domain)
                scores.append(balanced_accuracy_score(y[b], model.predict(X[b])))
    assert np.mean(within) > 0.6
    assert np.mean(across) < np.mean(within) - 0.1
    assert np.mean(adapted) > np.mean(across) + 0.05
