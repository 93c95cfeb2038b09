import contextlib
import copy
import datetime
import re
import sys
import tomllib
from inspect import Parameter, isabstract, isclass, signature

import numpy as np
import pytest
from feature_tables import toml_text, write_tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from cdmer import adaptation, features, preprocessing
from cdmer.adaptation import TCA, TGSR, BenchmarkSVC, DomainStandardizer, SourceOnly
from cdmer.cli import main
from cdmer.evaluation import (
    CDMERPairs,
    Experiment,
    HoldOutDatabase,
    Method,
    ResultStore,
    benchmark,
)
from cdmer.evaluation._runner.identity import identify
from cdmer.evaluation.config import _networks, load_config, run_config, summarize_config
from cdmer.evaluation.config._classes import DESCRIPTORS, METHODS, parameters
from cdmer.evaluation.protocols import PROTOCOLS
from cdmer.features import LBPTOP, HellingerMap, RegionGrid, lbp_top_planes
from cdmer.preprocessing import TemporalInterpolation

FULL = """
title = "Published features"
scheme = "cdmer-130"
selection = ["label-free:iwv", "oracle"]
seeds = [0, 1, 2]
store = "results.sqlite"
report = "out.html"
embeddings = true

[protocol]
class = "CDMERPairs"
experiments = ["9", ["casme2", "nir-25fps"]]

[[corpora]]
source = "published:casme2"

[[corpora]]
source = "synthetic:nir-25fps"
n_clips = 30
seed = 4

[descriptor]
steps = [
    {class = "TemporalInterpolation", n_frames = 12},
    {class = "LBPTOP", radius = 2, grid = {class = "RegionGrid", levels = [1, 2], overlap = 0.5}},
]

[methods.TCA]
class = "TCA"
estimator = {class = "BenchmarkSVC", kernel = "linear"}
param_grid = {n_components = [2, 7, 12], mu = {start = 0.1, stop = 0.5, step = 0.2}}
citation = "Pan et al. 2011"
selection = "oracle"

[methods."Hellinger, centred"]
steps = [
    {class = "HellingerMap"},
    {class = "DomainStandardizer", with_std = false},
    {class = "SourceOnly"},
]

[methods.TGSR]
class = "TGSR"
groups = 5
param_grid = [{n_selected = [1, 2]}, {mmd_weight = {logspace = [-3, 3, 7]}}]

[methods.vote]
class = "GridVoting"
estimator = {class = "SubspaceAlignment"}
param_grid = {n_components = [1, 2]}

[methods."nothing to choose"]
class = "label_free_pipeline"
column_planes = {class = "lbp_top_planes", levels = [1, 2], n_bins = 59}
"""


@pytest.fixture
def load(tmp_path):
    """Write a text, or a dict as TOML, and load it."""

    def loaded(content):
        text = content if isinstance(content, str) else toml_text(content)
        path = tmp_path / "bench.toml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return loaded


def minimal(**method):
    return {
        "corpora": [{"source": "synthetic:nir-25fps"}, {"source": "synthetic:lab-200fps"}],
        "methods": {"one": method or {"class": "SourceOnly"}},
    }


def refusal(load, content):
    with pytest.raises(ValueError, match=re.escape("bench.toml: ")) as caught:
        load(content)
    message = str(caught.value)
    return message.split("bench.toml: ", 1)[1]


