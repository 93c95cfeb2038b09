"""Notations of action units, as label sheets have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdmer._action_units import ActionUnit, parse_action_unit, split_action_units, tidy_action_unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("4", (4,)),
        (" 4 ", (4,)),
        ("02C", (2, "AU", "", "C")),
        ("R12B", (12, "AU", "R", "B")),
        ("r12", (12, "AU", "R")),
        ("AU7", (7,)),
        ("AUL9", (9, "AU", "L")),
        ("au 12 r", (12, "AU", "R")),
        ("12L", (12, "AU", "L")),
        ("12LB", (12, "AU", "L", "B")),
        ("12A", (12, "AU", "", "A")),
        ("T18", (18, "AU", "T")),
        ("B28", (28, "AU", "B")),
        ("U5", (5, "AU", "U")),
        ("A2", (2, "AU", "A")),
        ("A12B", (12, "AU", "A", "B")),
        ("A/L12", (12, "AU", "A/L")),
        ("(L/A)4B", (4, "AU", "L/A", "B")),
        ("10A/B", (10, "AU", "", "A/B")),
        ("10A-B", (10, "AU", "", "A-B")),
        ("4(B/C)", (4, "AU", "", "B/C")),
        ("A(4B/C)", (4, "AU", "A", "B/C")),
        ("ref(7B)", (7, "AU", "", "B")),
        ("ref 7B", (7, "AU", "", "B")),
        ("AD38", (38, "AD")),
        ("M58", (58, "M")),
        ("12 (slight)", (12,)),
        ("4 (big swallow)", (4,)),
    ],
)
def test_one_unit(text, unit):
    assert parse_action_unit(text) == ((ActionUnit(*unit),), False)


@pytest.mark.parametrize(
    ("text", "numbers", "doubtful"),
    [
        ("R12 or L12", [12, 12], False),
        ("R12A/L12B", [12, 12], False),
        ("L14  OR  R14", [14, 14], False),
        ("(R6 or R12)", [6, 12], True),
        ("R14A or 17A or 24A", [14, 17, 24], True),
        ("12 or 15", [12, 15], True),
        ("6/12", [6, 12], True),
        ("ref(12/14)", [12, 14], True),
        ("38 or AD38", [38, 38], True),
        ("4?", [4], True),
        ("12(k)", [12], True),
        ("?", [], True),
        ("soft focus", [], False),
        ("(blink)", [], False),
        ("\N{CJK UNIFIED IDEOGRAPH-5934}\N{CJK UNIFIED IDEOGRAPH-52A8}", [], False),
    ],
)
def test_alternatives_marks_and_words(text, numbers, doubtful):
    reading = parse_action_unit(text)
    assert ([unit.number for unit in reading.action_units], reading.doubtful) == (numbers, doubtful)


@pytest.mark.parametrize(
    "text",
    ["", "R", "AU", "-", "/", "4+7", "4 7", "123", "12F", "1.5", "or 12", "X12", "12 at frame 30"],
)
def test_unreadable(text):
    assert parse_action_unit(text) is None


def test_cells_are_split_at_every_comma_and_plus():
    text = "4+R12 or L12\N{FULLWIDTH COMMA}7\N{IDEOGRAPHIC COMMA}10, 12;AD31&M58\nsoft  focus++"
    units = ["4", "R12 or L12", "7", "10", "12", "AD31", "M58", "soft focus"]
    assert split_action_units(text) == units
    assert split_action_units(" + ") == []


def test_plain_codes_are_spelt_alike_and_all_else_is_kept():
    assert [tidy_action_unit(text) for text in ("au r12b", "l14 a", "AU1", "ad38")] == [
        "R12B",
        "L14A",
        "1",
        "AD38",
    ]
    for text in ("ref(7B)", "R12 or L12", "soft focus", "4(k)", "12 (slight)", "?", "1 2"):
        assert tidy_action_unit(text) == text


NOTATION = st.text("0123456789ABDELRTUMkor/()?+ -\N{SUPERSCRIPT TWO}", max_size=12)


@given(st.one_of(st.text(max_size=20), NOTATION))
def test_no_text_is_too_odd(text):
    for part in [text, *split_action_units(text)]:
        reading = parse_action_unit(part)
        assert reading is None or all(0 <= unit.number <= 99 for unit in reading.action_units)
        digits = [c for c in part if c.isdecimal()]
        # What is read accounts for every digit.
        if reading is not None:
            assert sum(len(str(unit.number)) for unit in reading.action_units) <= len(digits)
            assert bool(reading.action_units) == bool(digits)
        assert parse_action_unit(tidy_action_unit(part)) == reading
