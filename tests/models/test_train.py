"""Training on one's own recordings: honest scores, and predictions that are what was fitted."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cdmer.corpora import Clip, Corpus, load_manifest, make_synthetic_corpus
from cdmer.evaluation import WithinCorpusLOSO, benchmark
from cdmer.extraction import FeatureTable, extract
from cdmer.features import HOOF, LBPTOP, RegionGrid
from cdmer.models import load_model, predict_clip, train_model
from cdmer.models._learners import list_learners, make_learner
from cdmer.preprocessing import CropAlign, Preparation

LBP = LBPTOP(radius=1, grid=RegionGrid((1, 2)))
AS_IS = Preparation()


def drawn(preset="webcam-25fps", n_clips=12, n_subjects=4, **options):
    corpus = make_synthetic_corpus(
        preset, n_clips=n_clips, n_subjects=n_subjects, random_state=0, **options
    )
    return Corpus([replace(clip, source=clip.frames) for clip in corpus], corpus.name)


def on_canvas(frames, top=60, left=70):
    """A face in a larger picture, as a camera sees it."""
    canvas = np.full((len(frames), 240, 260), 90, dtype=np.uint8)
    height, width = frames.shape[1:]
    canvas[:, top : top + height, left : left + width] = frames
    return canvas


def write_video(path, frames):
    height, width = frames.shape[1:]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (width, height))
    for frame in frames:
        video.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    video.release()


def write_folder(path, frames):
    path.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(f"{path}/{number}.png", frame)


def written(folder, corpus, write, suffix=""):
    rows = ["path,subject,label"]
    for i, clip in enumerate(corpus):
        write(folder / f"{i}{suffix}", np.asarray(clip.frames))
        rows.append(f"{i}{suffix},{clip.subject},{clip.label}")
    (folder / "own.csv").write_text("\n".join(rows))
    return load_manifest(folder / "own.csv")


@pytest.fixture(scope="module")
def lab():
    return drawn()


@pytest.fixture(scope="module")
def seen_by_camera():
    corpus = drawn(n_clips=15, n_subjects=5)
    clips = [replace(clip, source=on_canvas(clip.frames)) for clip in corpus]
    return Corpus(clips, "camera")


@pytest.fixture(params=["drawn", "videos", "folders"])
def kept_as(request, tmp_path):
    """Make a corpus of arrays one of files."""

    def keep(corpus):
        if request.param == "videos":
            return written(tmp_path, corpus, write_video, ".avi")
        if request.param == "folders":
            return written(tmp_path, corpus, write_folder)
        return corpus

    return keep


def check_predictions(trained, corpus, descriptor, path):
    """Ask the saved model about the clips it was trained on; refit by hand beside it."""
    table = extract(corpus, descriptor, preparation=trained.model.preparation, on_error="record")
    y = np.searchsorted(trained.model.classes, table.clips["label"].astype(str))
    learner = make_learner("svm", descriptor, None).set_params(linearsvc__random_state=0)
    scores = learner.fit(table.features, y).decision_function(table.features)
    trained.save(path)
    model = load_model(path)
    clips = {clip.key: clip for clip in corpus}
    asked = [predict_clip(model, clips[key]) for key in table.clips["key"]]
    answered = [one.reason is None for one in asked]
    assert np.mean(answered) > 0.8
    for one, expected in zip(asked, scores, strict=True):
        if one.reason is None:
            np.testing.assert_allclose(
                one.scores, model.calibration.apply(expected[None])[0], rtol=1e-6
            )
            assert one.label == model.classes[expected.argmax()]
    return model


def test_predictions_for_training_clips_are_those_of_the_refit(lab, kept_as, tmp_path):
    corpus = kept_as(lab)
    trained = train_model(corpus, LBP, progress=False)
    assert not trained.model.preparation.crop
    assert "faces are not cut out: in 0 of 8 clips" in trained.notes[0]
    model = check_predictions(trained, corpus, LBP, tmp_path / "model.skops")
    # The fault that this is about: no crop in training, none in prediction.
    assert not any(isinstance(step, CropAlign) for _, step in model.pipeline.steps)
    assert model.frame_size == (112, 112)


def test_faces_that_are_small_in_their_frames_are_cut_out_here_and_there(
    seen_by_camera, kept_as, tmp_path
):
    corpus = kept_as(seen_by_camera)
    trained = train_model(corpus, LBP, preparation={"size": 64}, progress=False)
    assert trained.model.preparation == Preparation(crop=True, size=64)
    assert "faces are cut out: in" in trained.notes[0]
    model = check_predictions(trained, corpus, LBP, tmp_path / "model.skops")
    assert model.preparation == trained.model.preparation
    assert isinstance(model.pipeline.steps[0][1], CropAlign)


def test_the_scores_are_those_of_a_benchmark_that_leaves_one_person_out(lab):
    trained = train_model(lab, LBP, preparation=AS_IS, progress=False)
    learner = make_learner("svm", LBP, None).set_params(linearsvc__random_state=0)
    expected = benchmark(
        {"LinearSVC": learner}, [lab], WithinCorpusLOSO(), descriptor=LBP, progress=False
    )
    found = trained.results.predictions.set_index("clip")["y_pred"].astype(str)
    other = expected.predictions.set_index("clip")["y_pred"].astype(str)
    assert (found.sort_index() == other.sort_index()).all()
    about = trained.model.evaluation
    for metric in ("UF1", "UAR", "WAR"):
        score = expected.scores(metrics=[metric])[metric].item()
        assert about["scores"][metric]["score"] == pytest.approx(score)
        assert about["scores"][metric]["low"] <= score <= about["scores"][metric]["high"]
    assert about["confusion"] == expected.confusion("LinearSVC").tolist()
    assert (about["left out"], about["n_clips"], about["n_people"]) == (
        "one person at a time",
        12,
        4,
    )
    assert json.loads(json.dumps(about)) == about
    assert not any(clip.subject in json.dumps(about) for clip in lab)


def test_the_calibration_is_of_clips_of_people_left_out(lab):
    trained = train_model(lab, LBP, preparation=AS_IS, progress=False)
    calibration = trained.model.calibration
    assert (calibration.n_clips, calibration.n_people) == (12, 4)
    assert not calibration.of_probabilities
    stated = train_model(lab, LBP, "logistic", preparation=AS_IS, progress=False)
    assert stated.model.calibration.of_probabilities


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        ([""], "people are unknown: clips of one person may be"),
        (["", "a", "b", "c", "d", "e"], "people of 2 of 12 clips are unknown"),
        (["ann"], "all clips show one person"),
    ],
)
def test_without_people_parts_of_the_clips_are_left_out_and_it_is_told(lab, subjects, message):
    clips = [
        replace(c, subject=subjects[i % len(subjects)], name=f"c{i}") for i, c in enumerate(lab)
    ]
    trained = train_model(Corpus(clips, "own"), LBP, preparation=AS_IS, n_folds=4, progress=False)
    about = trained.model.evaluation
    assert about["left out"] == "one of 4 parts of the clips at a time"
    assert message in about["doubt"]
    assert about["doubt"] in trained.notes
    tested = trained.results.predictions
    assert sorted(tested["clip"]) == sorted(clip.key for clip in clips)
    assert tested["fold"].nunique() == 4


def test_several_corpora_are_pooled():
    corpora = [drawn(n_clips=6, n_subjects=2), drawn("nir-25fps", 6, 2)]
    trained = train_model(Corpus.concat(corpora, "both"), LBP, preparation=AS_IS, progress=False)
    assert trained.model.evaluation["protocol"] == "CompositeLOSO()"
    assert trained.model.evaluation["n_people"] == 4
    assert trained.model.sources == {"webcam-25fps": 6, "nir-25fps": 6}


def without_labels(corpus, labels):
    return Corpus([replace(c, label=labels(i)) for i, c in enumerate(corpus)], corpus.name)


@pytest.mark.parametrize(
    ("method", "descriptor"),
    [
        pytest.param(None, LBPTOP(radius=1, grid=RegionGrid((1,))), marks=pytest.mark.slow),
        ("tca", LBP),
        ("TGSR", LBP),
    ],
)
def test_target_clips_are_adapted_to_and_their_labels_are_never_read(method, descriptor, tmp_path):
    lab, target = drawn(n_subjects=2), drawn("nir-25fps", 6, 2)
    contents = set()
    for i, labels in enumerate([lambda i: None, lambda i: lab[i].label]):
        trained = train_model(
            lab,
            descriptor,
            method,
            preparation=AS_IS,
            target=without_labels(target, labels),
            progress=False,
        )
        trained.save(tmp_path / f"{i}.skops")
        model = load_model(tmp_path / f"{i}.skops")
        contents.add(str([predict_clip(model, clip).scores for clip in lab[:4]]))
        contents.add(str(trained.results.predictions["y_pred"].tolist()))
    assert len(contents) == 2
    assert model.targets == {"nir-25fps": 6}
    assert model.evaluation["n_unlabelled"] == 6
    assert trained.results.predictions["corpus"].unique().tolist() == ["webcam-25fps"]
    assert all(len(fold) for fold in trained.results.jobs["n_clips"].to_numpy()[:, None])


def test_a_target_of_the_same_name_is_another_corpus(lab):
    target = [
        replace(clip, name=f"new{i}") for i, clip in enumerate(drawn(n_clips=6, n_subjects=2))
    ]
    trained = train_model(
        lab, LBP, "CORAL", preparation=AS_IS, target=Corpus(target, lab.name), progress=False
    )
    assert trained.model.targets == {"webcam-25fps (target)": 6}
    said = "2 of the people are in the target, too: their clips there are seen without labels"
    assert trained.model.evaluation["doubt"].startswith(said)
    assert any(note.startswith(said) for note in trained.notes)
    assert trained.model.evaluation["n_clips"] == len(lab)


class Broken:
    def __call__(self):
        raise OSError("the disk is gone")


def test_clips_that_fail_are_listed_and_left_out(lab):
    clips = [replace(lab[0], source=Broken()), *lab[1:]]
    trained = train_model(Corpus(clips, lab.name), LBP, preparation=AS_IS, progress=False)
    assert trained.failures["key"].tolist() == [lab[0].key]
    assert "the disk is gone" in trained.failures["message"][0]
    assert trained.model.evaluation["n_clips"] == 11
    assert trained.model.sources == {lab.name: 11}


def test_clips_without_a_label_are_left_out_and_told(lab):
    clips = [replace(lab[0], label=None), *lab[1:]]
    trained = train_model(Corpus(clips, lab.name), LBP, preparation=AS_IS, progress=False)
    assert "1 clip without a label are left out" in trained.notes[0]
    assert trained.model.evaluation["n_clips"] == 11


def test_labels_of_ones_own_are_the_classes(lab):
    names = {"negative": "Pain", "positive": "rest", "surprise": "rest"}
    clips = [replace(clip, label=names[clip.label]) for clip in lab]
    trained = train_model(Corpus(clips, "own"), LBP, preparation=AS_IS, progress=False)
    assert trained.model.classes == ("Pain", "rest")
    assert trained.model.evaluation["scheme"] == "labels"
    assert train_model(lab, LBP, preparation=AS_IS, progress=False).model.evaluation["scheme"] == (
        "three"
    )


def test_flow_on_ones_own_recordings_is_registered_and_finds_apexes(lab):
    trained = train_model(lab, "bi-woof", progress=False)
    assert trained.model.preparation == Preparation(register="rigid", spot="flow")
    trained = train_model(lab[:8], HOOF(), preparation={"register": None}, progress=False)
    assert trained.model.preparation == Preparation()


def labelled(corpus, labels):
    return Corpus([replace(c, label=one) for c, one in zip(corpus, labels, strict=True)], "own")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda c: labelled(c, [None] * 12),
            {},
            "corpus: expected clips with labels, got 12 clips",
        ),
        (
            lambda c: labelled(c, ["a"] * 12),
            {},
            "expected clips of two classes or more, got 'a' 12",
        ),
        (
            lambda c: labelled(c, ["a"] * 11 + ["b"]),
            {},
            "expected two clips or more of each class, got 'a' 11, 'b' 1; record more of 'b'",
        ),
        (
            lambda c: labelled(c, ["a", "b"] * 6),
            {"scheme": "three"},
            "expects one of .*; scheme 'labels' takes labels as they are",
        ),
        (None, {"scheme": "action-units"}, "scheme: expected one of a class per clip"),
        (
            lambda c: Corpus([replace(one, source=Broken()) for one in c], "own"),
            {},
            "corpus: no clip can be read; the last: the disk is gone",
        ),
        (
            lambda c: Corpus([replace(one, source=Broken()) for one in c], "own"),
            {"preparation": {"crop": True}},
            "none of 12 clips could be described; first .*the disk is gone",
        ),
        (
            lambda c: Corpus([c[0], *[replace(o, source=o.frames[:, 8:]) for o in c[1:]]], "own"),
            {},
            r"expected frames of one size .*, got 104 x 112 \(11 clips, such as .*cut faces out",
        ),
        (None, {"classifier": "svn"}, "classifier: unknown method 'svn'; did you mean 'svm'"),
        (None, {"classifier": "TCA"}, "target: TCA adapts to clips without labels, expected some"),
        (None, {"classifier": SVC(), "target": "nir"}, "target: SVC does not adapt to clips"),
        (
            None,
            {"target": "same"},
            "target: expected clips that are not in the corpus, got 12 clips",
        ),
        (
            None,
            {"preparation": {"crops": 1}},
            "preparation: unknown field 'crops'; did you mean 'crop'",
        ),
        (None, {"preparation": True}, "preparation: expected a Preparation, a dict"),
        (None, {"n_folds": 1}, "n_folds: expected"),
        (None, {"descriptor": "lbp"}, "descriptor: expected one of"),
    ],
)
def test_what_cannot_be_trained_says_what_to_do(lab, change, options, message):
    corpus = lab if change is None else change(lab)
    targets = {"nir": drawn("nir-25fps", 6, 2), "same": lab}
    options = {"descriptor": LBP, "preparation": {"crop": False}} | options
    if "target" in options:
        options["target"] = targets[options["target"]]
    with pytest.raises((ValueError, TypeError), match=message) as refusal:
        train_model(corpus, progress=False, **options)
    assert "\n" not in str(refusal.value)


def test_a_fold_without_a_class_is_told_and_the_rest_counts():
    """One person alone shows the second class: who is left out then cannot be learnt from."""
    clips = [
        Clip(frames, name=f"c{i}", subject=who, corpus="own", label=label)
        for i, (who, label, frames) in enumerate(
            (who, label, drawn(n_clips=6)[i % 6].frames)
            for i, (who, label) in enumerate([("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")] * 2)
        )
    ]
    trained = train_model(Corpus(clips, "own"), LBP, preparation=AS_IS, progress=False)
    assert any("1 fold could not be fitted" in note for note in trained.notes)
    assert trained.model.evaluation["n_clips"] == 6


def test_every_method_of_a_name_can_be_made():
    table = FeatureTable.from_arrays(np.eye(4), ["a", "b"] * 2)
    for name in list_learners():
        assert clone(make_learner(name, HOOF(), None)) is not None
        assert make_learner(name.upper(), HOOF(), None) is not None
    assert {"svm", "label-free", "TCA", "CORAL", "TGSR"} <= set(list_learners())
    assert len(table.features) == 4


def test_a_pipeline_of_ones_own(lab):
    own = make_pipeline(SVC(kernel="linear"))
    trained = train_model(lab, LBP, own, preparation=AS_IS, progress=False)
    assert trained.model.evaluation["method"] == "SVC"
    assert repr(trained).startswith("TrainedModel(FittedModel(negative, positive, surprise")


def test_training_clips_that_the_model_would_not_answer_are_told(lab):
    still = lab[3]
    frames = np.repeat(still.frames[:1], len(still.frames), axis=0)
    corpus = Corpus([*lab[:3], replace(still, source=frames), *lab[4:]], lab.name)
    trained = train_model(corpus, LBP, preparation=AS_IS, progress=False)
    [told] = [note for note in trained.notes if "would get no class" in note]
    assert told.startswith("1 of 12 clips would get no class of the model, though they count")
    assert f"first {still.key!r}: no movement (" in told
    assert predict_clip(trained.model, corpus[3]).reason == "no movement"
    assert not [n for n in train_model(lab, LBP, preparation=AS_IS).notes if "no class" in n]
