import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import doubles
import numpy as np
import pytest
from doubles import Coin, Noise, contents

from cdmer._faces.motion import draw_course
from cdmer.corpora import load_manifest
from cdmer.synthesis import (
    ExpertUnits,
    MixedUnits,
    Renderer,
    UnitSource,
    WarpRenderer,
    split_identities,
    synthesize,
)
from cdmer.synthesis._files import MANIFEST, REQUEST

SOURCES = {"a": Coin(), "b": Coin(strongest=0.3)}
SMALL = {"sources": SOURCES, "renderer": Noise(), "identities": 4, "random_state": 7}


def rows(folder):
    with open(Path(folder) / MANIFEST, newline="") as file:
        return list(csv.DictReader(file))


def test_every_identity_shows_every_class_from_every_source(tmp_path):
    corpus = synthesize(tmp_path / "out", per_class=2, **SMALL)
    assert len(corpus) == 4 * 3 * 2 * 2
    found = {(c.subject, c.name) for c in corpus}
    assert found == {
        (f"id{i:05d}", f"{label}-{source}-{n}")
        for i in range(4)
        for label in ("negative", "positive", "surprise")
        for source in "ab"
        for n in (1, 2)
    }
    assert not corpus.faults
    assert corpus.labels("three") == [clip.label for clip in corpus]
    clip = corpus[-1]
    assert (clip.onset, clip.apex, clip.offset, clip.fps) == (0, 1, None, None)
    assert clip.action_units == ("L6", "12")
    assert clip.position("apex") == 1
    assert clip.frames.shape == (2, 32, 32)


def test_a_row_tells_how_its_clip_came_about(tmp_path):
    """A clip follows from its seed, with nothing but the source and the renderer."""
    corpus = synthesize(tmp_path / "out", fps=50, **SMALL)
    for clip, row in zip(corpus, rows(tmp_path / "out"), strict=True):
        rng = np.random.default_rng(int(row["seed"]))
        source = SOURCES[clip.name.split("-")[1]]
        expression = source.draw(clip.label, rng)
        course, (onset, apex, offset) = draw_course(50, rng)
        frames = Noise().render(int(clip.subject[2:]), expression, course, rng)
        np.testing.assert_array_equal(clip.frames, frames)
        assert (clip.onset, clip.apex, clip.offset, clip.fps) == (onset, apex, offset, 50)
        assert row["action_units"] == "+".join(code for code, _ in expression.action_units)
        said = [float(text) for text in row["intensities"].split("+")]
        np.testing.assert_allclose(said, [i for _, i in expression.action_units], atol=5e-5)
        assert (row["source"], row["emotion"]) == ("coin", "joy")
    seeds = [row["seed"] for row in rows(tmp_path / "out")]
    assert len(set(seeds)) == len(seeds)
    assert max(map(int, seeds)) < 2**53


@pytest.mark.parametrize("fps", [12, 25, 100, 200])
def test_a_course_rises_from_onset_to_apex_and_falls_to_offset(fps):
    for seed in range(100):
        course, (onset, apex, offset) = draw_course(fps, np.random.default_rng(seed))
        course = np.array(course)
        assert 0 < onset < apex - 1 < offset - 2 < len(course) - 2
        assert course[apex] == course.max() == 1
        assert not course[: onset + 1].any()
        assert not course[offset:].any()
        assert (np.diff(course[onset : apex + 1]) > 0).all()
        assert (np.diff(course[apex : offset + 1]) < 0).all()
        if fps >= 25:
            assert (offset - onset) / fps <= 0.5


def test_the_same_bytes_for_any_number_of_workers(tmp_path):
    for name, n_jobs in (("one", 1), ("two", 2)):
        synthesize(tmp_path / name, n_jobs=n_jobs, **SMALL | {"identities": 15})
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert not any(name.startswith(".") for name in contents(tmp_path / "one"))


def test_more_identities_or_classes_leave_the_other_clips_alone(tmp_path):
    few = synthesize(tmp_path / "few", **SMALL | {"classes": ("surprise",)})
    many = {c.key: c for c in synthesize(tmp_path / "many", **SMALL | {"identities": 6})}
    for clip in few:
        np.testing.assert_array_equal(clip.frames, many[clip.key].frames)
    other = synthesize(tmp_path / "other", **SMALL | {"random_state": 8})
    assert not np.array_equal(other[0].frames, many[other[0].key].frames)


