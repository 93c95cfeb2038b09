"""What is loaded predicts as what was saved: every descriptor, every method, every step."""

import re
import zipfile
from dataclasses import replace
from inspect import isabstract

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.utils import all_estimators

from cdmer import adaptation, features
from cdmer.adaptation import (
    GFK,
    TCA,
    TGSR,
    DomainStandardizer,
    GridVoting,
    MethodVoting,
    SourceOnly,
)
from cdmer.corpora import FrameFolder, VideoFile
from cdmer.features import (
    LBPTOP,
    ClipDescriptor,
    HellingerMap,
    OpticalFlow,
    PlaneSelector,
    RegionGrid,
)
from cdmer.models import load_model, save_model
from cdmer.models._trust import is_trusted
from cdmer.preprocessing import (
    ApexSpotter,
    CascadeDetector,
    CropAlign,
    Flip,
    MotionMagnification,
    Resize,
    TemporalInterpolation,
    ToGrey,
)

CLASSES = ("negative", "positive", "surprise")
GRID = RegionGrid((1, 2))
DESCRIPTORS = [
    thing
    for name in features.__all__
    if isinstance(thing := getattr(features, name), type)
    and issubclass(thing, ClipDescriptor)
    and not isabstract(thing)
]
METHODS = {
    name: thing()
    for name in adaptation.__all__
    if isinstance(thing := getattr(adaptation, name), type)
    and issubclass(thing, adaptation.AdaptiveClassifier)
    and not isabstract(thing)
} | {
    "SourceOnly(SVC)": SourceOnly(SVC(kernel="rbf", gamma="scale")),
    "SourceOnly(calibrated)": SourceOnly(CalibratedClassifierCV(SVC(), cv=2)),
    "SourceOnly(logistic)": SourceOnly(LogisticRegression(C=0.1)),
    "TGSR(groups)": TGSR(groups=10, n_selected=2),
    "TCA(rbf)": TCA(kernel="rbf", n_components=3),
    "GridVoting": GridVoting(GFK(), {"n_components": range(1, 4)}),
    "GridVoting(TGSR)": GridVoting(TGSR(groups=10), {"mmd_weight": np.array([0.1, 1.0])}),
    "MethodVoting": MethodVoting(
        [SourceOnly(), GFK(n_components=2), GridVoting(TCA(), [{"n_components": [1, 2]}])]
    ),
}


def save_and_load(tmp_path, pipeline, training, **more):
    path = tmp_path / "model.skops"
    model = save_model(path, pipeline, training, class_names=CLASSES, **more)
    assert private_modules(path) == set()
    loaded = load_model(path)
    assert loaded.classes == model.classes
    assert repr(loaded) == repr(model)
    if model.reference is not None:
        assert_array_equal(loaded.reference, model.reference)
    return loaded


def private_modules(path):
    """Private modules of cdmer that a file names: the next move of one would break the file."""
    with zipfile.ZipFile(path) as archive:
        parts = map(archive.read, archive.namelist())
        return {name for part in parts for name in re.findall(rb"cdmer\.(?:\w+\.)*_[\w.]*", part)}


def assert_same(one, other, X):
    assert_array_equal(one.predict(X), other.predict(X))
    for method in ("predict_proba", "decision_function"):
        assert hasattr(one, method) == hasattr(other, method)
        if hasattr(one, method):
            # Arrays are stored row by row: sums over them may run in another order.
            assert_allclose(getattr(one, method)(X), getattr(other, method)(X), rtol=1e-9)


@pytest.fixture(scope="module")
def small(packed):
    """A descriptor of ten regions, few columns, and its rows."""
    describe = LBPTOP(radius=1, n_points=2, grid=RegionGrid((1, 3)))
    return describe, np.asarray(describe.transform(packed[0]))


