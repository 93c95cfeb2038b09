"""What scikit-learn and the runner ask of an estimator; its checks cannot be fed with clips."""

import inspect
import pickle
import sys

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from cdmer.adaptation import SourceOnly
from cdmer.corpora import Clip, Corpus, get_scheme, make_synthetic_corpus, pack
from cdmer.evaluation import CDMERPairs, Results, WithinCorpusLOSO, benchmark
from cdmer.features import LBPTOP, RegionGrid
from cdmer.preprocessing import Resize
from cdmer.zero_shot import EndpointError, VisionLanguageActionUnits, VisionLanguageClassifier

URL = "http://localhost:1/v1"
CODES = [0, 1, 2, 1, 0, 2]
KINDS = [VisionLanguageClassifier, VisionLanguageActionUnits]


class Unread:
    """A source whose frames nobody may read."""

    def __call__(self):
        raise AssertionError("frames were read")


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_kept_as_they_are(kind):
    marks = {name: object() for name in inspect.signature(kind).parameters}
    model = kind(**marks)
    assert model.get_params() == marks
    assert {k: v for k, v in vars(model).items() if k in marks} == marks
    copy = clone(
        kind("model", URL, class_names=("AU1", "AU2"), cache_dir="folder", frames=("apex",))
    )
    assert copy.get_params()["frames"] == ("apex",)
    assert repr(copy).startswith(kind.__name__)
    assert is_classifier(copy)
    assert get_tags(copy).classifier_tags.multi_label == (kind is VisionLanguageActionUnits)


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_was_fitted_predicts(kind):
    with pytest.raises(NotFittedError):
        kind("model", URL).predict([])
    with pytest.raises(NotFittedError):
        kind("model", URL).ask([])


def test_fit_learns_the_class_list_and_reads_no_frame():
    clips = [Clip(Unread(), f"c{i}", "s", "lab") for i in range(4)]
    by_code = VisionLanguageClassifier("model", URL, class_names="three").fit(clips, [2, 0, 2, 0])
    assert by_code.classes_.tolist() == [0, 1, 2]  # class 1 exists, though nobody shows it
    assert by_code.class_names_ == get_scheme("three").classes
    by_name = VisionLanguageClassifier("model", URL).fit(clips, ["up", "down", "up", "a"])
    assert by_name.classes_.tolist() == ["a", "down", "up"]
    order = ("up", "down", "a")
    told = VisionLanguageClassifier("model", URL, class_names=order).fit(clips, ["up", "a"] * 2)
    assert (told.class_names_, told.classes_.tolist()) == (order, ["a", "down", "up"])
    scheme = get_scheme("objective")
    told = VisionLanguageClassifier("model", URL, class_names=scheme).fit(clips)
    assert told.classes_.tolist() == ["I", "II", "III", "IV", "V"]


@pytest.mark.parametrize(("label", "classes"), [("positive", None), (1, [0, 1, 2])])
def test_labels_of_one_class_are_enough_where_names_say_all(label, classes):
    model = VisionLanguageClassifier("model", URL, class_names="three").fit([None] * 2, [label] * 2)
    assert model.classes_.tolist() == (classes or ["negative", "positive", "surprise"])