def test_everything_is_read(load, tmp_path):
    config = load(FULL)
    assert (config.title, config.scheme) == ("Published features", "cdmer-130")
    assert config.selection == ("label-free:iwv", "oracle")
    assert (config.seeds, config.embeddings) == ((0, 1, 2), True)
    assert config.store == tmp_path / "results.sqlite"
    assert config.report == tmp_path / "out.html"
    assert config.text == FULL
    assert isinstance(config.protocol, CDMERPairs)
    assert config.protocol.experiments == (
        Experiment("9", "casme2", "smic-vis", "TYPE-II"),
        Experiment("casme2 → nir-25fps", "casme2", "nir-25fps"),
    )
    assert [(s.kind, s.name, s.options) for s in config.corpora] == [
        ("published", "casme2", {}),
        ("synthetic", "nir-25fps", {"n_clips": 30, "seed": 4}),
    ]
    first, second = (step for _, step in config.descriptor.steps)
    assert identify(first) == identify(TemporalInterpolation(12))
    assert identify(second) == identify(LBPTOP(radius=2, grid=RegionGrid((1, 2), 0.5)))
    tca, steps, tgsr, vote, nothing = config.methods.values()
    assert list(config.methods)[1] == "Hellinger, centred"
    assert identify(tca.estimator) == identify(TCA(BenchmarkSVC()))
    assert tca.param_grid == {"n_components": [2, 7, 12], "mu": [0.1, 0.3, 0.5]}
    assert (tca.citation, tca.selection) == ("Pan et al. 2011", ["oracle"])
    assert isinstance(steps.estimator, Pipeline)
    assert [identify(step) for _, step in steps.estimator.steps] == [
        identify(step)
        for step in (HellingerMap(), DomainStandardizer(with_std=False), SourceOnly())
    ]
    assert identify(tgsr.estimator) == identify(TGSR(groups=5))
    assert tgsr.selection is None
    assert len(ParameterGrid(tgsr.param_grid)) == 9
    assert vote.estimator.param_grid == {"n_components": [1, 2]}
    planes = nothing.estimator.get_params()["planeselector__column_planes"]
    assert np.array_equal(planes, lbp_top_planes(levels=(1, 2)))


def test_what_is_left_out_has_the_defaults_of_benchmark(load, tmp_path):
    config = load(minimal())
    defaults = parameters(benchmark)
    for name in ("title", "scheme", "embeddings", "descriptor"):
        assert getattr(config, name) == defaults[name]
    assert config.selection == (defaults["selection"],)
    assert config.seeds == defaults["seeds"]
    assert config.protocol.get_config() == CDMERPairs().get_config()
    assert config.store == tmp_path / "bench.sqlite"
    assert config.report is None
    assert identify(config.methods["one"].estimator) == identify(SourceOnly())


def test_all_ordered_pairs(load):
    content = minimal() | {"protocol": {"class": "CDMERPairs", "experiments": "all"}}
    assert load(content).protocol.experiments is None


def walk(content, place=()):
    """Every key of nested tables and arrays, as a path to it; names of methods are free."""
    if isinstance(content, dict):
        for key, value in content.items():
            if place != ("methods",):
                yield (*place, key)
            yield from walk(value, (*place, key))
    elif isinstance(content, list):
        for i, value in enumerate(content):
            yield from walk(value, (*place, i))


def at(content, place):
    for key in place:
        content = content[key]
    return content


KEYS = sorted(walk(tomllib.loads(FULL)), key=str)
WAYS = ["without", "doubled", "other", "capital"]
# Of a name with two letters too little is left.
MISSPELT = [(place, how) for place in KEYS for how in WAYS if len(place[-1]) > 2 or how == WAYS[3]]


def misspell(name, how, i):
    i %= len(name)
    return {
        "without": name[:i] + name[i + 1 :],
        "doubled": name[:i] + name[i] + name[i:],
        "other": name[:i] + "q" + name[i + 1 :],
        "capital": name.capitalize() if name.islower() else name.lower(),
    }[how]


def test_a_manifest_in_another_encoding(load, tmp_path):
    (tmp_path / "c1").mkdir()
    (tmp_path / "c1" / "img1.png").touch()
    lines = "path,subject,label\nc1,Töö,joy\n"
    (tmp_path / "mine.csv").write_bytes(lines.encode("cp1252"))
    sources = [{"source": "mine.csv", "encoding": encoding} for encoding in ("cp1252", "utf-8")]
    config = load(minimal() | {"corpora": sources})
    assert config.corpora[0].open()[0].subject == "Töö"
    with pytest.raises(ValueError, match="no text in the encoding 'utf-8'"):
        config.corpora[1].open()


@pytest.mark.parametrize(("place", "how"), MISSPELT)
def test_a_misspelt_key_is_named_with_the_right_one(load, place, how):
    *above, key = place
    wrong = misspell(key, how, 1)
    content = tomllib.loads(FULL)
    table = at(content, above)
    entries = list(table.items())
    table.clear()
    table.update((wrong if k == key else k, value) for k, value in entries)
    message = refusal(load, content)
    assert repr(wrong) in message
    assert f"did you mean {key!r}?" in message
    assert all(part in message for part in above if isinstance(part, str))