@pytest.mark.parametrize("kind", DESCRIPTORS)
def test_every_descriptor_comes_back(kind, packed, tmp_path):
    clips = packed[0][6:12]
    describe = kind(grid=GRID)
    rows = np.asarray(describe.transform(clips))
    learnt = TGSR(groups=5, n_selected=2).fit(rows, [0, 1, 2] * 2)
    loaded = save_and_load(tmp_path, make_pipeline(describe, learnt), rows).pipeline
    assert_array_equal(loaded[0].transform(clips[:2]), rows[:2])
    assert_array_equal(loaded.predict(clips[:2]), learnt.predict(rows[:2]))
    expected = learnt.decision_function(rows[:2])
    assert_allclose(loaded.decision_function(clips[:2]), expected, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
@pytest.mark.filterwarnings("ignore:.*ended with a relative residual")
def test_every_method_comes_back_and_takes_one_row(method, small, packed, tmp_path):
    describe, rows = small
    _, y, domain = packed
    learnt = make_pipeline(HellingerMap(), DomainStandardizer(), clone(method))
    names = [name for name, _ in learnt.steps[1:]]
    learnt.fit(rows, y, **{f"{name}__sample_domain": domain for name in names})
    pipeline = make_pipeline(describe, learnt)
    loaded = save_and_load(tmp_path, pipeline, rows, sample_domain=domain).pipeline[1]
    assert_same(loaded, learnt, rows)
    # One new clip is one target row, and gets the class that it gets among others.
    alone = [loaded.predict(row[None])[0] for row in rows]
    assert_array_equal(alone, learnt.predict(rows))


OF_SKLEARN = {
    name: kind
    for name, kind in all_estimators(type_filter=["classifier", "transformer"])
    if is_trusted(f"{kind.__module__}.{name}")
}
NEED_MORE = {
    "BaggingClassifier": BaggingClassifier(SVC(), n_estimators=2, random_state=0),
    "CalibratedClassifierCV": CalibratedClassifierCV(LinearSVC(), cv=2, method="isotonic"),
    "FeatureUnion": FeatureUnion([("a", StandardScaler()), ("b", Nystroem(n_components=4))]),
    "FrozenEstimator": None,
    "IsotonicRegression": None,
    "KernelCenterer": None,
    "LabelBinarizer": None,
    "LabelEncoder": None,
    "NuSVC": NuSVC(nu=0.3),
    "OneVsOneClassifier": OneVsOneClassifier(SVC()),
    "OneVsRestClassifier": OneVsRestClassifier(SVC()),
    "Pipeline": None,
    "QuadraticDiscriminantAnalysis": make_pipeline(PCA(2), QuadraticDiscriminantAnalysis()),
    "RFE": RFE(LinearSVC(), n_features_to_select=20, step=0.5),
    "SelectFromModel": SelectFromModel(LinearSVC()),
}


@pytest.mark.parametrize("name", OF_SKLEARN)
@pytest.mark.filterwarnings("ignore")
def test_estimators_of_scikit_learn_come_back(name, small, packed, tmp_path):
    describe, rows = small
    estimator = NEED_MORE[name] if name in NEED_MORE else OF_SKLEARN[name]()
    if estimator is None:
        pytest.skip("it is a part of others, or takes no rows")
    if not hasattr(estimator, "predict") or name in ("RFE", "SelectFromModel"):
        estimator = make_pipeline(estimator, LogisticRegression())
    estimator.fit(rows, packed[1])
    if name == "SVC":
        estimator = FrozenEstimator(estimator)
    loaded = save_and_load(tmp_path, make_pipeline(describe, estimator), rows)
    assert_same(loaded.pipeline[1], estimator, rows)


def arrays_within(thing):
    """Arrays that an estimator holds, with those of the estimators in it."""
    if isinstance(thing, BaseEstimator):
        thing = list(vars(thing).values())
    elif isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from arrays_within(part)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
@pytest.mark.filterwarnings("ignore")
def test_a_model_says_if_it_keeps_rows(method, small, packed, tmp_path):
    describe, rows = small
    _, y, domain = packed
    learnt = clone(method).fit(rows, y, sample_domain=domain)
    loaded = save_and_load(tmp_path, make_pipeline(describe, learnt), rows, sample_domain=domain)
    numbers = rows[np.abs(rows) > 0.01]  # such as no other array holds by chance
    held = [np.isin(numbers, array).any() for array in arrays_within(learnt) if array.ndim == 2]
    if any(held):
        assert loaded.keeps_training_rows
    # Mapped rows are found by what follows from them: one row per clip, in a machine's memory.
    if not loaded.keeps_training_rows:
        per_row = [a for a in arrays_within(learnt) if a.ndim == 2 and a.dtype.kind == "f"]
        assert not any(len(a) in (9, 18) and a.shape[1] > 3 for a in per_row)
    assert ("keeps rows" in repr(loaded)) == loaded.keeps_training_rows


def test_steps_from_clip_to_clip_come_back(packed, tmp_path):
    clips, y, _ = packed
    pipeline = make_pipeline(
        ToGrey(),
        Resize(56, 56),
        Flip(),
        ApexSpotter("lbp", reference="onset"),
        MotionMagnification.preset("smic"),
        TemporalInterpolation(10),
        features.HOOF(flow=OpticalFlow("farneback", reference="previous"), grid=GRID),
        SourceOnly(),
    ).fit(clips, y)
    loaded = save_and_load(tmp_path, pipeline, clips)
    assert_same(loaded.pipeline, pipeline, clips[:3])
    assert loaded.frame_size == (48, 48)
    assert_array_equal(loaded.reference, pipeline[:-1].transform(clips).mean(axis=0))


@pytest.fixture
def folder(tmp_path):
    """A clip of images in a folder, one in a video file, and the label of neither."""
    faces = np.random.default_rng(0).integers(0, 256, size=(10, 48, 48), dtype=np.uint8)
    names = tuple(f"{i}.png" for i in range(len(faces)))
    video = str(tmp_path / "clip.avi")
    writer = cv2.VideoWriter(video, cv2.VideoWriter_fourcc(*"FFV1"), 25, (48, 48))
    for name, face in zip(names, faces, strict=True):
        cv2.imwrite(str(tmp_path / name), face)
        writer.write(cv2.cvtColor(face, cv2.COLOR_GRAY2BGR))
    writer.release()
    return FrameFolder(str(tmp_path), names), VideoFile(video)


def test_models_fitted_on_files_name_no_private_module(folder, packed, tmp_path):
    clips, y, _ = packed
    known = {"onset": None, "apex": None, "offset": None, "frame_numbers": None}
    read = [replace(clips[0], source=source, **known) for source in folder]
    every = [*read, *Flip().transform(clips[2:])]
    pipeline = make_pipeline(ToGrey(), LBPTOP(radius=1, grid=GRID), SourceOnly()).fit(every, y)
    assert_same(save_and_load(tmp_path, pipeline, every).pipeline, pipeline, every)


def test_a_detector_and_an_overlapping_grid_come_back(fitted, packed, tmp_path):
    crop = CropAlign(CascadeDetector(scale_factor=1.3), height=64, width=48, align=False)
    describe = LBPTOP(radius=1, grid=RegionGrid((1, 2), overlap=0.25))
    rows = fitted[1]
    pipeline = make_pipeline(crop, describe, SourceOnly().fit(rows, packed[1]))
    loaded = save_and_load(tmp_path, pipeline, rows).pipeline
    assert loaded[0].detector == crop.detector
    assert loaded[0].get_params() == crop.get_params()
    assert loaded[1].grid == describe.grid
    assert hash(loaded[1].grid) == hash(describe.grid)


def test_the_label_free_line_comes_back(fitted, packed, tmp_path):
    _, y, domain = packed
    rows = fitted[1]
    planes = features.lbp_top_planes(levels=(1, 2))
    learnt = make_pipeline(
        PlaneSelector(planes),
        HellingerMap(),
        DomainStandardizer(class_balanced=True),
        MethodVoting([SourceOnly(), GridVoting(GFK(), {"n_components": range(1, 3)})]),
    )
    learnt.fit(
        rows, y, domainstandardizer__sample_domain=domain, methodvoting__sample_domain=domain
    )
    loaded = save_and_load(tmp_path, make_pipeline(fitted[0][0], learnt), rows)
    assert_same(loaded.pipeline[1], learnt, rows)
