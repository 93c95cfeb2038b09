"""Nothing is asked twice, nothing is lost, and limits hold."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest

from cdmer.zero_shot import EndpointError, VisionLanguageClassifier

LABELS = ["negative", "positive", "surprise", "positive", "negative", "surprise"]
pytestmark = pytest.mark.usefixtures("fast")


def fitted(endpoint, **params):
    params = {"class_names": "three", "concurrency": 1, "timeout": 20.0} | params
    return VisionLanguageClassifier("model", endpoint.url, **params).fit([])


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the other side did not do its part"
        time.sleep(0.02)


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from conftest import make_clips
from cdmer.zero_shot import VisionLanguageClassifier
labels = sys.argv[4].split(",")
VisionLanguageClassifier(
    "model", sys.argv[2], class_names="three", cache_dir=sys.argv[3], concurrency=2, timeout=60.0
).fit([]).predict(make_clips(labels))
"""


def test_a_killed_process_loses_nothing_and_nobody_pays_twice(endpoint, tmp_path):
    clips = endpoint.make_clips(LABELS)
    killed = threading.Event()

    def answer(asked):
        # The first process gets three answers; then it hangs, with two questions under way.
        with endpoint.lock:
            number = len(endpoint.asked)
        if number in (4, 5) and not killed.is_set():
            killed.wait(60)
            return {"drop": 0}
        return endpoint.knowing(asked)

    endpoint.answer = answer
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHILD,
            os.path.dirname(__file__),
            endpoint.url,
            str(tmp_path),
            ",".join(LABELS),
        ]
    )
    try:
        wait_until(lambda: len(endpoint.asked) >= 5)
        time.sleep(0.2)
        assert len(endpoint.paid) == 3
        # Another process wants to know the same: it asks what nobody asks, and waits for the rest.
        found = []
        model = fitted(endpoint, cache_dir=tmp_path, concurrency=6)
        other = threading.Thread(target=lambda: found.append(model.predict(clips)), daemon=True)
        other.start()
        wait_until(lambda: len(endpoint.paid) == 4)
        time.sleep(0.5)
        assert len(endpoint.asked) == 6
        assert not found
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        killed.set()
    other.join(60)
    assert found[0].tolist() == LABELS
    assert Counter(asked.clip for asked in endpoint.paid) == dict.fromkeys(range(6), 1)
    assert len(endpoint.asked) == 8
    again = fitted(endpoint, cache_dir=tmp_path)
    assert again.predict(clips).tolist() == LABELS
    assert len(endpoint.asked) == 8
    assert again.usage_ == {
        "requests": 0,
        "retries": 0,
        "from_cache": 6,
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }


@pytest.mark.parametrize("cached", [True, False])
def test_the_same_picture_is_asked_about_once_at_a_time(endpoint, tmp_path, cached):
    endpoint.answer = lambda a: {"text": endpoint.knowing(a), "wait": 0.1}
    clips = endpoint.make_clips(["positive"]) * 8
    model = fitted(
        endpoint, cache_dir=tmp_path / "new" / "folder" if cached else None, concurrency=8
    )
    assert model.predict(clips).tolist() == ["positive"] * 8
    assert len(endpoint.asked) == 1
    assert model.usage_["from_cache"] == 7


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "yes-no"},
        {"class_names": ("positive", "negative", "surprise")},
        {"temperature": 0.5},
        {"temperature": None},
        {"request_params": {"seed": 1}},
        {"frames": ["onset", "apex", "offset"], "model": "other"},
        {"longest_side": 9},
    ],
    ids=str,
)
def test_another_question_is_another_question(endpoint, tmp_path, change):
    endpoint.answer = lambda asked: "positive"
    clips = endpoint.make_clips(["positive"])
    fitted(endpoint, cache_dir=tmp_path).predict(clips)
    fitted(endpoint, cache_dir=tmp_path, timeout=9.0, max_retries=1, concurrency=2).predict(clips)
    assert len(endpoint.asked) == 1
    fitted(endpoint, cache_dir=tmp_path).set_params(**change).fit([]).predict(clips)
    assert len(endpoint.asked) > 1


def test_no_more_requests_at_a_time_than_allowed(endpoint):
    endpoint.answer = lambda a: {"text": endpoint.knowing(a), "wait": 0.1}
    model = fitted(endpoint, concurrency=3)
    assert model.predict(endpoint.make_clips(LABELS * 2)).tolist() == LABELS * 2
    assert 1 < endpoint.most_active <= 3


def test_requests_per_minute(endpoint, monkeypatch):
    monkeypatch.setattr("cdmer.zero_shot._budget._WINDOW", 1.0)
    model = fitted(endpoint, concurrency=6, requests_per_minute=2)
    model.predict(endpoint.make_clips(LABELS[:5]))
    times = np.array([asked.time for asked in endpoint.asked])
    assert (times[2:] - times[:-2] > 0.7).all()


def test_tokens_per_minute(endpoint, monkeypatch):
    monkeypatch.setattr("cdmer.zero_shot._budget._WINDOW", 1.0)
    model = fitted(endpoint, tokens_per_minute=250)  # 100 each
    model.predict(endpoint.make_clips(LABELS[:3]))
    times = [asked.time for asked in endpoint.asked]
    assert times[2] - times[0] > 0.7