NAMES = [
    (("scheme",), "cdmer-130", "cdmer-13"),
    (("selection", 0), "label-free:iwv", "label-free:ivw"),
    (("protocol", "class"), "CDMERPairs", "CDMERPair"),
    (("corpora", 1, "source"), "nir-25fps", "synthetic:nir-25"),
    (("corpora", 0, "source"), "casme2", "published:casme3"),
    (("corpora", 0, "source"), "published", "publishd:casme2"),
    (("descriptor", "steps", 1, "class"), "LBPTOP", "LBTOP"),
    (("descriptor", "steps", 1, "grid", "class"), "RegionGrid", "RegionsGrid"),
    (("methods", "TCA", "class"), "TCA", "tca"),
    (("methods", "TCA", "estimator", "class"), "BenchmarkSVC", "BenchmarkSVM"),
    (("methods", "TCA", "selection"), "oracle", "orakle"),
    (("methods", "vote", "param_grid"), "n_components", {"n_component": [1]}),
]


@pytest.mark.parametrize(("place", "right", "wrong"), NAMES)
def test_a_misspelt_name_is_named_with_the_right_one(load, place, right, wrong):
    content = tomllib.loads(FULL)
    at(content, place[:-1])[place[-1]] = wrong
    message = refusal(load, content)
    assert f"did you mean {right!r}?" in message
    assert all(part in message for part in place if isinstance(part, str))


def test_an_experiment_of_the_benchmark_that_does_not_exist_is_named(load):
    content = minimal() | {"protocol": {"class": "CDMERPairs", "experiments": ["9", "13"]}}
    assert "protocol: experiments: unknown experiment '13'" in refusal(load, content)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "cdmer.adaptation.TCA",
        "sklearn.svm.SVC",
        "eval",
        "__import__",
        "Clip",
        "LandmarkRegions",
        "optical_flow",
        "FunctionTransformer",
        "Pipeline",
        "BaseEstimator",
        "",
        "iter_tgsr_path",
        "object",
    ],
)
def test_nothing_but_the_listed_classes_is_reached(load, name):
    assert "methods: one: class: unknown class" in refusal(load, minimal(**{"class": name}))