@pytest.mark.parametrize("hidden", [None, "unheard of", 7, float("nan")])
def test_labels_of_target_rows_are_never_read(hidden):
    y = np.array([0, 1, hidden, hidden], dtype=object)
    model = VisionLanguageClassifier("model", URL, class_names="three")
    model.fit([None] * 4, y, sample_domain=[1, 1, -2, -2])
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"model": ""}, None, "model: expected the name of a model"),
        ({"class_names": "seven"}, None, "scheme: expected one of"),
        ({"class_names": ("a", "A")}, None, "class_names: expected .* differ by more than case"),
        ({"class_names": np.array(["a", "b"])}, None, "class_names: expected the name of a label"),
        ({"class_names": ("a", "cannot tell")}, None, "none of them 'cannot tell'"),
        ({"class_names": ("a",)}, None, "names, at least 2,"),
        ({"class_names": None}, None, "class_names: expected names of classes where y is None"),
        ({"class_names": "action-units"}, None, "VisionLanguageActionUnits asks about those"),
        ({"class_names": None}, ["up", "up"], "needs at least two classes .* only one class"),
        ({"class_names": None}, [0, 1], "whole numbers and class_names that say"),
        ({}, [0.5, 1.5], "Unknown label type"),
        ({}, [True, False], "whole numbers and class_names that say .* got labels of bool"),
        ({}, [0, 3], r"labels that stand for \('negative', 'positive', 'surprise'\), .*got 3"),
        ({}, ["negative", "happy"], "got 'happy'"),
        ({}, [0], "expected one label per row of X"),
        ({"prompt": "guess"}, None, r"prompt: expected one of \('choice', 'yes-no', 'describe'\)"),
        ({"frames": ()}, None, "frames: expected some of"),
        ({"frames": "apex"}, None, "frames: expected some of"),
        ({"frames": ("apex", "apex")}, None, "frames: expected some of .* each once"),
        ({"frames": ("onset", "peak")}, None, "frames: expected some of"),
        ({"longest_side": 0}, None, "longest_side: expected a whole number >= 1"),
        ({"temperature": -1}, None, "temperature: expected a finite number >= 0"),
        ({"request_params": {"stream": True}}, None, "'stream' is not for you to say"),
        ({"request_params": {"seed": {1}}}, None, "request_params: JSON cannot hold it"),
        ({"request_params": [1]}, None, "request_params: expected a dict"),
        ({"concurrency": 0}, None, "concurrency: expected a whole number >= 1"),
        ({"requests_per_minute": 0}, None, "requests_per_minute: expected"),
        ({"token_budget": 1.5}, None, "token_budget: expected a whole number"),
        ({"max_retries": -1}, None, "max_retries: expected"),
        ({"timeout": 0}, None, "timeout: expected"),
        ({"abstain_as": "happy"}, None, "abstain_as: expected None or one of"),
    ],
)
def test_bad_parameters_are_named(params, y, message):
    params = {"model": "model", "base_url": URL, "class_names": "three"} | params
    with pytest.raises(ValueError, match=message):
        VisionLanguageClassifier(**params).fit([None, None], y)


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        ({"class_names": "three"}, None, "class_names: expected action units such as 'AU12'"),
        ({"class_names": ("AU4", "AU99")}, None, "such as 'AU12', of those .* got 'AU99'"),
        ({"class_names": ()}, None, "names, at least 1,"),
        ({"class_names": ("AU4", "AU04")}, None, "class_names: expected every action unit once"),
        ({"class_names": ("AU1", "AU2")}, [[1], [0]], r"y: expected shape \(n_clips, 2\)"),
        ({"abstain_as": ("AU99",)}, None, "abstain_as: expected None or some of"),
        ({"abstain_as": "AU1"}, None, "abstain_as: expected None or some of"),
    ],
)
def test_bad_parameters_of_units_are_named(params, y, message):
    with pytest.raises(ValueError, match=message):
        VisionLanguageActionUnits("model", URL, **params).fit([None, None], y)


def test_a_fitted_estimator_travels_without_its_answers(endpoint):
    clips = endpoint.make_clips(["positive", "negative"])
    model = VisionLanguageClassifier("model", endpoint.url, class_names="three").fit(clips)
    model.predict(clips)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.usage_["requests"] == 2
    assert copy.predict(clips).tolist() == model.predict(clips).tolist() == ["positive", "negative"]
    assert len(endpoint.asked) == 4
    assert model.usage_["requests"] == 2
    assert model.fit(clips).usage_["requests"] == 0


def test_order_of_clips_and_number_of_threads_do_not_matter(endpoint):
    labels = ["positive", "negative", "surprise", "negative", "surprise"]
    clips = endpoint.make_clips(labels)
    rng = np.random.default_rng(0)
    for concurrency in (1, 5):
        order = rng.permutation(5)
        model = VisionLanguageClassifier(
            "model", endpoint.url, class_names="three", concurrency=concurrency
        )
        found = model.fit(clips).predict([clips[i] for i in order])
        assert found.tolist() == [labels[i] for i in order]


@pytest.mark.parametrize("routing", [True, False])
def test_in_a_pipeline_after_a_step_from_clip_to_clip(endpoint, routing):
    lab, web = (
        Corpus(endpoint.make_clips(["positive", "negative", "surprise"], corpus=name), name)
        for name in ("lab", "web")
    )
    endpoint.answer = lambda a: {60: "negative", 120: "positive", 180: "surprise"}[a.thirds[1]]
    clips, y, domain = pack(lab, web, "cdmer-130")
    pipe = make_pipeline(
        Resize(12, 12), VisionLanguageClassifier("model", endpoint.url, class_names="cdmer-130")
    )
    with config_context(enable_metadata_routing=routing):
        name = "sample_domain" if routing else "visionlanguageclassifier__sample_domain"
        pipe.fit(clips, np.where(domain < 0, -1, y), **{name: domain})
        assert pipe.score(clips, y) == 1
    assert endpoint.asked[0].picture.shape == (12, 36)