def test_a_budget_of_requests_spent_in_the_middle(endpoint, tmp_path):
    clips = endpoint.make_clips(LABELS)
    model = fitted(endpoint, cache_dir=tmp_path, request_budget=4)
    with pytest.raises(EndpointError, match="request_budget: 4 of 4 requests .* were sent") as info:
        model.predict(clips)
    assert info.value.unanswered == ("lab/s1/c004", "lab/s2/c005")
    assert f"4 of 6 clips are answered, and the answers kept in '{tmp_path}'" in str(info.value)
    # What is known is told even so, wherever it stands; the same budget holds for others.
    other = fitted(endpoint, cache_dir=tmp_path, request_budget=4, concurrency=2)
    with pytest.raises(EndpointError) as info:
        other.predict(clips[::-1])
    assert info.value.unanswered == ("lab/s2/c005", "lab/s1/c004")
    assert other.predict(clips[:4]).tolist() == LABELS[:4]
    assert len(endpoint.asked) == 4
    assert other.set_params(request_budget=6).predict(clips).tolist() == LABELS
    assert len(endpoint.asked) == 6


def test_repeated_requests_count(endpoint):
    endpoint.script({"status": 500}, {"status": 500})
    model = fitted(endpoint, request_budget=3)
    with pytest.raises(EndpointError, match="1 of 6 clips are answered"):
        model.predict(endpoint.make_clips(LABELS))
    assert model.usage_["requests"] == len(endpoint.asked) == 3
    assert model.usage_["retries"] == 2
    endpoint.script({"status": 500})
    model = fitted(endpoint, request_budget=1)
    with pytest.raises(EndpointError, match="request_budget"):
        model.predict(endpoint.make_clips(LABELS))
    assert model.usage_["retries"] == 0  # there was no second one


def test_a_budget_of_tokens_is_not_knowingly_exceeded(endpoint):
    model = fitted(endpoint, token_budget=350)  # 100 each
    with pytest.raises(EndpointError, match="token_budget: 300 of 350 tokens .* up to 100") as info:
        model.predict(endpoint.make_clips(LABELS))
    assert len(info.value.unanswered) == 3
    assert len(endpoint.paid) == 3


@pytest.mark.parametrize("prompt", ["choice", "describe"])
def test_no_wave_of_requests_outruns_a_budget_of_tokens(endpoint, prompt):
    endpoint.answer = lambda a: {"text": endpoint.knowing(a), "wait": 0.1}
    model = fitted(endpoint, token_budget=350, concurrency=8, prompt=prompt)
    with pytest.raises(EndpointError, match="token_budget: 300 of 350"):
        model.predict(endpoint.make_clips(LABELS))
    assert len(endpoint.asked) == 3


def test_a_temperature_is_one_number_in_every_type(endpoint, tmp_path):
    clips = endpoint.make_clips(LABELS)
    for temperature in (0.0, 0, np.int64(0), np.float32(0)):
        model = fitted(endpoint, cache_dir=str(tmp_path), temperature=temperature)
        model.predict(clips)
    n_sent = len(endpoint.asked)
    fitted(endpoint, cache_dir=str(tmp_path)).predict(clips)
    assert len(endpoint.asked) == n_sent == model.usage_["from_cache"] == 6


def test_what_nobody_knows_the_price_of_counts_as_the_dearest(endpoint):
    endpoint.script(None, {"drop": 0})  # may have been paid for
    model = fitted(endpoint, token_budget=350)
    with pytest.raises(EndpointError, match="2 of 6 clips"):
        model.predict(endpoint.make_clips(LABELS))


def test_tokens_cannot_be_limited_where_nobody_tells_them(endpoint):
    choice = {"message": {"content": "positive"}, "finish_reason": "stop"}
    endpoint.answer = lambda a: {"body": {"choices": [choice]}}
    clips = endpoint.make_clips(["positive"])
    model = fitted(endpoint, token_budget=1000)
    with pytest.raises(EndpointError, match="does not tell how many tokens"):
        model.predict(clips)
    # That answer was paid for, and is kept; without such a limit it is enough.
    assert model.set_params(token_budget=None).predict(clips).tolist() == ["positive"]
    assert len(endpoint.asked) == 1


def test_a_damaged_answer_is_asked_for_again(endpoint, tmp_path):
    clips = endpoint.make_clips(LABELS)
    fitted(endpoint, cache_dir=tmp_path).predict(clips)
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        connection.execute(
            "UPDATE answers SET text = replace(text, 'surprise', 'positive') WHERE key IN "
            "(SELECT key FROM answers WHERE text LIKE '%surprise%' LIMIT 1)"
        )
    connection.close()
    model = fitted(endpoint, cache_dir=tmp_path)
    assert model.predict(clips).tolist() == LABELS
    assert model.usage_["requests"] == 1


def test_a_cache_that_is_none(endpoint, tmp_path):
    clips = endpoint.make_clips(["positive"])
    (tmp_path / "answers.sqlite").write_text("Dear diary, " * 100)
    with pytest.raises(
        ValueError, match="cache_dir: .*answers.sqlite: expected a cache of answers, the file"
    ):
        fitted(endpoint, cache_dir=tmp_path).predict(clips)
    (tmp_path / "answers.sqlite").unlink()
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    connection.execute("CREATE TABLE answers (key TEXT)")
    connection.close()
    with pytest.raises(ValueError, match="database of another program"):
        fitted(endpoint, cache_dir=tmp_path).predict(clips)
    with pytest.raises(NotADirectoryError, match="expected a folder, got the file"):
        fitted(endpoint, cache_dir=tmp_path / "answers.sqlite").predict(clips)
    assert not endpoint.asked
