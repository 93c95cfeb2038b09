"""Classes and scores are the pipeline's own; drops are what occlusion by hand gives."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.adaptation import TGSR, DomainStandardizer, GridVoting, SourceOnly
from cdmer.features import (
    LBPTOP,
    MDMO,
    BiWOOF,
    FlowImages,
    HellingerMap,
    LandmarkRegions,
    RegionGrid,
)
from cdmer.models import FittedModel, plot_prediction, predict_clip
from cdmer.models._fitted import fitted_model
from cdmer.preprocessing import ApexSpotter, TemporalInterpolation

CLASSES = ("negative", "positive", "surprise")


def model_of(classifier, fitted, packed, **parameters):
    """The descriptor of `fitted`, learned steps, and a classifier fitted on the source rows."""
    pipeline, rows = fitted
    _, y, domain = packed
    learnt = make_pipeline(HellingerMap(), DomainStandardizer(), classifier)
    learnt.fit(rows, y, domainstandardizer__sample_domain=domain, **parameters)
    return fitted_model(make_pipeline(pipeline[0], learnt), rows, CLASSES, domain, None), learnt


def occlude_by_hand(row, reference, groups, n_regions):
    for region in range(n_regions):
        changed = row.copy()
        for column in range(len(row)):
            if groups[column] == region:
                changed[column] = reference[column]
        yield changed


@pytest.mark.parametrize("classifier", [SVC(), LogisticRegression()], ids=["scores", "probability"])
def test_drops_equal_occlusion_one_region_at_a_time(classifier, fitted, packed):
    model, learnt = model_of(classifier, fitted, packed)
    clips, rows = packed[0], fitted[1]
    stated = "predict_proba" if hasattr(learnt, "predict_proba") else "decision_function"
    for clip, row in zip(clips[[0, 7, 12]], rows[[0, 7, 12]], strict=True):
        prediction = predict_clip(model, clip)
        scores = getattr(learnt, stated)(row[None])[0]
        code = learnt.predict(row[None])[0]
        assert prediction.label == CLASSES[code]
        assert prediction.classes == CLASSES
        assert prediction.are_probabilities == (stated == "predict_proba")
        assert_allclose(prediction.scores, scores, rtol=1e-9)
        groups = fitted[0][0].feature_groups_
        expected = [
            scores[code] - getattr(learnt, stated)(changed[None])[0][code]
            for changed in occlude_by_hand(row, model.reference, groups, 5)
        ]
        assert np.ptp(expected) > 0
        assert_allclose(prediction.regions.drops, expected, rtol=1e-7, atol=1e-12)


def test_drops_of_a_linear_model_are_its_terms(fitted, packed):
    """With s(x) = x C and no step in between, region g drops (x_g - m_g) C_g; they sum to all."""
    (describe, *_), rows = fitted
    _, y, domain = packed
    tgsr = TGSR(groups=5, n_selected=2).fit(rows, y, sample_domain=domain)
    model = fitted_model(make_pipeline(describe, tgsr), rows, CLASSES, domain, None)
    prediction = predict_clip(model, packed[0][11])
    code = CLASSES.index(prediction.label)
    terms = (rows[11] - rows[domain < 0].mean(axis=0)) * tgsr.coef_[:, code]
    drops = prediction.regions.drops
    assert_allclose(drops, np.bincount(describe.feature_groups_, terms), atol=1e-12)
    reference = tgsr.decision_function(model.reference[None])[0, code]
    assert_allclose(drops.sum(), prediction.scores[code] - reference, atol=1e-12)
    assert_array_equal(drops[tgsr.group_norms_ == 0], 0)


def test_a_clip_that_is_the_reference_loses_nothing(fitted, packed):
    model, _ = model_of(SVC(), fitted, packed)
    drops = predict_clip(replace(model, reference=fitted[1][4]), packed[0][4]).regions.drops
    assert_array_equal(drops, 0)


def test_probabilities_are_stated_ones_only(fitted, packed):
    clip = packed[0][3]
    stated, learnt = model_of(SourceOnly(LogisticRegression()), fitted, packed)
    prediction = predict_clip(stated, clip)
    assert prediction.are_probabilities
    assert_allclose(prediction.scores.sum(), 1)
    assert_allclose(prediction.scores, learnt.predict_proba(fitted[1][3:4])[0], rtol=1e-9)
    assert "\nprobabilities: negative " in str(prediction)
    pipeline, _ = fitted
    given = fitted_model(pipeline, fitted[1], CLASSES, packed[2], None)
    prediction = predict_clip(given, clip)
    assert not prediction.are_probabilities
    assert_allclose(prediction.scores, pipeline.decision_function([clip])[0], rtol=1e-9)
    assert "\nscores (not probabilities): negative " in str(prediction)
    votes = SourceOnly(), GridVoting(TGSR(groups=5), {"n_selected": [1, 2, 3]})
    for vote in votes:
        model, learnt = model_of(vote, fitted, packed)
        scores = predict_clip(model, clip).scores
        assert_allclose(scores, learnt.decision_function(fitted[1][3:4])[0], rtol=1e-9)


def test_two_classes_share_one_decision_function(fitted, packed):
    (describe, *_), rows = fitted
    svc = SVC(kernel="linear").fit(rows, np.where(packed[1] == 0, "neg", "other"))
    model = fitted_model(make_pipeline(describe, svc), rows, None, None, None)
    for i in (0, 8, 9):
        prediction = predict_clip(model, packed[0][i])
        value = svc.decision_function(rows[i : i + 1])[0]
        assert_allclose(prediction.scores, [-value / 2, value / 2], rtol=1e-9)
        assert prediction.label == ("other" if value > 0 else "neg")


def test_clips_are_left_alone_and_arrays_will_do(fitted, packed):
    model, _ = model_of(SVC(), fitted, packed)
    clip = packed[0][0]
    frames = clip.frames
    before = frames.copy()
    of_array, of_clip = predict_clip(model, frames), predict_clip(model, clip)
    assert_array_equal(frames, before)
    assert_array_equal(of_array.scores, of_clip.scores)
    assert_array_equal(of_array.face, frames[len(frames) // 2])
    assert_array_equal(of_clip.face, frames[clip.position("apex")])


def test_steps_before_the_descriptor_are_part_of_it(packed):
    clips, y, _ = packed
    steps = make_pipeline(ApexSpotter(), TemporalInterpolation(8))
    pipeline = make_pipeline(steps, make_pipeline(BiWOOF(grid=RegionGrid((1, 2)))), SVC())
    pipeline.fit(clips, y)
    model = fitted_model(pipeline, clips, CLASSES, None, None)
    assert_allclose(model.reference, pipeline[:-1].transform(clips).mean(axis=0))
    bare = replace(clips[2], apex=None)
    prediction = predict_clip(model, bare)
    assert prediction.clip.apex_spotted_by == "frame-difference"
    assert len(prediction.clip.frames) == 8
    assert_array_equal(prediction.face, prediction.clip.frames[prediction.clip.position("apex")])
    assert_allclose(prediction.scores, pipeline.decision_function([bare])[0], rtol=1e-9)


def test_boxes_lie_inside_the_border_of_the_descriptor(packed):
    clips, y, _ = packed
    pipeline = make_pipeline(LBPTOP(radius=2, grid=RegionGrid((1, 2))), SVC()).fit(clips, y)
    model = fitted_model(pipeline, clips, CLASSES, None, None)
    regions = predict_clip(model, clips[0]).regions
    assert regions.boxes.tolist()[:2] == [[2, 46, 2, 46], [2, 24, 2, 24]]
    assert regions.names == ["l1r0c0", "l2r0c0", "l2r0c1", "l2r1c0", "l2r1c1"]
    positive = [(n, d) for n, d in zip(regions.names, regions.drops, strict=True) if d > 0]
    assert regions.strongest(10) == sorted(positive, key=lambda pair: -pair[1])
    assert len(regions.strongest(1)) == min(1, len(positive))


class Flat(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return np.reshape(X, (len(X), -1))


def test_without_facial_regions_there_is_a_class_and_no_drop(packed):
    clips, y, _ = packed
    pipeline = make_pipeline(FlowImages(size=8), Flat(), SVC()).fit(clips, y)
    model = fitted_model(pipeline, clips, CLASSES, None, None)
    assert model.reference is None
    prediction = predict_clip(model, clips[0])
    assert prediction.regions is None
    assert prediction.label == CLASSES[pipeline.predict(clips[:1])[0]]
    assert "regions: the descriptor has none" in str(prediction)
    with pytest.raises(ValueError, match="prediction: expected regions of a RegionGrid, got none"):
        plot_prediction(prediction)


def landmarker(frame):
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    return 24 + 12 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_regions_at_landmarks_have_drops_too(packed):
    clips, y, _ = packed
    grid = LandmarkRegions(landmarker)
    pipeline = make_pipeline(MDMO(grid=grid), SVC()).fit(clips, y)
    prediction = predict_clip(fitted_model(pipeline, clips, CLASSES, None, None), clips[0])
    assert prediction.regions.drops.shape == (36,)
    assert_array_equal(prediction.regions.boxes, grid.place(clips[0].frames))
    with pytest.raises(ValueError, match="expected regions of a RegionGrid, got LandmarkRegions"):
        plot_prediction(prediction)


def test_wrong_input_is_named(fitted, packed):
    model, _ = model_of(SVC(), fitted, packed)
    clip = packed[0][0]
    with pytest.raises(TypeError, match="model: expected a FittedModel, got Pipeline"):
        predict_clip(fitted[0], clip)
    with pytest.raises(TypeError, match="expected a Clip or an array"):
        predict_clip(model, [clip])
    with pytest.raises(TypeError, match="clip 0: expected a Clip or an array"):
        predict_clip(model, None)
    with pytest.raises(TypeError, match="clip 0: expected frames of dtype uint8, got float64"):
        predict_clip(model, np.zeros((5, 48, 48)))
    with pytest.raises(ValueError, match=f"clip {clip.key!r}: got 2 frames"):
        predict_clip(model, replace(clip, source=clip.frames[:2], frame_numbers=None))
    with pytest.raises(ValueError, match="expected grey frames"):
        predict_clip(model, np.zeros((9, 48, 48, 3), np.uint8))
    clips, y, _ = packed
    woof = make_pipeline(BiWOOF(grid=RegionGrid((2,))), SVC()).fit(clips, y)
    with pytest.raises(ValueError, match=f"clip {clip.key!r}: has no apex"):
        predict_clip(FittedModel(woof, CLASSES, np.zeros(32)), replace(clip, apex=None))
