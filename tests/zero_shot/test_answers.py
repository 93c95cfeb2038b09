import pytest

from cdmer.zero_shot._answers import OneOf, Reply, SomeOf

CLASSES = OneOf(("negative", "positive", "surprise"))
UNITS = SomeOf(("AU1", "AU4", "AU12"))


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "positive"}',
        ' {"answer" : "Positive"}\n',
        '```json\n{"answer": "positive"}\n```',
        "```\npositive\n```",
        '"positive"',
        "positive",
        "Positive.",
        "**positive**",
        "<think>Is it negative? No, the corners rise.</think>\n\npositive",
    ],
)
def test_an_answer_in_any_of_its_forms_is_read(text):
    assert CLASSES.read(Reply(text)) == ("positive", "")


@pytest.mark.parametrize(
    "text",
    [
        "not positive",
        "I think it is positive",
        "positive or surprise",
        "positive, negative",
        '{"answer": "happiness"}',
        '{"answer": ["positive"]}',
        '{"answer": null}',
        '{"answer": "positive", "answer": "negative"}',
        '{"answer": "negative", "other": "positive"}',
        '{"class": "positive"}',
        '{"answer": "posit',
        '{"answer": "positive"} {"answer": "negative"}',
        '["positive"]',
        "2",
        "true",
        "pos",
        "[" * 100_000,
    ],
)
def test_anything_else_is_no_answer(text):
    assert CLASSES.read(Reply(text)) == (None, "other answer")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply('{"answer": "cannot tell"}'), "cannot tell"),
        (Reply("Cannot tell."), "cannot tell"),
        (Reply(""), "empty"),
        (Reply("  \n"), "empty"),
        (Reply("<think>hm</think>"), "empty"),
        (Reply("", refusal="I do not judge faces."), "refused"),
        (Reply("positive", refusal="I do not judge faces."), "refused"),
        (Reply("positive", finish="content_filter"), "refused"),
        (Reply('{"answer": "positive"}', finish="length"), "cut off"),
    ],
)
def test_silence_has_its_reason(reply, reason):
    assert CLASSES.read(reply) == (None, reason)
    assert UNITS.read(reply) == (None, reason)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": ["AU12", "AU1"]}', ("AU1", "AU12")),
        ('{"answer": ["au4", "AU4"]}', ("AU4",)),
        ('{"answer": []}', ()),
        ("none", ()),
        ("AU1, AU12", ("AU1", "AU12")),
        ("AU1+AU4", ("AU1", "AU4")),
    ],
)
def test_lists_are_read(text, answer):
    assert UNITS.read(Reply(text)) == (answer, "")


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": ["AU1", "AU25"]}',
        "AU1 and perhaps AU4",
        '{"answer": [1, 4]}',
        '{"answer": 1}',
        '["AU1", "cannot tell"]',
        '{"answer": {"AU1": true}}',
    ],
)
def test_lists_of_anything_else_are_none(text):
    assert UNITS.read(Reply(text)) == (None, "other answer")
