import os
import tracemalloc
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pytest
from counted import Gives, Moments, Stateless, Unreadable, corpus, recordings
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from threadpoolctl import threadpool_info, threadpool_limits

from cdmer._parameters import ParameterError
from cdmer.corpora import Clip, Corpus, make_synthetic_corpus
from cdmer.extraction import FeatureTable, extract
from cdmer.features import LBPTOP, FlowImages, RegionGrid
from cdmer.preprocessing import CropAlign, Face, SeveralFacesWarning

DESCRIPTOR = LBPTOP(radius=1, n_points=4, grid=RegionGrid((1, 2)))


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(
    ("backend", "n_jobs"),
    [
        ("loky", None),
        ("loky", 1),
        ("loky", 2),
        ("threading", 3),
        ("multiprocessing", 2),
        ("sequential", None),
    ],
)
def test_rows_are_those_of_transform_in_the_order_of_the_corpus(backend, n_jobs, cached, tmp_path):
    clips = corpus()
    with joblib.parallel_config(backend=backend):
        table = extract(clips, DESCRIPTOR, n_jobs=n_jobs, cache_dir=tmp_path if cached else None)
    np.testing.assert_array_equal(table.features, DESCRIPTOR.transform(clips))
    assert table.features.dtype == np.float64
    assert table.clips["key"].tolist() == [clip.key for clip in clips]
    assert len(table.failures) == 0


def test_columns_are_those_of_the_descriptor():
    table = extract(corpus(3), DESCRIPTOR)
    fitted = DESCRIPTOR.fit()
    assert table.feature_names.tolist() == fitted.get_feature_names_out().tolist()
    np.testing.assert_array_equal(table.feature_groups, fitted.feature_groups_)
    assert table.corpus == "lab"
    assert table.transformer == (
        "LBPTOP(device=None, grid=RegionGrid(levels=(1, 2), overlap=0), interpolation='bilinear', "
        "n_points=4, radius=1, uniform=True)"
    )
    assert repr(table) == "FeatureTable('lab', 3 clips, 225 features)"


def test_the_table_tells_what_is_known_about_the_clips():
    clips = corpus(6, "casme2")
    table = extract(clips, Moments())
    assert table.clips["name"].tolist() == ["c0", "c1", "c2", "c3", "c4", "c5"]
    assert table.clips["subject"].tolist() == ["s0", "s1", "s2"] * 2
    assert table.clips["action_units"].tolist() == ["", "L12B", "L12B+6"] * 2
    assert table.clips["apex"].isna().tolist() == [True, False] * 3
    assert table.clips["apex"].dtype == "Int64"
    assert table.clips["fps"].isna().sum() == 2
    assert table.clips["apex_spotted_by"].tolist() == [None] * 6
    assert table.feature_names.tolist() == ["moments0", "moments1", "moments2"]
    assert table.feature_groups is None
    assert table.labels("cdmer-130") == clips.labels("cdmer-130")
    assert table.labels("cdmer-130")[:4] == ["positive", "negative", "surprise", None]


def test_sequences_of_clips_may_come_from_several_corpora():
    clips = recordings(2, "lab") + recordings(2, "field")
    table = extract(clips, Moments())
    assert table.corpus is None
    assert table.clips["corpus"].tolist() == ["lab", "lab", "field", "field"]
    assert extract(np.array(clips[:2], dtype=object), Moments()).corpus == "lab"


def test_pipelines_of_preprocessing_descriptor_and_rows():
    from cdmer.preprocessing import TemporalInterpolation

    clips = corpus(4)
    steps = TemporalInterpolation(6), DESCRIPTOR, "passthrough", Normalizer()
    table = extract(clips, make_pipeline(*steps), n_jobs=2)
    expected = DESCRIPTOR.transform(steps[0].transform(clips))
    np.testing.assert_array_equal(table.features, Normalizer().transform(expected))
    assert table.feature_names.tolist() == DESCRIPTOR.get_feature_names_out().tolist()
    np.testing.assert_array_equal(table.feature_groups, DESCRIPTOR.fit().feature_groups_)
    assert table.transformer.startswith("TemporalInterpolation(n_frames=6) → LBPTOP(")
    assert table.transformer.endswith(" → Normalizer(copy=True, norm='l2')")
    assert table.clips["offset"].tolist() == [6] * 4  # as annotated, not of the six frames


