"""Vision-language models beside other methods: what they cost, what they may, what a file may."""

import sqlite3
import sys

import pytest
from command_line import cdmer
from feature_tables import toml_text
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cdmer.corpora import ActionUnitScheme, Corpus, get_scheme, make_synthetic_corpus
from cdmer.evaluation import CDMERPairs, Method, ResultStore, benchmark
from cdmer.evaluation._runner.identity import identify
from cdmer.evaluation.config import load_config, run_config, summarize_config
from cdmer.preprocessing import Resize
from cdmer.zero_shot import VisionLanguageActionUnits, VisionLanguageClassifier

LABELS = ["negative", "positive", "surprise"] * 2
FAR = "https://models.example.org/v1"


def corpora(endpoint):
    return [Corpus(endpoint.make_clips(LABELS, corpus=name), name) for name in ("lab", "web")]


def run(methods, endpoint, **settings):
    return benchmark(methods, corpora(endpoint), CDMERPairs(None), progress=False, **settings)


def asking(endpoint, **params):
    return VisionLanguageClassifier("model", endpoint.url, **params)


def test_abstentions_are_wrong_and_told_with_their_reasons_and_costs(endpoint, tmp_path):
    endpoint.answer = lambda a: "cannot tell" if a.clip in (1, 4) else endpoint.knowing(a)
    model = asking(endpoint, class_names="cdmer-130", cache_dir=str(tmp_path / "answers"))
    results = run({"asked": make_pipeline(FunctionTransformer(), model)}, endpoint)
    row = results.scores("all").iloc[0]
    assert (row["n_clips"], row["n_abstained"], row["WAR"]) == (12, 4, 8 / 12)
    assert results.confusion("asked").tolist() == [[4, 0, 0, 0], [0, 0, 0, 4], [0, 0, 4, 0]]
    first, second = results.jobs["details"]
    assert first["abstentions"] == second["abstentions"] == {"cannot tell": 2}
    assert first["usage"] == {
        "requests": 6,
        "retries": 0,
        "from_cache": 0,
        "prompt_tokens": 540,
        "completion_tokens": 60,
    }
    assert second["usage"]["from_cache"] == 6
    assert "asked 4 of 12 (cannot tell 4)." in results.to_markdown()


def test_settings_are_chosen_with_abstentions_counted_as_wrong(endpoint, tmp_path):
    endpoint.answer = lambda a: "cannot tell" if "Does" in a.text else endpoint.knowing(a)
    model = asking(endpoint, cache_dir=str(tmp_path))
    method = Method(model, {"prompt": ["yes-no", "choice"]})
    results = run({"asked": method}, endpoint, selection=["oracle", "nested-loso"])
    assert [job["prompt"] for job in results.jobs["params"]] == ["choice"] * 4
    assert set(results.scores()["UF1"]) == {1}


def test_action_units_have_abstentions_unit_by_unit(endpoint, tmp_path):
    scheme = get_scheme("action-units")
    parts = [
        make_synthetic_corpus(p, n_clips=3, n_subjects=3, size=32, random_state=0)
        for p in ("webcam-25fps", "nir-25fps")
    ]
    answers = iter(["cannot tell", "AU12", "none"] * 2)
    endpoint.answer = lambda a: {"message": {"content": next(answers)}}
    model = VisionLanguageActionUnits("model", endpoint.url, concurrency=1, cache_dir=str(tmp_path))
    results = benchmark(
        {"asked": model}, parts, CDMERPairs(None), scheme="action-units", progress=False
    )
    n_action_units = len(scheme.classes)
    assert results.scores("all")["n_abstained"][0] == 2 * n_action_units
    for details in results.jobs["details"]:
        assert details["abstentions"] == {"cannot tell": 1}
        assert details["usage"]["requests"] == 3
    present = results.predictions["y_pred"].astype(object).to_numpy().reshape(-1, n_action_units)
    shown = [i for i, row in enumerate(present) if (row == "present").any()]
    assert len(shown) == 2
    assert results.confusion("asked").shape == (n_action_units, 2, 3)


def test_a_scheme_of_one_action_unit(endpoint):
    parts = [
        make_synthetic_corpus(p, n_clips=3, n_subjects=3, size=32, random_state=0)
        for p in ("webcam-25fps", "nir-25fps")
    ]
    endpoint.answer = lambda a: {"message": {"content": "AU4"}}
    model = VisionLanguageActionUnits("model", endpoint.url)
    scheme = ActionUnitScheme("frown", ("AU4",))
    results = benchmark({"asked": model}, parts, CDMERPairs(None), scheme=scheme, progress=False)
    assert set(results.predictions["y_pred"]) == {"present"}


