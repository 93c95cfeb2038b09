import os
import time
from dataclasses import replace

import numpy as np
import pytest
from counted import Moments, corpus, recordings
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

import cdmer._fingerprint
from cdmer.corpora import Corpus, make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.preprocessing import Flip


@pytest.fixture
def computed(tmp_path):
    """Extract with a cache; gives how many clips were computed, and the table."""
    log = tmp_path / "log"

    def run(clips, transformer, n_jobs=None):
        moments = transformer.steps if isinstance(transformer, Pipeline) else [(0, transformer)]
        for _, step in moments:
            if isinstance(step, Moments):
                step.set_params(log=str(log))
        log.write_text("")
        table = extract(clips, transformer, n_jobs=n_jobs, cache_dir=tmp_path / "cache")
        return len(log.read_text().splitlines()), table

    return run


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_nothing_is_computed_twice(computed, n_jobs):
    n_first, first = computed(corpus(), Moments(), n_jobs)
    n_again, again = computed(corpus(), Moments())
    assert (n_first, n_again) == (8, 0)
    np.testing.assert_array_equal(first.features, again.features)
    assert first.clips.equals(again.clips)


def test_only_new_clips_are_computed(computed):
    computed(corpus()[:5], Moments())
    n_computed, table = computed(corpus(), Moments())
    assert n_computed == 3
    np.testing.assert_array_equal(table.features, Moments().transform(corpus()))


def changed(name):
    clip = recordings(2)[1]
    frames = clip.source.copy()
    frames[-1, -1, -1] ^= 1
    return {
        "one bit of one pixel": replace(clip, source=frames),
        "shape": replace(clip, source=clip.source.reshape(len(frames), 10, 12)),
        "onset": replace(clip, onset=1),
        "apex": replace(clip, apex=4),
        "no apex": replace(clip, apex=None),
        "offset": replace(clip, offset=5),
        "frame numbers": replace(clip, frame_numbers=tuple(range(1, len(frames) + 1))),
        "rate": replace(clip, fps=100.0),
        "who found the apex": replace(clip, apex_spotted_by="somebody"),
        "name": replace(clip, name="c9"),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "one bit of one pixel",
        "shape",
        "onset",
        "apex",
        "no apex",
        "offset",
        "frame numbers",
        "rate",
        "who found the apex",
        "name",
    ],
)
def test_any_change_of_a_clip_is_noticed(computed, name):
    computed(corpus(2), Moments())
    n_computed, table = computed([recordings(2)[0], changed(name)], Moments())
    assert n_computed == 1
    np.testing.assert_array_equal(table.features[1], Moments().transform([changed(name)])[0])


@pytest.mark.parametrize(
    ("transformer", "n_computed"),
    [
        (Moments(power=2), 4),
        (Moments(weights=np.arange(2000.0)), 4),
        (Moments(device="cpu"), 4),
        (make_pipeline(Flip(), Moments()), 4),
        (Moments(n_jobs=2), 0),
        (make_pipeline(Moments(), verbose=True), 0),
        (make_pipeline("passthrough", Moments(), None), 0),
        (Moments(power=np.int64(1)), 0),
    ],
)
def test_any_change_of_a_parameter_is_noticed(computed, transformer, n_computed):
    computed(corpus(4), Moments())
    assert computed(corpus(4), transformer)[0] == n_computed


def test_long_parameters_are_told_apart_in_full(computed):
    """Their printed forms are equal: NumPy leaves out the middle of long arrays."""
    weights = np.zeros(5000)
    other = weights.copy()
    other[2500] = 1
    assert repr(weights) == repr(other)
    computed(corpus(2), Moments(weights=weights))
    assert computed(corpus(2), Moments(weights=other))[0] == 2


def test_another_version_of_cdmer_computes_anew(computed, monkeypatch):
    computed(corpus(2), Moments())
    monkeypatch.setattr(cdmer._fingerprint, "__version__", "0.0.0")
    assert computed(corpus(2), Moments())[0] == 2


def test_labels_and_subjects_of_features_are_those_of_today(computed):
    """They change no feature, so they are no part of what is kept."""
    computed(corpus(2), Moments())
    relabelled = Corpus([replace(clip, label="anger") for clip in corpus(2)], "lab")
    n_computed, table = computed(relabelled, Moments())
    assert n_computed == 0
    assert table.clips["label"].tolist() == ["anger", "anger"]