def test_what_is_there_whole_is_kept_and_what_is_not_is_made_again(tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    request = SMALL | {"renderer": Noise(log=str(log))}
    synthesize(out, **request)
    before, stamps = contents(out), {p: p.stat().st_mtime_ns for p in out.rglob("*.png")}
    log.unlink()
    cut = out / "id00001" / "negative-a-1" / "001.png"
    cut.write_bytes(cut.read_bytes()[:-1])
    (out / "id00002" / "positive-b-1" / "000.png").unlink()
    (out / "id00003" / "surprise-a-1" / "000.png").write_bytes(b"")
    shutil.rmtree(out / "id00000" / "positive-a-1")
    (out / ".unfinished" / "0123").mkdir(parents=True)
    (out / MANIFEST).unlink()
    synthesize(out, **request)
    assert contents(out) == before
    assert log.read_text().splitlines() == ["0 positive", "1 negative", "2 positive", "3 surprise"]
    again = {p for p, stamp in stamps.items() if p.stat().st_mtime_ns != stamp}
    assert len(again) == 8


def test_a_folder_answers_one_request(tmp_path):
    out = tmp_path / "out"
    synthesize(out, **SMALL)
    before = contents(out)
    for change, said in (
        ({"random_state": 8}, "random_state 7 there, 8 asked for"),
        ({"identities": 5}, "identities 4 there, 5 asked for"),
        ({"fps": 25}, "fps null there, 25 asked for"),
        ({"sources": {"a": Coin()}}, "sources "),
        ({"renderer": Noise(size=33)}, "renderer "),
    ):
        with pytest.raises(ValueError, match=f"^out: .*another synthesis.*{re.escape(said)}"):
            synthesize(out, **SMALL | change)
    assert contents(out) == before
    (out / REQUEST).write_text("{")
    with pytest.raises(ValueError, match=r"synthesis\.json: no JSON that can be read"):
        synthesize(out, **SMALL)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match="out: expected an empty folder"):
        synthesize(tmp_path / "mine", **SMALL)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_failures_are_named_and_listed_and_the_rest_is_made(tmp_path):
    out = tmp_path / "out"
    with pytest.warns(
        UserWarning,
        match=r"2 clips could not be made; .*failures\.csv lists them, "
        "first 'id00002/positive-a-1': RuntimeError: identity 2 broke",
    ):
        corpus = synthesize(out, **SMALL | {"renderer": Noise(broken=(2,))})
    assert len(corpus) == 22
    with open(out / "failures.csv", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [row["clip"] for row in listed] == ["id00002/positive-a-1", "id00002/positive-b-1"]
    assert listed[0]["error"] == "RuntimeError: identity 2 broke, on purpose"
    whole = synthesize(out, **SMALL)  # what failed is tried again
    assert len(whole) == 24
    assert not (out / "failures.csv").exists()
    synthesize(tmp_path / "straight", **SMALL)
    assert contents(out) == contents(tmp_path / "straight")


def test_nothing_is_blamed_on_a_clip_that_is_not_its_fault(tmp_path):
    for error in (ImportError, MemoryError):
        with pytest.raises(error, match="on purpose"):
            synthesize(tmp_path / "a", **SMALL | {"renderer": Noise(broken=(1,), error=error)})
    broken = Noise(broken=range(4))
    with pytest.raises(ValueError, match="none of 8 clips could be made; first 'id00000/pos"):
        synthesize(tmp_path / "b", **SMALL | {"renderer": broken, "classes": ("positive",)})
    assert not (tmp_path / "b" / MANIFEST).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("joy",)}, r"classes: expected members of .* source 'a' has, got 'joy'"),
        ({"classes": ()}, "classes: expected different class names"),
        ({"classes": "negative"}, "classes: expected different class names, got 'negative'"),
        ({"classes": ("negative", "negative")}, "classes: expected different"),
        ({"sources": [Coin()]}, "sources: expected a dict"),
        ({"sources": {"a": "expert"}}, r"sources\['a'\]: expected a UnitSource, got 'expert'"),
        ({"sources": {"../a": Coin()}}, "sources: expected names of letters"),
        (
            {
                "classes": ("x", "x-y"),
                "sources": {"y-z": Coin(classes=("x", "x-y")), "z": Coin(classes=("x", "x-y"))},
            },
            r"tell clips apart, got 'x-y-z' for \('x', 'y-z'\) and for \('x-y', 'z'\)",
        ),
        ({"renderer": "warp"}, "renderer: expected a Renderer, got 'warp'"),
        ({"renderer": Noise(n_identities=3)}, "identities: expected at most the 3 .*, got 4"),
        ({"renderer": Noise(classes=("positive",))}, "the renderer can show, got 'negative'"),
        ({"identities": 0}, "identities: expected a whole number >= 1 and <= 1000000, got 0"),
        ({"per_class": 1.5}, "per_class: expected a whole number >= 1 and <= 10000, got 1.5"),
        ({"fps": 0}, "fps: expected a finite number > 0 and <= 100000, got 0"),
        ({"random_state": -1}, "random_state: expected"),
        ({"random_state": None}, "random_state: expected"),
        ({"name": "a/b"}, "name: expected names of letters"),
    ],
)
def test_bad_arguments_are_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        synthesize(tmp_path / "out", **SMALL | change)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_a_disk_that_is_full_is_named_with_the_file(tmp_path):
    code = """
import resource, signal, sys
from doubles import Coin, Noise
from cdmer.synthesis import synthesize
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
synthesize(sys.argv[1], sources={"a": Coin()}, renderer=Noise(size=64), identities=1, n_jobs=1)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.path.dirname(doubles.__file__)},
    )
    assert re.search(r"OSError: \[Errno 27\] .*: '.*000\.png'", ended.stderr), ended.stderr


def test_a_renderer_that_gives_something_else_is_named(tmp_path):
    class Floats(Noise):
        def render(self, *arguments):
            return super().render(*arguments) / 255

    with pytest.raises(TypeError, match=r"renderer: expected frames of uint8, shape \(2, 32, 32\)"):
        synthesize(tmp_path / "out", **SMALL | {"renderer": Floats()})


class Forgetful(UnitSource):
    """A source that forgets its classes."""

    def draw(self, label, rng):
        return label

    def describe(self):
        return {}


class Sizeless(Renderer):
    """A renderer that forgets its size."""

    def render(self, identity, expression, course, rng):
        return None

    def describe(self):
        return {}


def test_what_subclasses_forget_is_named(tmp_path):
    with pytest.raises(TypeError, match="abstract class '?Half'?.* method '?describe"):
        type("Half", (UnitSource,), {"draw": Forgetful.draw})()
    with pytest.raises(TypeError, match="abstract class '?Half'?.* method '?render"):
        type("Half", (Renderer,), {"describe": Sizeless.describe})()
    source, renderer = Forgetful(), Sizeless()
    message = "expected a UnitSource that sets `classes`, a tuple of str, got None of Forgetful"
    for sources in ({"a": source}, {"a": Coin(), "b": source}):
        with pytest.raises(ValueError, match=message):
            synthesize(tmp_path / "out", **SMALL | {"sources": sources})
    with pytest.raises(ValueError, match=f"parts: {message}"):
        MixedUnits([(source, 1)])
    source.classes = ("negative", "positive", "surprise")
    message = r"sources\['a'\]: expected an Expression from draw, got 'negative'"
    with pytest.raises(ValueError, match=message):
        synthesize(tmp_path / "out", **SMALL | {"sources": {"a": source}})
    message = "renderer: expected a Renderer that sets `size`, got Sizeless without"
    with pytest.raises(ValueError, match=message):
        synthesize(tmp_path / "new", **SMALL | {"renderer": renderer})
    renderer.size, renderer.n_identities = 32, 0
    message = "renderer: n_identities of Sizeless: expected a whole number >= 1, got 0"
    with pytest.raises(ValueError, match=message):
        synthesize(tmp_path / "new", **SMALL | {"renderer": renderer})


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_any_moment_and_run_again(tmp_path):
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, doubles.__file__, str(tmp_path / "broken"), str(log)],
        start_new_session=True,
    )
    # At a random clip, and at a random moment of it: drawing, rendering, writing.
    moment = np.random.default_rng().integers(1, 200)
    while process.poll() is None and (not log.exists() or log.read_text().count("\n") < moment):
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "broken" / MANIFEST).exists()
    n_before = len(log.read_text().splitlines())
    doubles.main(tmp_path / "broken", log, n_jobs=1)
    doubles.main(tmp_path / "whole", tmp_path / "other", n_jobs=1)
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")
    n_all = len((tmp_path / "other").read_text().splitlines())
    n_after = len(log.read_text().splitlines())
    assert n_after - n_all <= 2  # what the two workers had in hand
    assert n_before >= moment


def test_with_the_renderer_of_the_library(tmp_path):
    request = {
        "identities": 3,
        "renderer": WarpRenderer(size=64),
        "sources": {"expert": ExpertUnits()},
    }
    one = synthesize(tmp_path / "one", **request)
    synthesize(tmp_path / "two", n_jobs=2, **request)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert one[0].frames.shape == (2, 64, 64)
    onset, apex = one[0].frames.astype(int)
    assert 0 < np.abs(apex - onset).mean() < 20
    loaded = load_manifest(tmp_path / "one" / MANIFEST)
    assert [clip.key for clip in loaded] == [clip.key for clip in one]


def test_splits_share_nobody_and_do_not_depend_on_who_else_is_there(tmp_path):
    shares = {"train": 0.5, "validation": 0.25, "test": 0.25}
    renderer = Noise(size=4)
    few, many = (
        synthesize(tmp_path / str(n), sources={"a": Coin()}, renderer=renderer, identities=n)
        for n in (100, 300)
    )
    parts = split_identities(many, shares)
    people = {name: {clip.subject for clip in part} for name, part in parts.items()}
    assert sum(map(len, people.values())) == 300
    assert sum(map(len, parts.values())) == len(many)
    for name, share in shares.items():
        assert abs(len(people[name]) - 300 * share) < 4 * np.sqrt(300 * share * (1 - share))
        assert {clip.subject for clip in split_identities(few, shares)[name]} == {
            who for who in people[name] if who < "id00100"
        }
    others = {clip.subject for clip in split_identities(many, shares, 1)["test"]}
    assert others != people["test"]
    for wrong in ({"a": 0.5}, {"a": 1.5}, {}, [0.5, 0.5], {"a": 0.0, "b": 1.0}):
        with pytest.raises(ValueError, match="shares"):
            split_identities(many, wrong)
    with pytest.raises(ValueError, match="corpus: expected a Corpus, got list"):
        split_identities(list(many), shares)
    with pytest.raises(ValueError, match="no identity of corpus 'synthesis' falls to 'test'"):
        split_identities(many.select(subject="id00001"), {"train": 0.999, "test": 0.001})
