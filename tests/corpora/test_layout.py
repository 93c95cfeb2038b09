"""Declarations of databases: what they must have, what they are known by, what a stranger gets."""

import re
from dataclasses import replace

import pytest
from corruption import Tree

from cdmer.corpora import (
    Folders,
    FurtherFile,
    KnownMistake,
    Layout,
    Naming,
    RehearsalStyle,
    _registrations,
    check_database,
    get_layout,
    get_scheme,
    list_databases,
    load_database,
    make_database,
    pack,
    register_database,
)

WITHOUT_FILE = Layout(
    name="ours",
    title="Ours",
    fps=120.0,
    folders={"raw": Folders(("{subject}/{label}/{clip}",), "{number:04d}.png")},
    emotions={"joy": None, "neutral": None},
    subject="p2s{:02d}",
    schemes={"three": {"joy": "positive", "neutral": ""}},
)
WITH_FILE = replace(
    WITHOUT_FILE,
    folders={"raw": Folders(("frames/{clip}",), "{clip}_{number}.jpg")},
    label_files=("labels*.csv",),
    columns=(("Person", "subject"), ("Take", "clip"), ("Feeling", "label")),
    rehearsal=RehearsalStyle("{s:02d}{i:03d}"),
)
PRESET = "webcam-25fps"
MOMENTS = (("On", "onset"), ("Off", "offset"))


@pytest.mark.parametrize("layout", [WITHOUT_FILE, WITH_FILE])
def test_one_declaration_is_all_that_a_database_needs(registry, tmp_path, layout):
    register_database(layout)
    assert list_databases()[-1] == "ours"
    assert get_layout("ours") is layout
    written = make_database(
        "ours", tmp_path, n_clips=8, n_subjects=3, size=32, preset=PRESET, random_state=0
    )
    assert set(written.table["label"]) == {"joy", "neutral"}
    assert set(written.table["subject"]) == {"p2s01", "p2s02", "p2s03"}
    loaded = load_database("ours", tmp_path)
    expected = {clip.key: clip.__dict__ for clip in written}
    assert {clip.key: clip.__dict__ for clip in loaded} == expected
    found = check_database("ours", tmp_path)
    assert found.complete
    assert found.faults == ()
    assert found.counts["all"] == 8
    clips, y, _ = pack(loaded, [], "three")
    assert {clip.label for clip in clips} == {"joy"}
    assert set(y) == {1}


@pytest.mark.parametrize("layout", [WITHOUT_FILE, WITH_FILE])
def test_damage_is_reported(registry, tmp_path, layout):
    register_database(layout)
    written = make_database(
        "ours", tmp_path / "whole", n_clips=6, n_subjects=2, size=32, preset=PRESET, random_state=0
    )
    whole = Tree.of(tmp_path / "whole", layout, written)
    gap = whole.copy(tmp_path / "gap")
    gap.spoil("missing_frame", 0, 3, None, None, None)
    assert [fault.kind for fault in check_database("ours", gap.root).faults] == ["gap"]
    if layout.label_files:
        lost = whole.copy(tmp_path / "lost")
        lost.spoil("missing_folder", 0, 0, None, None, None)
        with pytest.warns(UserWarning, match="Ours: 5 clips; 1 more have no frames or no name"):
            assert len(load_database("ours", lost.root)) == 5


@pytest.mark.parametrize("folder", ["Other", "others", "OTHER"])
def test_emotions_of_folders_are_spelt_as_those_of_cells(registry, tmp_path, folder):
    emotions = {"joy": None, "others": None}
    register_database(replace(WITHOUT_FILE, emotions=emotions, schemes={}))
    place = tmp_path / "p2s01" / folder / "a"
    place.mkdir(parents=True)
    (place / "0001.png").touch()
    assert [c.label for c in load_database("ours", tmp_path)] == ["others"]


def test_a_further_release_shares_the_rules_of_its_corpus(registry):
    register_database(replace(get_layout("samm"), name="samm-2"))
    assert get_layout("samm-2").corpus == "samm"


@pytest.mark.parametrize(
    "name", ["casme2", "ours", "manifest", "features", "published", "synthetic"]
)
def test_names_that_are_taken_are_refused(registry, name):
    register_database(WITHOUT_FILE)
    known = list_databases()
    message = rf"^name: expected one that is none of .*, got '{name}'$"
    with pytest.raises(ValueError, match=message):
        register_database(replace(WITHOUT_FILE, name=name))
    assert list_databases() == known