class NamedSource:
    """A source that names its frames, so that they need not be read to be found."""

    reads = 0

    def __init__(self, name):
        self.name = name

    def fingerprint(self):
        return self.name

    def __call__(self):
        NamedSource.reads += 1
        return np.full((5, 6, 7), 8, dtype=np.uint8)


def test_sources_that_name_their_frames_are_not_read_again(computed):
    NamedSource.reads = 0
    clips = [replace(clip, source=NamedSource(clip.name)) for clip in recordings(3)]
    computed(clips, Moments())
    assert NamedSource.reads == 3
    assert computed(clips, Moments())[0] == 0
    assert NamedSource.reads == 3
    other = [replace(clip, source=NamedSource("other")) for clip in clips]
    assert computed(other, Moments())[0] == 3
    nameless = [replace(clip, source=NamedSource(None)) for clip in clips]  # then the frames count
    assert computed(nameless, Moments())[0] == 3
    assert computed(nameless, Moments())[0] == 0


def test_frames_that_have_to_be_read_for_their_name_are_read_once(computed):
    NamedSource.reads = 0
    computed([replace(recordings(1)[0], source=NamedSource(None))], Moments())
    assert NamedSource.reads == 1


def test_synthetic_corpora_of_other_seeds_are_other_clips(computed):
    one, other = (
        make_synthetic_corpus("webcam-25fps", n_clips=3, size=32, random_state=seed)
        for seed in (0, 1)
    )
    assert computed(one, Moments())[0] == 3
    assert computed(other, Moments())[0] == 3
    assert computed(one, Moments())[0] == 0


def spoil(path, how):
    content = path.read_bytes()
    if how == "flipped bit":
        middle = len(content) - 40
        content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    elif how == "truncated":
        content = content[:-1]
    elif how == "empty":
        content = b""
    elif how == "seal alone":
        content = content[-32:]
    elif how == "another clip's":
        content = next(p for p in path.parent.parent.glob("*/*.npy") if p != path).read_bytes()
    path.write_bytes(content)
    if how == "plain npy":
        np.save(path, np.zeros(3))
    elif how == "pickle":
        np.save(path, np.array([print, None], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    "how",
    ["flipped bit", "truncated", "empty", "seal alone", "another clip's", "plain npy", "pickle"],
)
def test_what_is_not_what_was_stored_is_computed_anew(computed, tmp_path, how):
    _, table = computed(corpus(3), Moments())
    spoil(sorted(tmp_path.glob("cache/*/*.npy"))[0], how)
    n_computed, again = computed(corpus(3), Moments())
    assert n_computed == 1
    np.testing.assert_array_equal(again.features, table.features)
    assert computed(corpus(3), Moments())[0] == 0


def test_numpy_reads_the_files(computed, tmp_path):
    _, table = computed(corpus(1), Moments())
    (path,) = tmp_path.glob("cache/*/*.npy")
    assert path.parent.name == path.name[:2]
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), table.features[0])


def test_leavings_of_killed_runs_are_swept(computed, tmp_path):
    computed(corpus(1), Moments())
    (path,) = tmp_path.glob("cache/*/*.npy")
    old, young = (path.with_name(f".{path.name}-{digit * 16}") for digit in "0f")
    foreign = path.with_name(".bashrc-0000000000000000")
    for leaving in (old, young, foreign):
        leaving.write_text("half")
    for leaving in (old, foreign):
        os.utime(leaving, (time.time() - 4000,) * 2)
    computed(corpus(1), Moments())
    assert (old.exists(), young.exists(), foreign.exists()) == (False, True, True)


def test_a_folder_that_cannot_be_used_stops_the_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        extract(corpus(2), Moments(), cache_dir=tmp_path / "file", on_error="record")


def test_a_cache_that_cannot_be_written_to_stops_the_run(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"^cache_dir: could not write .*npy: .*No space left"):
        extract(corpus(2), Moments(), cache_dir=tmp_path, on_error="record")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_has_no_name_is_refused(tmp_path):
    for parameter in (open, FunctionTransformer(len), np.array([None])):
        with pytest.raises(
            ValueError, match=r"^cache_dir: a parameter of the transformer has no name"
        ):
            extract(corpus(2), Moments(weights=parameter), cache_dir=tmp_path)