def test_all_estimators_of_the_library_are_listed():
    for module, listed in ((adaptation, METHODS), (features, DESCRIPTORS)):
        for name in module.__all__:
            thing = getattr(module, name)
            if isclass(thing) and issubclass(thing, BaseEstimator):
                # Bases, which cannot be made, are not.
                assert listed.get(name) is (None if isabstract(thing) else thing)
    assert {"CropAlign", "TemporalInterpolation", "YuNetDetector"} <= set(DESCRIPTORS)
    assert set(DESCRIPTORS) <= set(METHODS)
    # What learns from other clips belongs into the methods.
    assert not set(DESCRIPTORS) & {"StandardScaler", "PCA", "DomainStandardizer", "SVC"}
    assert set(PROTOCOLS) >= {"CDMERPairs", "HoldOutDatabase", "CompositeLOSO"}
    assert "Protocol" not in PROTOCOLS
    roots = {thing.__module__.split(".")[0] for thing in METHODS.values()}
    assert roots == {"cdmer", "sklearn"}
    for thing in METHODS.values():
        kinds = {one.kind for one in signature(thing).parameters.values()}
        assert not kinds & {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    assert preprocessing.spot_apex not in METHODS.values()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": 3}, "title: expected a string, got 3"),
        ({"seeds": 1.5}, "seeds: expected a whole number or an array of such, got 1.5"),
        ({"seeds": [0, True]}, "seeds: expected a whole number or an array of such, got True"),
        ({"seeds": []}, "seeds: got an empty array"),
        ({"seeds": [1, 1]}, "seeds: got 1 twice"),
        ({"seeds": -1}, "seeds: expected numbers from 0 to 4294967295, got -1"),
        ({"selection": []}, "selection: got an empty array"),
        ({"embeddings": 1}, "embeddings: expected true or false, got 1"),
        ({"store": ""}, "store: expected a path"),
        ({"protocol": "CDMERPairs"}, "protocol: expected a table, got 'CDMERPairs'"),
        ({"protocol": {"class": "CDMERPairs", "experiments": 9}}, "expected 'all' or an array"),
        ({"protocol": {"class": "CDMERPairs", "experiments": [["a"]]}}, "expected a pair"),
        ({"protocol": {"class": ["CDMERPairs"]}}, "protocol: class: expected the name of a class"),
        ({"protocol": {}}, "protocol: class: is missing"),
        ({"corpora": {"source": "published:casme2"}}, "corpora: expected an array, got {"),
        ({"corpora": ["published:casme2"]}, "corpora: expected an array of tables"),
        ({"corpora": []}, "corpora: got an empty array"),
        ({"corpora": [{}]}, "corpora, 1: source: is missing"),
        ({"corpora": [{"source": "casme2"}]}, "corpora, 1: source: expected published:NAME"),
        ({"corpora": [{"source": "features:no.npz"}]}, "corpora, 1: source: there is no file"),
        ({"corpora": [{"source": "casme2:no"}]}, "corpora, 1: source: there is no folder"),
        ({"corpora": [{"source": "no.csv"}]}, "corpora, 1: source: there is no file"),
        ({"corpora": [{"source": "published:casme2", "seed": 1}]}, "seed: a source of the kind"),
        ({"corpora": [{"source": "published:casme2", "encoding": "a"}]}, "encoding: a source of"),
        ({"corpora": [{"source": "synthetic:nir-25fps", "n_clips": 2}]}, "n_clips: expected a"),
        (
            {"corpora": [{"source": "synthetic:nir-25fps", "extent": "folder"}]},
            "extent: a source of the kind 'synthetic' has no such key",
        ),
        ({"descriptor": {"class": "RegionGrid"}}, "descriptor: class: expected a descriptor"),
        ({"descriptor": {"class": "SVC"}}, "descriptor: class: unknown class 'SVC'"),
        ({"methods": {}}, "methods: got none"),
        ({"methods": {"a": 1}}, "methods: a: expected a table, got 1"),
        ({"methods": {"a": {}}}, "methods: a: class: is missing"),
        ({"methods": {" ": {"class": "TCA"}}}, "names that are not empty"),
        ({"methods": {"a": {"class": "RegionGrid"}}}, "methods: a: methods: 'a': expected a sci"),
        ({"methods": {"a": {"class": "HellingerMap"}}}, "methods: a: methods: 'a': expected a s"),
        ({"methods": {"a": {"class": "PlaneSelector"}}}, "a: column_planes: is missing"),
        ({"methods": {"a": {"steps": []}}}, "methods: a: steps: got an empty array"),
        ({"methods": {"a": {"steps": ["TCA"]}}}, "methods: a: steps: expected an array of tables"),
        ({"methods": {"a": {"steps": [{"class": "RegionGrid"}]}}}, "steps, 1: expected an estim"),
        (
            {"methods": {"a": {"steps": [{"class": "SVC"}, {"class": "SVC"}]}}},
            "methods: a: steps, 1: expected a transformer, got SVC",
        ),
        (
            {"methods": {"a": {"class": "TCA", "selection": "oracle"}}},
            "methods: a: selection: expected a param_grid to choose from",
        ),
        (
            {"methods": {"a": {"class": "TCA", "estimator": {"class": "SVC", "c": 1}}}},
            "methods: a: estimator: c: unknown parameter of SVC 'c'; did you mean 'C'?",
        ),
        (
            {"methods": {"a": {"class": "TCA", "param_grid": {"C": [1]}}}},
            "methods: a: param_grid: C: unknown parameter of TCA 'C'",
        ),
        (
            {"methods": {"a": {"steps": [{"class": "TCA"}], "param_grid": {"mu": [1]}}}},
            "unknown parameter of Pipeline 'mu'; did you mean 'tca__mu'?",
        ),
        (
            {"protocol": {"class": "HoldOutDatabase"}, "methods": {"a": {"class": "TCA"}}},
            "methods: a: methods: 'a': TCA adapts to unlabelled clips of the target",
        ),
        (
            {
                "methods": {
                    "a": {
                        "class": "label_free_pipeline",
                        "column_planes": {"class": "lbp_top_planes", "layout": "publishd"},
                    }
                }
            },
            "methods: a: column_planes: lbp_top_planes: layout: expected 'cdmer' or 'published'",
        ),
        (
            {
                "methods": {
                    "a": {
                        "class": "PlaneSelector",
                        "column_planes": {"class": "lbp_top_planes", "levels": [100000]},
                    }
                }
            },
            "column_planes: levels: 1: expected a number from -256 to 256, got 100000",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(load, change, message):
    assert message in refusal(load, minimal() | change)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"start": 1, "stop": 85, "step": 6}, list(range(1, 86, 6))),
        ({"start": 0.1, "stop": 0.7, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ({"start": 1, "stop": 4, "step": 2}, [1, 3]),
        ({"start": 2, "stop": 2, "step": 5}, [2]),
        ({"logspace": [-3, 3, 7]}, [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]),
        ([5, {"start": 7, "stop": 8, "step": 1}, {"logspace": [1, 2, 2]}], [5, 7, 8, 10.0, 100.0]),
    ],
)
def test_ranges(load, values, expected):
    content = minimal(**{"class": "TCA", "param_grid": {"n_components": values}})
    found = load(content).methods["one"].param_grid["n_components"]
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (3, "expected an array of values or a range, got 3"),
        ([], "expected an array of values or a range"),
        ({"start": 1, "stop": 2}, "step: is missing"),
        ({"start": 1, "stop": 2, "stp": 1}, "stp: unknown key 'stp'; did you mean 'stop'?"),
        ({"start": 2, "stop": 1, "step": 1}, "expected start <= stop and step > 0"),
        ({"start": 1, "stop": 2, "step": 0}, "expected start <= stop and step > 0"),
        ({"start": 1, "stop": "2", "step": 1}, "stop: expected a number, got '2'"),
        ({"start": 1, "stop": float("inf"), "step": 1}, "stop: expected a number from -100000"),
        ({"start": 1, "stop": 10**9, "step": 1}, "stop: expected a number from -10000000 to 1000"),
        ({"start": 1, "stop": 1e9, "step": 1}, "gives 1e+09 values"),
        ({"logspace": [0, 1]}, "logspace: expected [first exponent"),
        ({"logspace": [0, 1, 0]}, "logspace: expected [first exponent"),
        ({"logspace": [0, 9999, 3]}, "logspace: expected [first exponent"),
        ({"logspace": [0, 1, 2], "step": 1}, "step: unknown key"),
    ],
)
def test_wrong_ranges_are_named(load, values, message):
    content = minimal(**{"class": "TCA", "param_grid": {"mu": values}})
    found = refusal(load, content)
    assert found.startswith("methods: one: param_grid: mu: ")
    assert message in found