def test_regions_follow_the_names_of_columns():
    class FirstHalf(Stateless):
        def transform(self, X):
            return X[:, : X.shape[1] // 2]

        def get_feature_names_out(self, names):
            return names[: len(names) // 2]

    table = extract(corpus(2), make_pipeline(DESCRIPTOR, FirstHalf()))
    np.testing.assert_array_equal(table.feature_groups, DESCRIPTOR.fit().feature_groups_[:112])


@pytest.mark.parametrize(
    "step", [StandardScaler(), PCA(2), make_pipeline(Normalizer(), StandardScaler())]
)
def test_what_learns_from_clips_is_refused(step):
    with pytest.raises(ValueError, match=r"^transformer: (PCA|StandardScaler) has to be fitted"):
        extract(corpus(3), make_pipeline(DESCRIPTOR, step))


def test_functions_have_no_name_in_a_cache(tmp_path):
    transformer = FunctionTransformer(lambda X: np.array([[c.frames.mean()] for c in X]))
    table = extract(corpus(3), transformer)
    assert "<lambda>" in table.transformer
    assert " at 0x" not in table.transformer
    with pytest.raises(ValueError, match=r"cache_dir: a parameter of the transformer has no name"):
        extract(corpus(3), transformer, cache_dir=tmp_path)


def spoilt():
    """Good clips, among them a file that is gone, a clip of one frame, and one of colours."""
    clips = recordings(7)
    clips[2] = replace(clips[2], source=Unreadable("/gone/c2.avi"))
    clips[4] = replace(clips[4], source=clips[4].source[:1])
    clips[5] = replace(clips[5], source=np.zeros((9, 12, 10, 3), dtype=np.uint8))
    return clips


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("cached", [False, True])
def test_bad_clips_are_recorded_and_counted(n_jobs, cached, tmp_path):
    cache = tmp_path if cached else None
    with pytest.warns(UserWarning, match=r"^3 of 7 clips could not .* first clip 'lab/s2/c2': "):
        table = extract(spoilt(), DESCRIPTOR, n_jobs=n_jobs, on_error="record", cache_dir=cache)
    good = [clip for i, clip in enumerate(recordings(7)) if i not in (2, 4, 5)]
    np.testing.assert_array_equal(table.features, DESCRIPTOR.transform(good))
    assert table.clips["name"].tolist() == ["c0", "c1", "c3", "c6"]
    assert table.failures["key"].tolist() == ["lab/s2/c2", "lab/s1/c4", "lab/s2/c5"]
    assert table.failures["error"].tolist() == ["FileNotFoundError", "ValueError", "ValueError"]
    gone, short, colour = table.failures["message"]
    assert gone == (
        "clip 'lab/s2/c2': FileNotFoundError: [Errno 2] No such file or directory: 'c2.avi'"
    )
    assert short.startswith("clip 'lab/s1/c4': got 1 frame of 12 x 10 pixels")
    assert "colour frames" in colour
    assert repr(table) == "FeatureTable('lab', 4 clips, 225 features, 3 failed)"
    assert len(list(tmp_path.glob("*/*.npy"))) == 4 * cached  # failures are not kept


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_first_failure_in_the_corpus_order_is_raised(n_jobs, tmp_path):
    with pytest.raises(ValueError, match=r"^clip 'lab/s2/c2': FileNotFoundError") as caught:
        extract(spoilt(), DESCRIPTOR, n_jobs=n_jobs, cache_dir=tmp_path)
    assert "in __call__" in caught.value.__notes__[0]  # where, though it was in another process
    assert len(list(tmp_path.glob("*/*.npy"))) >= 2  # what came before it is kept


def test_no_clip_left():
    clips = [replace(clip, source=Unreadable("x.avi")) for clip in recordings(3)]
    with pytest.raises(ValueError, match=r"^none of 3 clips could be described; first clip 'lab"):
        extract(clips, DESCRIPTOR, on_error="record")


def out_of_memory(clip):
    raise MemoryError("no room")


def without_library(clip):
    raise ImportError("no cv2 here")


def stopped(clip):
    raise KeyboardInterrupt


def wrapped(clip):
    try:
        out_of_memory(clip)
    except MemoryError as error:
        raise RuntimeError("step failed") from error


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (out_of_memory, MemoryError),
        (without_library, ImportError),
        (stopped, KeyboardInterrupt),
        (wrapped, RuntimeError),
    ],
)
def test_what_no_clip_is_to_blame_for_is_never_recorded(function, error):
    with pytest.raises(error):
        extract(corpus(3), Gives(function), on_error="record")


