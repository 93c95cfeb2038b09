"""Spoilt copies of every database: an error that says what is wrong, or a fault for it."""

import tempfile
import traceback
import warnings
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from corruption import CELLS, OF_FOLDERS, OF_LABEL_FILES, Tree, damages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cdmer
from cdmer.corpora import load_database, make_database
from cdmer.corpora._databases.databases import DATABASES

HOME = str(Path(cdmer.__file__).parent)
# One per reader; the cameras of SMIC and the parts of DFME are read alike.
READERS = [
    "smic-hs",
    "casme",
    "casme2",
    "cas-me-2",
    "casme3-a",
    "casme3-c",
    "samm",
    "mmew",
    "4dme",
    "dfme-b",
]
# Kinds of faults of rows and folders that give no clip; "cell" and "emotion" where they name none.
LOST = ("missing-folder", "frames", "duplicate")
PROFILE = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Give a small copy of a database with nothing wrong, written once."""
    known = {}

    def get(name):
        if name not in known:
            root = tmp_path_factory.mktemp(name)
            # A tenth of the frames, of which each copy links and reads every one.
            slow = {name: replace(DATABASES[name], fps=max(10, DATABASES[name].fps / 10))}
            with patch.dict(DATABASES, slow):
                corpus = make_database(
                    name,
                    root,
                    n_clips=5,
                    n_subjects=2,
                    size=32,
                    preset="webcam-25fps",
                    random_state=0,
                )
            known[name] = Tree.of(root, DATABASES[name], corpus), corpus
        return known[name]

    return get


def attempt(function):
    """Call a function: what it gives, or None and its error, which must be one of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return function(), None
        except (ValueError, OSError) as error:
            return None, error


def check_error(error, *names):
    """It was raised by this library, and names the file or folder."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    assert place.filename.startswith(HOME), place
    assert any(name in str(error) for name in names), error


def find_leaves(tree, layout):
    """Folders that should hold a clip: at its depth, and named so where the name is fixed."""
    depth = len(tree.folders[0].relative_to(tree.root).parts)
    fixed = next(iter(layout.folders.values())).templates[0].rpartition("/")[2]
    found = (path for path in tree.root.glob("/".join("*" * depth)) if path.is_dir())
    return [path for path in found if "{" in fixed or path.name.strip().casefold() == fixed]


def check_account(corpus, tree, layout):
    """Every row and every folder is a clip or a fault."""
    faults = corpus.faults
    lost = [f for f in faults if f.kind in LOST]
    nameless = {
        (f.where.rpartition(", ")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZrow "))
        for f in faults
        if f.kind == "cell" and f.clip is None
    }
    used = {clip.source.folder for clip in corpus}
    leaves = find_leaves(tree, layout)
    if tree.label_file is None:
        other = [f for f in faults if f.kind == "emotion" and f.clip is None]
        assert len(leaves) == len(corpus) + len(lost) + len(other), faults
        return
    written = tree.rows[tree.first :]
    n_rows = sum(any(str("" if c is None else c).strip() for c in row) for row in written)
    assert n_rows == len(corpus) + len(lost) + len(nameless), faults
    if not layout.folders[next(iter(layout.folders))].recordings:
        told = {str(tree.root / f.where) for f in faults}
        for leaf in leaves:
            assert str(leaf) in used | told, (leaf, faults)


def check_annotations(corpus, written):
    """Of what is in the label file, nothing has changed."""
    expected = {clip.key: clip for clip in written}
    for clip in corpus:
        for name in ("label", "onset", "apex", "offset", "action_units", "objective_class"):
            assert getattr(clip, name) == getattr(expected[clip.key], name)


def check_frames(corpus):
    """Frames are there, or the error names the file."""
    for clip in corpus:
        frames, error = attempt(lambda clip=clip: clip.frames)
        if error is not None:
            check_error(error, clip.source.folder)
        else:
            assert len(frames) == len(clip.frame_numbers)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_nothing_is_lost_without_a_word(name, whole):
    layout, (base, written) = DATABASES[name], whole(name)
    kinds = OF_FOLDERS + (OF_LABEL_FILES if layout.label_files else ())

    def check(spoilt):
        with tempfile.TemporaryDirectory() as folder:
            tree = base.copy(Path(folder).resolve() / "copy")
            for damage in spoilt:
                tree.spoil(*damage)
            tree.finish()
            corpus, error = attempt(lambda: load_database(name, tree.root))
            if error is not None:
                stem = [tree.label_file.stem] if layout.label_files else []
                check_error(error, str(tree.root), *stem)
                return
            check_account(corpus, tree, layout)
            check_frames(corpus)
            if layout.label_files and not tree.rewritten:
                check_annotations(corpus, written)

    for kind in kinds:
        for i in range(2):
            check([(kind, i, i + 1, "?", "crème brûlée", b"\xff\xd8")])
    PROFILE(given(damages(kinds))(check))()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in READERS if DATABASES[name].label_files])
def test_a_moment_is_right_or_its_cell_is_named(name, whole):
    """Whatever stands in a cell for onset, apex or offset, no other number is made of it."""
    layout, (base, written) = DATABASES[name], whole(name)
    moments = [
        (i, f) for i, (_, f) in enumerate(layout.columns) if f in ("onset", "apex", "offset")
    ]

    @settings(PROFILE, max_examples=40)
    @given(st.integers(0, len(written) - 1), st.sampled_from(moments), CELLS)
    def check(i, moment, cell):
        column, moment = moment
        with tempfile.TemporaryDirectory() as folder:
            tree = base.copy(Path(folder) / "copy")
            tree.rows[tree.first + i][column] = cell
            tree.rewritten = True
            tree.finish()
            corpus, error = attempt(lambda: load_database(name, tree.root))
            assert error is None
            check_account(corpus, tree, layout)
            place = f"{tree.label_file.name}, {chr(ord('A') + column)}{tree.first + i + 1}"
            clips = [
                c for c in corpus if (c.subject, c.name) == (written[i].subject, written[i].name)
            ]
            told = [fault for fault in corpus.faults if fault.where == place]
            if clips and not told:
                assert getattr(clips[0], moment) == float(cell)
                assert not isinstance(cell, bool)
            elif clips:
                assert getattr(clips[0], moment) in (None, _number(cell))
            elif "{onset}" not in layout.clip or _number(cell) is None:
                assert told or any(f.clip == written[i].key for f in corpus.faults)

    check()


def _number(cell):
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None