def test_a_file_that_is_no_toml(tmp_path, load):
    assert refusal(load, "title = \n").startswith("no TOML: Invalid value (at line 1, column 9)")
    with pytest.raises(FileNotFoundError, match="none.toml"):
        load_config(tmp_path / "none.toml")
    path = tmp_path / "bench.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(ValueError, match="bench.toml: expected text in UTF-8"):
        load_config(path)
    assert "tables in tables" in refusal(load, "a = " + "[" * 100_000)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text(toml_text(minimal()), encoding="utf-8-sig")
    assert list(load_config(path).methods) == ["one"]


VALUES = st.recursive(
    st.none().map(lambda _: {})
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.floats(allow_nan=True)
    | st.sampled_from(["", "TCA", "SVC", "all", "oracle", "RegionGrid", "label_free_pipeline", "é"])
    | st.just(datetime.date(2020, 1, 1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["class", "steps", "start", "grid", "C"]), inner)
    ),
    max_leaves=5,
)


def taken_or_refused(load, content):
    message = "bench.toml: "
    try:
        load(content)
    except ValueError as error:
        message = str(error)
    assert "bench.toml: " in message


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(place=st.sampled_from(KEYS), value=VALUES)
def test_any_value_in_any_place_is_taken_or_refused_by_name(load, place, value):
    content = copy.deepcopy(tomllib.loads(FULL))
    at(content, place[:-1])[place[-1]] = value
    taken_or_refused(load, content)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(start=st.integers(0, len(FULL)), length=st.integers(0, 20), new=st.text(max_size=3))
