import subprocess
import sys
from dataclasses import fields, replace

import pytest

from cdmer.corpora import PRESETS, make_synthetic_corpus

RENDER = make_synthetic_corpus("nir-25fps", n_clips=3, size=32, random_state=0)[0].source


def changed(value):
    """Another value of the same kind, as near as there is."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value - 2**-40 if value else value + 2**-40
    if isinstance(value, str):
        return value + "x"
    return (*value[:-1], changed(value[-1]))


def test_number_of_frames_is_known_before_rendering():
    assert RENDER.n_frames == len(RENDER())


@pytest.mark.parametrize("name", [f.name for f in fields(RENDER) if f.name not in ("who", "setup")])
def test_fingerprint_depends_on_every_field(name):
    other = replace(RENDER, **{name: changed(getattr(RENDER, name))})
    assert other.fingerprint() != RENDER.fingerprint()


@pytest.mark.parametrize("part", ["who", "setup"])
def test_fingerprint_depends_on_the_person_and_the_camera(part):
    thing = getattr(RENDER, part)
    names = {RENDER.fingerprint()}
    for field in fields(thing):
        other = replace(thing, **{field.name: changed(getattr(thing, field.name))})
        names.add(replace(RENDER, **{part: other}).fingerprint())
    assert len(names) == len(fields(thing)) + 1


def test_fingerprints_are_the_same_in_every_process_and_differ_between_clips():
    code = """
from cdmer.corpora import make_synthetic_corpus
for clip in make_synthetic_corpus("webcam-25fps", n_clips=20, random_state=0):
    print(clip.source.fingerprint())
"""
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [
        c.source.fingerprint()
        for c in make_synthetic_corpus("webcam-25fps", n_clips=20, random_state=0)
    ]
    assert there.stdout.split() == here
    assert len(set(here)) == 20


def test_clips_of_one_seed_are_named_alike():
    setup = PRESETS["nir-25fps"]
    one, two = (make_synthetic_corpus(setup, n_clips=3, random_state=4) for _ in range(2))
    other = make_synthetic_corpus(setup, n_clips=3, random_state=5)
    assert one[0].source.fingerprint() == two[0].source.fingerprint()
    assert one[0].source.fingerprint() != other[0].source.fingerprint()