def test_a_store_knows_answers_again_however_they_were_come_by(endpoint, tmp_path):
    with ResultStore(tmp_path / "results.sqlite") as store:
        run({"asked": asking(endpoint, cache_dir=str(tmp_path / "a"))}, endpoint, store=store)
        assert len(endpoint.asked) == 6
        other = {
            "cache_dir": str(tmp_path / "b"),
            "concurrency": 1,
            "timeout": 9.0,
            "max_retries": 0,
            "requests_per_minute": 900,
            "tokens_per_minute": 10**6,
            "request_budget": 50,
            "token_budget": 10**6,
            "allow_upload": True,
        }
        run({"asked": asking(endpoint, **other)}, endpoint, store=store)
        assert len(endpoint.asked) == 6
        run({"asked": asking(endpoint, prompt="yes-no", **other)}, endpoint, store=store)
        assert len(endpoint.asked) > 6
    told = identify(VisionLanguageClassifier("m", FAR, api_key_env="SECRET_NAME"))
    assert sorted(told["parameters"]) == [
        "abstain_as",
        "base_url",
        "class_names",
        "frames",
        "longest_side",
        "model",
        "prompt",
        "request_params",
        "temperature",
    ]


@pytest.mark.parametrize(
    ("model", "scheme", "message"),
    [
        (
            VisionLanguageClassifier("m", FAR, class_names=("happy", "sad", "calm")),
            "cdmer-130",
            r"'asked': class_names: expected the classes of scheme 'cdmer-130', in their order",
        ),
        (
            VisionLanguageClassifier("m", FAR, class_names=("positive", "negative", "surprise")),
            "cdmer-130",
            "in their order",
        ),
        (
            Method(VisionLanguageClassifier("m", FAR), {"class_names": ["three", "objective"]}),
            "cdmer-130",
            "class_names: expected the classes",
        ),
        (
            VisionLanguageClassifier("m", FAR),
            "action-units",
            "'action-units' gives a clip several classes; VisionLanguageClassifier asks for one",
        ),
        (
            make_pipeline(Resize(12, 12), VisionLanguageActionUnits("m", FAR)),
            "cdmer-130",
            "'cdmer-130' gives a clip one class; VisionLanguageActionUnits asks for several",
        ),
        (
            VisionLanguageActionUnits("m", FAR, class_names=("AU1", "AU2")),
            "action-units",
            "class_names: expected the classes of scheme 'action-units'",
        ),
    ],
)
def test_other_classes_than_the_benchmarks_are_refused(endpoint, model, scheme, message):
    with pytest.raises(ValueError, match=message):
        run({"asked": model}, endpoint, scheme=scheme)


def test_class_names_that_are_left_open_are_those_of_the_benchmark(endpoint, tmp_path):
    model = asking(endpoint, cache_dir=str(tmp_path))
    results = run({"asked": make_pipeline(Resize(12, 12), model)}, endpoint)
    assert results.scores("all")["UF1"][0] == 1
    assert model.class_names is None
    step = results.info["methods"]["asked"]["estimator"]["parameters"]["steps"][1][1]
    assert step["parameters"]["class_names"] == list(get_scheme("cdmer-130").classes)


# Config files


def write(folder, **methods):
    content = {
        "title": "Asked",
        "corpora": [
            {"source": f"synthetic:{name}", "n_clips": 3} for name in ("webcam-25fps", "nir-25fps")
        ],
        "protocol": {"class": "CDMERPairs", "experiments": "all"},
        "methods": methods,
    }
    path = folder / "asked.toml"
    path.write_text(toml_text(content), "utf-8")
    return path


def asked(url, **more):
    return {"class": "VisionLanguageClassifier", "model": "model", "base_url": url, **more}


def positive_or_silent(a):
    return "cannot tell" if int(a.picture.sum()) % 2 else "positive"


def test_a_file_names_a_model_and_the_run_keeps_its_answers(endpoint, tmp_path):
    endpoint.answer = positive_or_silent
    path = write(
        tmp_path,
        VLM=asked(
            endpoint.url,
            request_params={"seed": 3, "stop": ["x"]},
            frames=["apex"],
            temperature=0.5,
            concurrency=2,
        ),
    )
    results = run_config(path, progress=False)
    assert len(results.jobs) == 2
    assert results.scores("all")["n_clips"][0] == 6
    bodies = [a.body for a in endpoint.asked]
    assert {(b["seed"], b["stop"][0], b["temperature"]) for b in bodies} == {(3, "x", 0.5)}
    assert all("authorization" not in map(str.lower, a.headers) for a in endpoint.asked)
    assert (tmp_path / "asked-answers" / "answers.sqlite").is_file()
    n_asked = len(endpoint.asked)
    with ResultStore() as store:  # in memory: answers are not kept anywhere
        run_config(path, store=store, progress=False)
    assert len(endpoint.asked) == 2 * n_asked
    (tmp_path / "asked.sqlite").unlink()
    run_config(path, progress=False)
    assert len(endpoint.asked) == 2 * n_asked
    assert f"VLM sends clips to {endpoint.url}" in summarize_config(load_config(path))