def test_bad_parameters_are_found_before_any_clip_is_read():
    clips = [replace(clip, source=Unreadable("x.avi")) for clip in recordings(3)]
    with pytest.raises(ParameterError, match=r"radius: expected a whole number"):
        extract(clips, LBPTOP(radius=0.5), on_error="record")


def row_of_nan(clip):
    return np.array([1.0, np.nan, np.inf])


def picture(clip):
    return clip.frames[0]


def number(clip):
    return np.float64(3)


def as_many_as_frames(clip):
    return np.zeros(len(clip.frames))


class Misnamed(Moments):
    def get_feature_names_out(self, input_features=None):
        return np.array(["one", "two"], dtype=object)


def test_pictures_are_flattened():
    clips = corpus(3)
    table = extract(clips, Gives(picture))
    expected = np.array([clip.frames[0] for clip in clips], dtype=float)
    np.testing.assert_array_equal(table.features.reshape(3, 12, 10), expected)
    flow = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    pictures = FlowImages().fit_transform(flow)
    np.testing.assert_array_equal(
        extract(flow, FlowImages()).features.reshape(pictures.shape), pictures
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((corpus(3), Gives(row_of_nan)), ValueError, "lab/s0/c0': 2 of its 3 features are NaN or"),
        ((corpus(3), Gives(number)), ParameterError, r"one row of numbers .* shape \(1,\)"),
        ((corpus(3), Gives(as_many_as_frames)), ValueError, "gave 8 features for clip 'lab/s1/c1'"),
        ((corpus(3), Misnamed()), ValueError, "Misnamed names 2 columns and gives 3"),
        ((corpus(3), LBPTOP), TypeError, "transformer: expected a transformer of clips"),
        ((corpus(3), "lbp-top"), TypeError, "transformer: expected .* got 'lbp-top'"),
        ((corpus(3), make_pipeline("passthrough")), ValueError, "pipeline without steps"),
        ((corpus(1)[0], DESCRIPTOR), TypeError, "corpus: expected .* got one Clip"),
        ((None, DESCRIPTOR), TypeError, "corpus: expected .* got one NoneType"),
        (([], DESCRIPTOR), ValueError, "got none"),
        ((recordings(2) * 2, DESCRIPTOR), ValueError, "'lab/s0/c0' occurs twice"),
        (([np.zeros((9, 9, 9), np.uint8)], DESCRIPTOR), TypeError, "expected Clip objects"),
    ],
)
def test_errors_name_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        extract(*arguments)


def test_on_error_is_one_of_two():
    with pytest.raises(ParameterError, match=r"on_error: expected one of \('raise', 'record'\)"):
        extract(corpus(2), DESCRIPTOR, on_error="ignore")


def blas_threads(clip):
    return np.array([i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"])


@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 1), ("loky", 2), ("threading", 2)])
def test_one_blas_thread_in_the_call_and_as_many_as_before_after_it(backend, n_jobs):
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads(None)
        assert (before == 2).all()
        with joblib.parallel_config(backend=backend):
            table = extract(corpus(4), Gives(blas_threads), n_jobs=n_jobs)
        assert (table.features == 1).all()
        np.testing.assert_array_equal(blas_threads(None), before)


