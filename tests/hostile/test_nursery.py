"""The limits of attempts hold."""

import pytest
from nursery import accepted, refused


def test_outcomes(nursery):
    assert accepted(nursery.python("print(1 + 1)")) == "2\n"
    assert refused(nursery.python("open('there is none')"), "there is none")
    assert "Usage" in accepted(nursery.cdmer("--help"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("raise KeyError('x')", "traceback"),
        ("import os; os.abort()", "signal"),
        ("while True: pass", "hang"),
        ("import numpy; numpy.ones(10**10)", "blow-up"),
    ],
)
def test_what_must_not_be_is_noticed(nursery, code, kind):
    outcome = nursery.python(code, seconds=1)
    nursery.attempts.remove(outcome)  # it is none of the table's
    assert outcome.kind == kind