def test_a_damaged_text_is_taken_or_refused_by_name(load, start, length, new):
    text = FULL[:start] + new.replace("\r", "") + FULL[start + length :]
    taken_or_refused(load, text)


def test_paths_are_relative_to_the_file(tmp_path):
    write_tables(tmp_path / "data", ["lab", "webcam"])
    content = minimal(**{"class": "TCA"}) | {
        "corpora": [{"source": f"features:data/{name}.npz"} for name in ("lab", "webcam")],
        "store": "sub/r.sqlite",
        "descriptor": {
            "steps": [
                {"class": "CropAlign", "detector": {"class": "YuNetDetector", "model_path": "m"}},
                {"class": "LBPTOP"},
            ]
        },
    }
    path = tmp_path / "bench.toml"
    path.write_text(toml_text(content))
    with pytest.raises(ValueError, match="descriptor: steps, 1: detector: .*no file"):
        load_config(path)
    (tmp_path / "m").write_bytes(b"a network")
    config = load_config(path)
    assert config.store == tmp_path / "sub" / "r.sqlite"
    assert [c.corpus for c in config.open_corpora()] == ["lab", "webcam"]
    assert config.descriptor.steps[0][1].detector.model_path == str(tmp_path / "m")


def test_corpora_say_how_much_of_a_folder_a_clip_is(tmp_path):
    folder = tmp_path / "data" / "clip"
    folder.mkdir(parents=True)
    for number in range(10):
        (folder / f"{number}.png").touch()  # frames are listed, not read
    rows = "path,subject,label,onset,offset\ndata/clip,1,happiness,3,6\n"
    (tmp_path / "m.csv").write_text(rows)
    path = tmp_path / "bench.toml"
    for extent, n_frames in (({}, 4), ({"extent": "folder"}, 10)):
        content = minimal(**{"class": "TCA"}) | {"corpora": [{"source": "m.csv"} | extent]}
        path.write_text(toml_text(content))
        (corpus,) = load_config(path).open_corpora()
        assert len(corpus[0].frame_numbers) == n_frames
    path.write_text(toml_text(content | {"corpora": [{"source": "m.csv", "extent": "fold"}]}))
    with pytest.raises(ValueError, match="extent: unknown extent 'fold'; did you mean 'folder'"):
        load_config(path)


def test_a_run_is_the_call_that_it_describes(tmp_path):
    tables = write_tables(tmp_path, ["lab", "webcam"])
    path = tmp_path / "bench.toml"
    content = {
        "title": "Two tables",
        "corpora": [{"source": "features:lab.npz"}, {"source": "features:webcam.npz"}],
        "protocol": {"class": "CDMERPairs", "experiments": "all"},
        "selection": ["label-free:entropy", "oracle"],
        "methods": {
            "SVM": {"class": "SourceOnly"},
            "TCA": {"class": "TCA", "param_grid": {"n_components": [2, 4]}, "citation": "Pan"},
        },
    }
    path.write_text(toml_text(content))
    found = run_config(path, progress=False)
    expected = benchmark(
        {"SVM": SourceOnly(), "TCA": Method(TCA(), {"n_components": [2, 4]}, "Pan")},
        tables,
        CDMERPairs(None),
        selection=["label-free:entropy", "oracle"],
        progress=False,
    )
    assert found.predictions.equals(expected.predictions)
    assert found.info["config"] == path.read_text()
    assert found.info["command"] == "cdmer benchmark bench.toml"
    assert found.info["title"] == "Two tables"
    again = run_config(load_config(path), n_jobs=2, progress=False)
    assert again.predictions.equals(found.predictions)
    assert again.info["created"] == found.info["created"]
    assert (tmp_path / "bench.sqlite").is_file()
    plan = summarize_config(load_config(path))
    assert f"\n{len(found.jobs)} jobs in 2 experiments" in plan
    assert "TCA, oracle: 2 folds, 2 settings each" in plan
    assert "lab: 24 clips (negative 8, positive 8, surprise 8)" in plan