def cv2_threads(clip):
    import cv2

    return np.array([cv2.getNumThreads()])


def test_one_opencv_thread_in_the_call():
    import cv2

    before = cv2.getNumThreads()
    assert (extract(corpus(4), Gives(cv2_threads)).features == 1).all()
    assert cv2.getNumThreads() == before


def test_nothing_is_said_off_terminals(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extract(corpus(4), DESCRIPTOR, n_jobs=2)
    assert capfd.readouterr() == ("", "")
    extract(corpus(4), DESCRIPTOR, progress=True)
    assert "4/4" in capfd.readouterr().err


def test_inputs_stay_as_they_are():
    clips = corpus(3)
    before = [clip.frames.copy() for clip in clips]
    descriptor = LBPTOP(radius=1, grid=RegionGrid((1,)))
    extract(clips, descriptor)
    assert not hasattr(descriptor, "grid_")
    for clip, frames in zip(clips, before, strict=True):
        np.testing.assert_array_equal(clip.frames, frames)


class Noise:
    """A source of many frames; nobody else holds them."""

    def __init__(self, seed):
        self.seed = seed

    def __call__(self):
        return np.random.default_rng(self.seed).integers(0, 256, (64, 250, 250), dtype=np.uint8)


def first_pixels(clip):
    return clip.frames.ravel()[:50_000].astype(float)


@pytest.mark.parametrize("cached", [False, True])
def test_memory_holds_the_table_and_one_clip(cached, tmp_path):
    n_clips, clip_bytes, row_bytes = 40, 64 * 250**2, 50_000 * 8
    clips = Corpus([Clip(Noise(i), f"c{i}", "s", "lab") for i in range(n_clips)], "lab")
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Functions have no name in a cache: the content of the frames is hashed there, too.
            transformer = FirstPixels() if cached else Gives(first_pixels)
            table = extract(clips, transformer, cache_dir=tmp_path if cached else None)
        in_extract = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        table.save(tmp_path / "table.npz")
        in_save = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(table, FeatureTable)
    one_clip = (6 if cached else 2) * clip_bytes  # copies that hashing makes
    assert in_extract < n_clips * row_bytes + one_clip + 10 * row_bytes + 2e7
    assert in_extract < n_clips * clip_bytes / 2
    assert in_save < n_clips * row_bytes + 2**24 + 2e7  # numpy writes pieces of 16 MiB


class FirstPixels(Stateless):
    def transform(self, X):
        return np.stack([first_pixels(clip) for clip in X])


def test_synthetic_clips_do_not_travel_as_frames():
    """What a worker is sent for a lazy clip is a description of it."""
    import pickle

    clips = make_synthetic_corpus("webcam-25fps", n_clips=3, random_state=0)
    assert len(pickle.dumps(clips[0])) < 10_000 < clips[0].frames.nbytes


def process_id(clip):
    return np.array([os.getpid()])


def test_processes_by_default():
    workers = set(extract(corpus(8), Gives(process_id), n_jobs=2).features.ravel())
    assert os.getpid() not in workers


def two_faces(frame):
    return [Face(0, 40, 0, 40, 1), Face(0, 39, 20, 60, 1)]


@pytest.mark.parametrize(("backend", "n_jobs"), [("loky", 2), ("threading", 2), ("loky", None)])
def test_several_faces_are_told_once_wherever_clips_are_worked_on(backend, n_jobs, capfd):
    clips, crop = corpus(5), CropAlign(two_faces, 32, 32)
    with warnings.catch_warnings(record=True) as caught, joblib.parallel_config(backend=backend):
        warnings.simplefilter("always")
        extract(clips, make_pipeline(crop, DESCRIPTOR), n_jobs=n_jobs)
    [told] = [str(one.message) for one in caught if one.category is SeveralFacesWarning]
    assert told.startswith(
        f"clip {clips[0].key!r}: 2 faces; taken: the largest one, around pixel 20,"
    )
    assert told.endswith("; and 4 more clips alike")
    assert capfd.readouterr().err == ""