@pytest.mark.parametrize("corpus", ["casme2", "dfme", "native"])
def test_rules_that_a_scheme_has_are_left_alone(registry, corpus):
    before = dict(get_scheme("three").rules)
    message = f"schemes: expected a corpus for which scheme 'three' has no rules, got '{corpus}'"
    with pytest.raises(ValueError, match=message):
        register_database(replace(WITHOUT_FILE, corpus=corpus))
    assert get_scheme("three").rules == before
    assert "ours" not in list_databases()


def test_only_layouts_are_registered(registry):
    with pytest.raises(TypeError, match="layout: expected a Layout, got 'ours'"):
        register_database("ours")


def test_what_is_forgotten_is_named():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'emotions'"):
        Layout(name="ours", title="Ours", fps=120.0, folders=WITHOUT_FILE.folders)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a:b"}, "name: expected letters, digits, dots, .* got 'a:b'"),
        ({"corpus": "a/b"}, "corpus: expected letters, digits, .* got 'a/b'"),
        ({"title": ""}, "title: expected text, got ''"),
        ({"fps": 0}, "fps: expected a finite number > 0, got 0"),
        ({"folders": {}}, "folders: expected a dict of one or more variants to Folders, got {}"),
        ({"folders": ("x",)}, "folders: expected a dict .* got ('x',)"),
        ({"emotions": {}}, "emotions: expected a dict, got {}"),
        ({"emotions": {"Joy": None}}, "emotions: expected names in lower case, .* got 'Joy'"),
        ({"emotions": {"joy": -1}}, "emotions['joy']: expected a whole number >= 0, got -1"),
        ({"n_clips": "3"}, "n_clips: expected a whole number >= 0, got '3'"),
        ({"label_files": "a.csv"}, "label_files: expected a tuple of str, got 'a.csv'"),
        ({"label_files": ("a.txt",)}, "label_files: expected names that end in .* got 'a.txt'"),
        ({"label_files": ()}, "folders['raw']: expected folders named {subject}, {label} and"),
        ({"columns": "subject"}, "columns: expected pairs of header and field, got 'subject'"),
        ({"columns": WITH_FILE.columns[:2]}, "columns: expected one for each of .* got"),
        ({"columns": (("", "subject"),)}, "columns: expected a header for 'subject', got ''"),
        ({"columns": (("A", "age"),)}, "columns: expected headers with one of .* got ('A', 'age')"),
        ({"columns": 2 * WITH_FILE.columns}, "columns: expected each field once, got"),
        ({"header": -1}, "header: expected a whole number >= 0, got -1"),
        ({"sheet": 1}, "sheet: expected text, got 1"),
        ({"subject": "sub"}, "subject: expected text with a number at its end, .* got 'sub'"),
        ({"clip": "{onset}"}, "clip: expected text with {clip} in it, got '{onset}'"),
        ({"clip": "{clip}_{onset}"}, "columns: expected one for each of .*'onset'"),
        ({"unknown": {"apexes": ("/",)}}, "unknown: expected keys among .* got 'apexes'"),
        ({"unknown": {"apex": "/"}}, "unknown['apex']: expected a tuple of str, got '/'"),
        ({"mistakes": ("a",)}, "mistakes: expected a tuple of KnownMistake, got ('a',)"),
        ({"misspelt": {"joi": "bliss"}}, "misspelt: expected values among ['joy', 'neutral']"),
        ({"mixed_rates": ("a.csv",)}, "mixed_rates: expected names among .* got ('a.csv',)"),
        ({"kinds": {"micro": "many"}}, "kinds['micro']: expected a whole number >= 0, got 'many'"),
        ({"revisions": {"1": "joy"}}, "revisions['1']: expected a dict of str to str, got 'joy'"),
        ({"naming": {}}, "naming: expected a Naming, got {}"),
        ({"further_files": ("a.csv",)}, "further_files: expected a tuple of FurtherFile, got"),
        ({"repeated": "{clip}"}, "repeated: expected text with {onset} in it, got '{clip}'"),
        ({"repeated": "{clip}_{onset}"}, "columns: expected one for each of .*'onset'"),
        ({"unread": "AU"}, "unread: expected a tuple of str, got 'AU'"),
        ({"other_columns": (WITH_FILE.columns,)}, "other_columns: expected none, as the file"),
        ({"rehearsal": None}, "rehearsal: expected a RehearsalStyle, got None"),
        ({"schemes": {"two": {}}}, "schemes: expected names among .* got 'two'"),
        ({"schemes": {"action-units": {}}}, "schemes: expected names among .* got 'action-units'"),
        ({"schemes": {"three": {"joy": ""}}}, "schemes['three']: expected a class for each of"),
        (
            {"schemes": {"three": {"joy": "happy", "neutral": ""}}},
            "schemes['three']['joy']: expected one of .* got 'happy'",
        ),
    ],
)
def test_wrong_declarations_are_refused_when_they_are_made(changes, message):
    # Parentheses, braces and so on as they are; ".*" for what is between.
    pattern = ".*".join(map(re.escape, message.split(".*")))
    with pytest.raises(ValueError, match=pattern) as caught:
        replace(WITH_FILE, **changes)
    assert isinstance(caught.value, TypeError)


