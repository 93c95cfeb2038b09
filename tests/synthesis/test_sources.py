import csv
import pickle

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from cdmer.corpora import Clip, make_synthetic_corpus
from cdmer.synthesis import (
    ACTION_UNITS,
    AnnotatedUnits,
    EarlyMacroUnits,
    ExpertUnits,
    Expression,
    MixedUnits,
)

# Liu et al. 2022, https://arxiv.org/abs/2112.01730: unit -> probability.
TABLE = {
    "happiness": {"12": 1, "25": 0.5, "6": 0.5},
    "surprise": {"1": 1, "2": 1, "5": 0.5, "25": 0.5, "26": 0.5},
    "sadness": {"4": 1, "1": 0.5, "15": 0.5},
    "fear": {"5": 0.5, "20": 0.5, "25": 0.5, "26": 0.5},
    "anger": {"4": 1, "7": 0.5, "23": 0.5},
    "disgust": {"9": 1, "10": 0.5, "17": 1},
    "contempt": {"14": 1},
}


def likely(count, n, share):
    return binomtest(count, n, share).pvalue > 1e-4


@pytest.mark.parametrize("emotion", TABLE)
def test_experts_draw_units_as_often_as_the_table_says(emotion):
    source, rng, n = ExpertUnits({"it": [emotion]}), np.random.default_rng(0), 1000
    drawn = [source.draw("it", rng) for _ in range(n)]
    units = [dict(expression.action_units) for expression in drawn]
    assert set().union(*units) == set(TABLE[emotion])
    none = np.prod([1 - chance for chance in TABLE[emotion].values()])
    for unit, chance in TABLE[emotion].items():
        assert likely(sum(unit in one for one in units), n, chance / (1 - none))
    intensities = np.array([value for one in units for value in one.values()])
    assert kstest(intensities, "uniform", (0.1, 0.2)).pvalue > 1e-4
    assert {(one.label, one.emotion, one.source) for one in drawn} == {("it", emotion, "expert")}


def test_emotions_of_a_class_are_alike_likely():
    source, rng = ExpertUnits(), np.random.default_rng(0)
    found = [source.draw("negative", rng).emotion for _ in range(1000)]
    assert set(found) == {"sadness", "fear", "anger", "disgust", "contempt"}
    assert all(likely(found.count(name), 1000, 0.2) for name in set(found))


def clip(label, units, name="c"):
    return Clip(np.zeros((2, 4, 4), np.uint8), name, "s", "lab", label, action_units=units)


def test_annotated_units_keep_side_and_intensity():
    source = AnnotatedUnits(
        [
            clip("positive", ("L12B", "AU6E")),
            clip("surprise", ("1", "R2", "02C", "61")),
            clip("negative", ("12 or 15", "?")),
            clip("negative", ()),
        ]
    )
    assert source.classes == ("positive", "surprise")
    rng = np.random.default_rng(0)
    assert source.draw("positive", rng).action_units == (("6", 1.0), ("L12", 0.4))
    drawn = dict(source.draw("surprise", rng).action_units)
    assert set(drawn) == {"1", "2"}
    assert drawn["2"] == 0.6
    assert 0.1 <= drawn["1"] <= 0.3
    with pytest.raises(ValueError, match="label: expected one of .*, got 'negative'"):
        source.draw("negative", rng)
    with pytest.raises(ValueError, match="corpus: expected clips with one or more"):
        AnnotatedUnits([clip("negative", ("61",))])


def test_annotated_units_are_read_as_sheets_write_them():
    shown = ("A4D", "10A/B", "ref(7B)", "A/L12C", "L14 or R14", "AD25", "M26", "6?", "soft focus")
    source = AnnotatedUnits([clip("Grim", shown), clip("glad", ("R12A",))], "labels")
    assert source.classes == ("glad", "Grim")
    drawn = dict(source.draw("Grim", np.random.default_rng(0)).action_units)
    assert drawn == pytest.approx({"4": 0.8, "10": 0.3, "7": 0.4, "12": 0.6})


def test_annotated_clips_are_alike_likely():
    corpus = make_synthetic_corpus(
        "webcam-25fps", n_clips=12, n_subjects=3, size=32, random_state=0
    )
    source, rng = AnnotatedUnits(corpus), np.random.default_rng(0)
    own = [set(c.action_units) for c in corpus if c.label == "negative"]
    drawn = [{unit for unit, _ in source.draw("negative", rng).action_units} for _ in range(600)]
    for units in own:
        assert likely(drawn.count(units), 600, own.count(units) / len(own))