def test_a_pair_of_corpora_that_are_not_there_is_named(tmp_path):
    write_tables(tmp_path, ["lab", "webcam"])
    content = minimal() | {
        "corpora": [{"source": "features:lab.npz"}, {"source": "features:webcam.npz"}],
        "protocol": {"class": "CDMERPairs", "experiments": [["lab", "webcan"]]},
    }
    path = tmp_path / "bench.toml"
    path.write_text(toml_text(content))
    with pytest.raises(ValueError, match=re.escape("unknown corpus 'webcan'; did you mean 'web")):
        run_config(path, progress=False)


def test_parameters_of_other_protocols(load):
    content = minimal() | {"protocol": {"class": "HoldOutDatabase", "test": ["nir-25fps"]}}
    protocol = load(content).protocol
    assert isinstance(protocol, HoldOutDatabase)
    assert list(protocol.test) == ["nir-25fps"]


def test_a_report_that_cannot_be_written_stops_before_the_work(tmp_path):
    write_tables(tmp_path, ["lab", "webcam"])
    content = minimal() | {
        "corpora": [{"source": "features:lab.npz"}, {"source": "features:webcam.npz"}],
        "report": "no/such/folder.html",
    }
    path = tmp_path / "bench.toml"
    path.write_text(toml_text(content))
    with pytest.raises(FileNotFoundError, match="report: there is no folder"):
        run_config(path, progress=False)
    assert not (tmp_path / "bench.sqlite").exists()


NETWORK = {"class": "NetClassifier", "network": "STSTNet", "n_epochs": 2, "device": "cpu"}


def test_networks_are_read(load):
    pytest.importorskip("torch")
    from cdmer.nets import HorizontalFlip, NetClassifier
    from cdmer.nets.adaptation import DAN

    given = NETWORK | {
        "network_params": {"channels": ["u", "v"], "dropout": 0.2},
        "adaptation": {"class": "DAN", "weight": 0.5},
        "augment": {"class": "HorizontalFlip", "horizontal": [0], "scaling": "pixels"},
        "class_weight": {"0": 1, "1": 2, "2": 3.0},
        "param_grid": {
            "adaptation__weight": [0.5, 1.0],
            "adaptation": [{"class": "MCC"}],
            "network_params": [{"size": 12}, {"size": 12, "dropout": 0.0}],
            "class_weight": ["balanced", {"0": 1, "1": 2, "2": 2}],
        },
    }
    method = load(minimal(**given)).methods["one"]
    expected = NetClassifier(
        "STSTNet",
        network_params={"channels": ["u", "v"], "dropout": 0.2},
        n_epochs=2,
        device="cpu",
        adaptation=DAN(0.5),
        augment=HorizontalFlip(0.5, (0,), "pixels"),
        class_weight={0: 1, 1: 2, 2: 3.0},
    )
    assert identify(method.estimator) == identify(expected)
    assert [type(loss).__name__ for loss in method.param_grid["adaptation"]] == ["MCC"]
    assert method.param_grid["network_params"] == [{"size": 12}, {"size": 12, "dropout": 0.0}]
    assert method.param_grid["class_weight"] == ["balanced", {0: 1, 1: 2, 2: 2}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "STSTnet"}, "network: unknown network 'STSTnet'; did you mean 'STSTNet'?"),
        ({"network": {"class": "DAN"}}, "network: unknown network"),
        ({"network": "os.system"}, "network: unknown network 'os.system'"),
        ({"network_params": {"chanels": 3}}, "did you mean 'channels'?"),
        ({"network_params": {"n_classes": 3}}, "unknown parameter of STSTNet 'n_classes'"),
        ({"network_params": {"class": "SVC"}}, "unknown parameter of STSTNet 'class'"),
        ({"network_params": 3}, "network_params: expected a table, got 3"),
        ({"class_weight": {"positive": 2}}, "class_weight: positive: expected positions of"),
        ({"network_params": {"dropout": 2}}, "NetClassifier: dropout: expected a finite number"),
        ({"adaptation": {"class": "SVC"}}, "adaptation: expected a loss of cdmer.nets.adaptation"),
        ({"adaptation": {"class": "DNN"}}, "adaptation: class: unknown class 'DNN'"),
        ({"augment": {"class": "SVC"}}, "augment: expected a callable"),
        ({"n_epochs": 0}, "n_epochs: expected a whole number >= 1, got 0"),
        ({"checkpoint": "run.safetensors"}, "unknown parameter of NetClassifier 'checkpoint'"),
        ({"param_grid": {"checkpoint": ["a"]}}, "unknown parameter of NetClassifier 'checkpoint'"),
        (
            {"network": "C3D", "network_params": {"size": 1000, "n_hidden": 10**4}},
            "network_params: expected a network of 1000000000 numbers at most",
        ),
        (
            {
                "network": "C3D",
                "param_grid": {"network_params": [{}, {"size": 1000, "n_hidden": 10**4}]},
            },
            "param_grid: network_params: expected a network of 1000000000 numbers at most",
        ),
        (
            {"network": "MLP", "network_params": {"hidden_layer_sizes": [10**4, 10**4]}},
            "hidden_layer_sizes: expected 50000000 weights between them at most, got 100000000",
        ),
        (
            {"param_grid": {"network_params": [{"size": 28}] * 201}},
            "network_params: expected 200 networks at most, got 201",
        ),
        ({"network_params": {"size": 10**12}}, "network_params: "),
    ],
)
def test_networks_that_are_not_to_be_had_are_named(load, change, message):
    pytest.importorskip("torch")
    found = refusal(load, minimal(**NETWORK | change))
    assert found.startswith("methods: one: ")
    assert message in found