def test_columns_need_a_file_and_recordings_need_moments():
    with pytest.raises(ValueError, match="label_files: expected the file that has the columns"):
        replace(WITHOUT_FILE, columns=WITH_FILE.columns)
    recordings = {"raw": Folders(("{subject}",), "{number}.jpg", recordings=True)}
    with pytest.raises(ValueError, match="columns: expected 'onset' and 'offset', as 'raw' holds"):
        replace(WITH_FILE, folders=recordings)
    replace(WITH_FILE, folders=recordings, columns=(*WITH_FILE.columns, *MOMENTS))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Folders("{clip}", "{number}.jpg"), "templates: expected a tuple of str"),
        (lambda: Folders((), "{number}.jpg"), "templates: expected a tuple of str, got ()"),
        (lambda: Folders(("{name}",), "{number}.jpg"), "templates: expected text with {subject}"),
        (lambda: Folders(("{clip",), "{number}.jpg"), "templates: expected text with {subject}"),
        (lambda: Folders(("../{clip}",), "{number}.jpg"), "templates: expected folders within"),
        (lambda: Folders(("/{clip}",), "{number}.jpg"), "templates: expected folders within"),
        (lambda: Folders(("{clip}",), "img.jpg"), "frame: expected text with {number} in it"),
        (lambda: Folders(("{clip}",), "{number}.gif"), "frame: expected the name of a picture"),
        (lambda: Folders(("{clip}",), "{number}.jpg", 1), "recordings: expected True or False"),
        (lambda: KnownMistake("1", "a", "label", 1, 2, ""), "field: expected one of"),
        (lambda: KnownMistake("1", "a", "label", None, 2, ""), "field: expected one of"),
        (lambda: Naming(folders=["s1"]), "naming.folders: expected a dict of str to str"),
        (lambda: Naming(films={"anger1": 401}), "naming.films: expected a dict of str to str"),
        (lambda: FurtherFile((), WITH_FILE.columns), "label_files: expected the file that has"),
        (lambda: FurtherFile(("a.csv",), WITH_FILE.columns[:2]), "columns: expected 'subject', "),
        (lambda: FurtherFile(("a.txt",), WITH_FILE.columns), "label_files: expected names that"),
        (lambda: RehearsalStyle("{name}"), "rehearsal.clip: expected text with {subject}"),
        (lambda: RehearsalStyle(setup="studio"), "rehearsal.setup: expected one of"),
        (lambda: RehearsalStyle(first=-1), "rehearsal.first: expected a whole number >= 0"),
        (lambda: RehearsalStyle(joints=()), "rehearsal.joints: expected a tuple of str, got ()"),
        (lambda: RehearsalStyle(capitals=1), "rehearsal.capitals: expected True or False"),
        (
            lambda: RehearsalStyle(action_unit_columns=("12",)),
            "rehearsal.action_unit_columns: expected headers such as 'AU12', got '12'",
        ),
    ],
)
def test_wrong_parts_are_refused_when_they_are_made(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


class Entry:
    """An entry point of an installed package."""

    value = "stranger.own"

    def __init__(self, load):
        self.load = load


@pytest.fixture
def installed(registry, monkeypatch):
    """Pretend that a package with an entry point is installed."""

    def install(load):
        monkeypatch.setattr(_registrations, "entry_points", lambda group: [Entry(load)])
        _registrations.import_registrations.cache_clear()

    yield install
    monkeypatch.undo()
    _registrations.import_registrations.cache_clear()


def test_label_schemes_know_databases_of_installed_packages(installed):
    installed(lambda: register_database(WITHOUT_FILE))
    assert get_scheme("three").rules["ours"]["emotions"] == WITHOUT_FILE.schemes["three"]


def test_installed_packages_register_theirs(installed):
    installed(lambda: register_database(WITHOUT_FILE))
    assert list_databases()[-1] == "ours"
    assert list_databases()[-1] == "ours"


def test_an_installed_package_that_fails_leaves_the_others(installed):
    def fail():
        raise RuntimeError("no such thing")

    installed(fail)
    with pytest.warns(UserWarning, match="stranger.own are not known: RuntimeError: no such thing"):
        assert len(list_databases()) == 14