def write(path, total, *, first=1, **changes):
    """Write a table in which units 6 and 12 share a course of intensities."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["frame", "timestamp", "confidence", "success"]
    columns += [f"AU{int(unit):02d}_r" for unit in ACTION_UNITS]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([columns[0], *(f" {name}" for name in columns[1:])])
        for t, value in enumerate(total):
            units = {"AU12_r": 0.75 * value, "AU06_r": 0.25 * value}
            row = {"frame": first + t, "timestamp": t / 30, "confidence": 0.98, "success": 1}
            row |= dict.fromkeys(columns[4:], 0.0) | units
            row |= {key: values[t] for key, values in changes.items() if t in values}
            rows.writerow([row[name] for name in columns])


# Rises from frame 10 to frame 50 in a straight line, and falls.
COURSE = np.r_[np.zeros(10), np.arange(41) / 10, np.arange(20)[::-1] / 5]


def test_early_frames_of_a_macro_expression(tmp_path):
    write(tmp_path / "happiness" / "1.csv", COURSE)
    source, rng = EarlyMacroUnits(tmp_path), np.random.default_rng(0)
    assert source.classes == ("positive",)
    drawn = [source.draw("positive", rng) for _ in range(500)]
    total = np.array([sum(value for _, value in one.action_units) for one in drawn]) * 5
    # The onset is the last frame at a tenth of the rise, 0.4; the apex is at 4.0.
    assert total.min() >= 0.4 + 0.25 * 3.6 - 0.06
    assert total.max() <= 0.4 + 0.5 * 3.6 + 0.06
    assert np.ptp(total) > 0.7
    for one in drawn[:5]:
        units = dict(one.action_units)
        assert set(units) == {"6", "12"}
        assert units["12"] == pytest.approx(3 * units["6"])
        assert (one.emotion, one.source) == ("happiness", "early-macro")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"success": {30: 0}}, "happiness/1.csv: .* got frame 31 not tracked"),
        ({"confidence": {30: 0.1}}, "got frame 31 not tracked"),
        ({"frame": {t: t + 2 for t in range(30, 71)}}, "got no frame 31"),
        # What is left begins too late, or ends too early.
        ({"success": dict.fromkeys(range(25), 0)}, "no gap where .* got frame 25 not tracked"),
        ({"success": {13: 0}}, "got frame 14 not tracked"),
        ({"success": dict.fromkeys(range(40, 71), 0)}, "got frame 41 not tracked"),
        (
            {"frame": {30: 30}},
            "expected one row per frame, of one face, .* got two rows of frame 30",
        ),
        (
            {"frame": {30: 7}, "success": {30: 0}},
            "in the order of time, got frame 7 after frame 30",
        ),
        ({"frame": {30: "nan"}}, "got frame nan after frame 30"),
        ({"AU12_r": {3: 5.5}}, "intensities from 0 to 5, got 5.5 in column 'AU12_r' of frame 4"),
        ({"AU12_r": {3: "nan"}}, "intensities from 0 to 5, got nan"),
        ({"AU12_r": {3: "x"}}, "expected numbers alone, .* got 'x' in column 'AU12_r', row 4"),
        ({"AU12_r": {3: "-nan(ind)"}}, "got nan in column 'AU12_r' of frame 4"),
        ({"AU12_r": {3: ""}}, "got nan in column 'AU12_r' of frame 4"),
        ({"AU12_r": {3: "inf"}}, "got inf in column 'AU12_r' of frame 4"),
        ({"AU12_r": {3: "1.#INF"}}, "expected numbers alone, .* got '1.#INF' in column 'AU12_r'"),
        ({"AU12_r": {3: "0,98"}}, "with decimal points, got '0,98' in column 'AU12_r', row 4"),
        ({"confidence": {3: "0,98"}}, "got '0,98' in column 'confidence', row 4"),
    ],
)
def test_bad_tables_are_named(tmp_path, changes, message):
    write(tmp_path / "happiness" / "1.csv", COURSE, **changes)
    with pytest.raises(ValueError, match=message):
        EarlyMacroUnits(tmp_path)


@pytest.mark.parametrize(
    "missing",
    ["-nan(ind)", "nan(ind)", "-nan", "NaN", "nan(snan)", "1.#QNAN", "-1.#IND00", "-1.#J", " ", ""],
)
def test_frames_without_a_face_may_lack_values(tmp_path, missing):
    write(tmp_path / "happiness" / "1.csv", COURSE, success={60: 0, 61: 0}, confidence={60: 0})
    whole = EarlyMacroUnits(tmp_path).tables["positive"][0][1]
    lost = {f"AU{int(unit):02d}_r": {60: missing, 61: missing} for unit in ACTION_UNITS}
    lost |= {"success": {60: 0, 61: 0}, "confidence": {60: 0, 61: missing}}
    write(tmp_path / "happiness" / "1.csv", COURSE, **lost)
    np.testing.assert_array_equal(EarlyMacroUnits(tmp_path).tables["positive"][0][1], whole)


def test_commas_for_decimal_points_are_named(tmp_path):
    path = tmp_path / "happiness" / "1.csv"
    write(path, COURSE)
    text = path.read_text()
    path.write_text(text.replace(",", ";"))
    with pytest.raises(ValueError, match="separated by commas, got semicolons"):
        EarlyMacroUnits(tmp_path)
    header, rest = text.split("\n", 1)
    german = text.replace(",", ";").replace(".", ",")
    for wrong in (german, header + "\n" + rest.replace("0.98", "0,98")):
        path.write_text(wrong)
        with pytest.raises(ValueError, match="a cell per column, .* are commas decimal points"):
            EarlyMacroUnits(tmp_path)


def test_two_faces_per_frame_are_named(tmp_path):
    write(tmp_path / "happiness" / "1.csv", COURSE)
    header, *rows = (tmp_path / "happiness" / "1.csv").read_text().splitlines()
    doubled = [header, *(row for row in rows for _ in range(2))]
    (tmp_path / "happiness" / "1.csv").write_text("\n".join(doubled))
    with pytest.raises(ValueError, match=r"of one face, .* got two rows of frame 1$"):
        EarlyMacroUnits(tmp_path)


def test_tables_are_read_whatever_the_case_of_their_names(tmp_path):
    write(tmp_path / "happiness" / "01.csv", COURSE)
    write(tmp_path / "happiness" / "02.CSV", COURSE)
    assert len(EarlyMacroUnits(tmp_path).tables["positive"]) == 2


def test_gaps_outside_of_the_rise_do_not_matter(tmp_path):
    write(tmp_path / "happiness" / "1.csv", COURSE, success={2: 0, 60: 0})
    assert EarlyMacroUnits(tmp_path).classes == ("positive",)


def test_other_folders_and_empty_ones_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="which is no folder"):
        EarlyMacroUnits(tmp_path / "none")
    with pytest.raises(ValueError, match="got none"):
        EarlyMacroUnits(tmp_path)
    write(tmp_path / "happiness" / "1.csv", np.zeros(30))
    with pytest.raises(ValueError, match="expected a rise over five frames"):
        EarlyMacroUnits(tmp_path)
    (tmp_path / "happiness" / "1.csv").write_text("frame,confidence\n1,1\n")
    with pytest.raises(ValueError, match="expected a column 'success', got none"):
        EarlyMacroUnits(tmp_path)
    (tmp_path / "happiness" / "1.csv").unlink()
    (tmp_path / "joy").mkdir()
    with pytest.raises(ValueError, match="named after emotions of .* got 'joy'"):
        EarlyMacroUnits(tmp_path)


def test_emotions_that_no_class_has_are_left_out(tmp_path):
    write(tmp_path / "happiness" / "1.csv", COURSE)
    classes = {"positive": ["happiness"]}
    alone = EarlyMacroUnits(tmp_path, classes).describe()
    write(tmp_path / "anger" / "1.csv", COURSE)
    source = EarlyMacroUnits(tmp_path, classes)
    assert (list(source.tables), source.describe()) == (["positive"], alone)
    with pytest.raises(ValueError, match=r"for emotions of \['fear'\], got none"):
        EarlyMacroUnits(tmp_path, {"negative": ["fear"]})


def test_mixtures_draw_in_their_shares():
    joy = ExpertUnits({"positive": ["happiness"]})
    source = MixedUnits([(ExpertUnits({"positive": ["surprise"], "other": ["fear"]}), 1), (joy, 3)])
    assert source.classes == ("positive",)
    rng = np.random.default_rng(0)
    found = [source.draw("positive", rng).emotion for _ in range(800)]
    assert likely(found.count("happiness"), 800, 0.75)
    with pytest.raises(ValueError, match="share: expected"):
        MixedUnits([(joy, 0)])
    with pytest.raises(ValueError, match="a class in common"):
        MixedUnits([(joy, 1), (ExpertUnits({"other": ["fear"]}), 1)])


def test_sources_are_functions_of_the_random_numbers(tmp_path):
    write(tmp_path / "surprise" / "1.csv", COURSE)
    corpus = make_synthetic_corpus("webcam-25fps", n_clips=6, n_subjects=3, size=32, random_state=0)
    sources = [ExpertUnits(), AnnotatedUnits(corpus), EarlyMacroUnits(tmp_path)]
    for source in [*sources, MixedUnits([(one, 1) for one in sources])]:
        again = pickle.loads(pickle.dumps(source))
        one, other = (s.draw("surprise", np.random.default_rng(3)) for s in (source, again))
        assert isinstance(one, Expression)
        assert one == other
        assert again.describe() == source.describe()


@pytest.mark.parametrize(
    "units",
    [{"12": 0.1}, {"1": 0.2}, None, "12", 0.3, ["12"], [("12", 0.1, 3)], ("12", 0.1)],
    ids=str,
)
def test_units_that_are_no_pairs_are_refused(units):
    with pytest.raises(
        ValueError, match="units: expected pairs of action unit and .*, got "
    ) as info:
        Expression("positive", units)
    assert str(info.value).endswith(f"got {units!r}")


@pytest.mark.parametrize("classes", [{}, {"a": []}, {"a": "fear"}, {"a": ["joy"]}, ["fear"]])
def test_classes_without_emotions_of_the_table_are_refused(classes):
    with pytest.raises(ValueError, match="classes: expected"):
        ExpertUnits(classes)