def test_layers_of_an_adaptation_count_too(load, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(_networks, "_MOST_PARAMETERS", 10**6)
    given = NETWORK | {"adaptation": {"class": "CDAN", "hidden_layer_sizes": [1000, 1000]}}
    assert "1000000 numbers at most, with the layers of its adaptation, got" in refusal(
        load, minimal(**given)
    )
    assert load(minimal(**NETWORK)).methods["one"].estimator.adaptation is None


def test_a_pipeline_keeps_no_files_where_a_config_says_so(load):
    given = {"steps": [{"class": "SVC"}], "param_grid": {"memory": ["/tmp/there"]}}
    assert "unknown parameter of Pipeline 'memory'" in refusal(load, minimal(**given))


@pytest.mark.parametrize("name", ["NetClassifier", "HorizontalFlip", "DAN"])
def test_without_torch_networks_name_the_extra(load, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "torch", None)
    message = refusal(load, minimal(**{"class": name}))
    assert message.startswith(f"methods: one: class: {name}: ")
    assert 'torch is missing: pip install "cdmer[deep]"' in message
    assert "did you mean 'STSTNet'" not in refusal(load, minimal(**{"class": "STSTNet"}))


def test_networks_run_from_a_file_and_from_the_command(tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "deep.toml"
    content = {
        "corpora": [
            {"source": f"synthetic:{name}", "n_clips": 3} for name in ("webcam-25fps", "nir-25fps")
        ],
        "protocol": {"class": "CDMERPairs", "experiments": [["webcam-25fps", "nir-25fps"]]},
        "descriptor": {"class": "FlowImages", "size": 14},
        "methods": {
            "source only": NETWORK | {"network_params": {"size": 14}},
            "DAN": NETWORK | {"network_params": {"size": 14}, "adaptation": {"class": "DAN"}},
        },
    }
    path.write_text(toml_text(content))
    found = run_config(path, store=tmp_path / "one.sqlite", progress=False)
    assert found.predictions.groupby("method", observed=True).size().tolist() == [3, 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cdmer", "benchmark", str(path)])
        with contextlib.suppress(SystemExit):
            main()
    with ResultStore(tmp_path / "deep.sqlite") as store:
        again = store.results()
    assert again.predictions.equals(found.predictions)
    for one, other in zip(found.jobs["scores"], again.jobs["scores"], strict=True):
        np.testing.assert_array_equal(one, other)