@pytest.mark.parametrize(
    "name", ["allow_upload", "allow_http", "cache_dir", "api_key_env", "proxy_env"]
)
def test_no_file_uploads_faces_reads_keys_or_chooses_folders(tmp_path, name):
    for more in ({name: "HOME"}, {"param_grid": {name: ["HOME"]}}):
        path = write(tmp_path, VLM=asked(FAR, **more))
        with pytest.raises(ValueError, match=f"VLM.*: {name}: unknown parameter"):
            load_config(path)
    steps = [{"class": "Resize", "height": 12, "width": 12}, asked(FAR)]
    param_grid = {f"visionlanguageclassifier__{name}": ["HOME"]}
    with pytest.raises(ValueError, match=f"{name}: unknown parameter"):
        load_config(write(tmp_path, VLM={"steps": steps, "param_grid": param_grid}))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"base_url": "ftp://x"}, "base_url: expected an address such as"),
        ({"prompt": "guess"}, "prompt: expected"),
        ({"request_params": 3}, "request_params: expected a table"),
        ({"request_params": {"stream": True}}, "'stream' is not for you to say"),
        ({"class_names": ["a", "b", "c"]}, "class_names: expected the classes of scheme"),
        ({"modle": "x"}, "did you mean 'model'?"),
    ],
)
def test_faults_of_a_file_are_found_when_it_is_read(tmp_path, more, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_config(write(tmp_path, VLM=asked("http://localhost:1/v1") | more))
    assert "asked.toml: methods: VLM" in str(caught.value)


@pytest.mark.parametrize(
    "method",
    [
        asked(FAR),
        asked("http://localhost:1/v1", param_grid={"base_url": ["http://localhost:1/v1", FAR]}),
        {"steps": [{"class": "Resize", "height": 12, "width": 12}, asked(FAR)]},
    ],
)
def test_other_machines_need_a_word_from_who_runs_it(tmp_path, method):
    path = write(tmp_path, VLM=method)
    with pytest.raises(PermissionError, match=f"'VLM': base_url: {FAR} is not on this machine"):
        run_config(path, progress=False)
    assert not (tmp_path / "asked-answers").exists()


def test_the_command_uploads_with_its_flag_alone(endpoint, tmp_path, monkeypatch):
    endpoint.answer = positive_or_silent
    monkeypatch.setattr("cdmer._endpoints._is_loopback", lambda host: False)
    monkeypatch.setenv("THE_KEY", "sk-secret-1")
    path = write(tmp_path, VLM=asked(endpoint.url))
    call = ["benchmark", path, "-q", "-j", 1]
    code, _, err = cdmer(*call)
    assert (code, len(endpoint.asked)) == (1, 0)
    assert "is not on this machine" in err
    assert "--allow-upload of `cdmer benchmark`" in err
    call.append("--allow-upload")
    code, _, err = cdmer(*call)
    assert (code, len(endpoint.asked)) == (1, 0)
    assert "without https:// all on the way can read faces" in err
    assert "--allow-http of `cdmer benchmark`" in err
    call.append("--allow-http")
    code, _, err = cdmer(*call, "--proxy-env", "NO_SUCH_PROXY")
    assert (code, len(endpoint.asked)) == (1, 0)
    assert "--proxy-env: expected the environment variable of that name" in err
    call.append("--api-key-env")
    code, _, err = cdmer(*call, "NO_SUCH_KEY")
    assert (code, len(endpoint.asked)) == (1, 0)
    assert "--api-key-env: the environment variable of that name" in err
    code, out, err = cdmer(*call, "THE_KEY")
    assert code == 0, err
    assert {a.headers["authorization"] for a in endpoint.asked} == {"Bearer sk-secret-1"}
    n_silent = len([a for a in endpoint.asked if positive_or_silent(a) == "cannot tell"])
    assert 0 < n_silent < 6
    assert f"count as wrong: VLM {n_silent} of 6 (cannot tell {n_silent})." in err
    assert (tmp_path / "asked-answers" / "answers.sqlite").is_file()
    for file in (tmp_path / "asked.sqlite", tmp_path / "asked-answers" / "answers.sqlite"):
        with sqlite3.connect(file) as connection:
            content = "\n".join(connection.iterdump())
        assert "sk-secret" not in content
        assert "THE_KEY" not in content


def test_a_key_is_sent_to_one_endpoint_alone(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("THE_KEY", "sk-secret-1")
    path = write(tmp_path, A=asked(endpoint.url), B=asked("http://localhost:1/v1"))
    with pytest.raises(ValueError, match="api_key_env: a key belongs to one endpoint"):
        run_config(path, api_key_env="THE_KEY", progress=False)
    assert not endpoint.asked


def test_a_missing_client_is_named_when_the_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ValueError, match=r'openai is missing: pip install "cdmer\[vlm\]"'):
        load_config(write(tmp_path, VLM=asked(FAR)))