def corpora(endpoint):
    labels = ["negative", "positive", "surprise"] * 2
    return [Corpus(endpoint.make_clips(labels, corpus=name), name) for name in ("lab", "web")]


def methods(endpoint, cache, **params):
    asked = VisionLanguageClassifier(
        "model", endpoint.url, class_names="cdmer-130", cache_dir=str(cache), **params
    )
    return {
        "SVM": make_pipeline(LBPTOP(grid=RegionGrid((1,))), SourceOnly()),
        "zero-shot": asked,
    }


@pytest.mark.parametrize("protocol", [CDMERPairs(None), WithinCorpusLOSO()], ids=str)
def test_beside_other_methods_in_a_benchmark(endpoint, tmp_path, protocol):
    # Nothing about the class of a clip is in the request: it is found in the picture alone.
    named = corpora(endpoint)
    store = tmp_path / "results.sqlite"
    results = benchmark(
        methods(endpoint, tmp_path / "cache"), named, protocol, store=store, progress=False
    )
    assert isinstance(results, Results)
    scores = results.scores("all").set_index("method")
    assert scores.loc["zero-shot", "UF1"] == scores.loc["zero-shot", "WAR"] == 1
    assert scores.loc["zero-shot", "n_clips"] == scores.loc["SVM", "n_clips"] == 12
    # Both corpora have the same pictures here: each is asked about once.
    assert len(endpoint.asked) == 6
    texts = {asked.text for asked in endpoint.asked}
    assert len(texts) == 1
    assert not any(word in str(texts) for word in ("lab", "web", "s0"))
    benchmark(methods(endpoint, tmp_path / "cache"), named, protocol, store=store, progress=False)
    assert len(endpoint.asked) == 6


def test_a_budget_costs_a_benchmark_the_folds_that_it_does_not_reach(endpoint, tmp_path):
    given = methods(endpoint, tmp_path, request_budget=4, concurrency=1)
    with pytest.warns(UserWarning, match="2 of 4 jobs failed"):
        results = benchmark(given, corpora(endpoint), CDMERPairs(None), progress=False)
    assert set(results.predictions["method"]) == {"SVM"}
    assert results.failures["method"].tolist() == ["zero-shot"] * 2
    assert "4 of 6 clips are answered" in results.failures["message"].iloc[0]
    more = methods(endpoint, tmp_path, request_budget=6, concurrency=1)
    results = benchmark(more, corpora(endpoint), CDMERPairs(None), progress=False)
    assert not len(results.failures)
    assert len(endpoint.asked) == 6


def test_action_units_are_scored_against_annotated_ones(endpoint, tmp_path):
    scheme = get_scheme("action-units")
    lab, web = (
        make_synthetic_corpus(p, n_clips=4, n_subjects=2, size=32, random_state=0)
        for p in ("webcam-25fps", "nir-25fps")
    )
    shown = scheme.indicator(list(lab) + list(web))
    answers = iter(shown)
    endpoint.answer = lambda a: {
        "message": {"content": ", ".join(np.array(scheme.classes)[next(answers) == 1]) or "none"}
    }
    model = VisionLanguageActionUnits("model", endpoint.url, concurrency=1, cache_dir=str(tmp_path))
    found = model.fit(lab, scheme.indicator(lab)).predict(list(lab) + list(web))
    assert f1_score(shown, found, average="micro") == 1
    results = benchmark(
        {"zero-shot": model}, [lab, web], CDMERPairs(None), scheme=scheme, progress=False
    )
    assert len(results.predictions) == 8 * 12
    table = results.predictions
    assert table["y_true"].astype(str).tolist() == table["y_pred"].astype(str).tolist()
    assert len(endpoint.asked) == 8


def test_a_class_can_be_named_for_abstentions_in_a_benchmark(endpoint, tmp_path):
    endpoint.answer = lambda a: "cannot tell" if a.clip == 1 else endpoint.knowing(a)
    instead = methods(endpoint, tmp_path, abstain_as="surprise")
    results = benchmark(instead, corpora(endpoint), CDMERPairs(None), progress=False)
    scores = results.scores("all").set_index("method")
    assert scores.loc["zero-shot", "WAR"] == 10 / 12


def test_a_missing_client_names_its_remedy(endpoint, monkeypatch):
    clips = endpoint.make_clips(["positive"])
    model = VisionLanguageClassifier("model", endpoint.url, class_names="three").fit(clips)
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ImportError, match=r'openai is missing: pip install "cdmer\[vlm\]"'):
        model.predict(clips)


def test_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(EndpointError("no answer", ("a", "b"))))
    assert (str(error), error.unanswered) == ("no answer", ("a", "b"))
