"""The classifier against a server that misbehaves."""

import email.utils
import json
import time

import numpy as np
import pytest

from cdmer.zero_shot import EndpointError, VisionLanguageActionUnits, VisionLanguageClassifier

LABELS = ["negative", "positive", "surprise", "positive"]
pytestmark = pytest.mark.usefixtures("fast")


def fitted(endpoint, **params):
    params = {"class_names": "three", "concurrency": 1, "timeout": 10.0} | params
    return VisionLanguageClassifier("model", endpoint.url, **params).fit([])


@pytest.mark.parametrize("prompt", ["choice", "yes-no", "describe"])
def test_every_prompt_gets_the_right_labels(endpoint, prompt):
    clips = endpoint.make_clips(LABELS)
    model = fitted(endpoint, prompt=prompt, concurrency=3)
    assert model.predict(clips).tolist() == LABELS
    assert model.abstentions_ == {}
    # One description is the same question twice: it is sorted once.
    n_sent = {"choice": 4, "yes-no": 12, "describe": 7}[prompt]
    assert model.usage_["requests"] == len(endpoint.asked) == n_sent
    assert model.usage_["prompt_tokens"] == 90 * n_sent
    assert model.usage_["completion_tokens"] == 10 * n_sent
    first = endpoint.asked[0]
    assert first.path == "/v1/chat/completions"
    assert (first.body["model"], first.body["temperature"]) == ("model", 0.0)
    table = model.ask(clips)
    assert len(endpoint.asked) == n_sent  # all of it was known
    assert table["answer"].tolist() == LABELS
    assert table["clip"].tolist() == [clip.key for clip in clips]
    # Only the answers to questions that leave no freedom are held to a form.
    assert sum(not asked.formed for asked in endpoint.asked) == 4 * (prompt == "describe")
    assert sum(asked.picture is None for asked in endpoint.asked) == 3 * (prompt == "describe")


def http_date(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    "step",
    [
        {"status": 429},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"status": 500},
        {"status": 503, "body": "<html>busy</html>"},
        {"status": 408},
        {"body": '{"choices": [{"mess'},
        {"body": "null"},
        {"body": {"choices": []}},
        {"body": {"choices": [{"message": {"content": 7}}]}},
        {"drop": 60},
        {"text": "positive", "headers": {"Content-Encoding": "gzip"}},  # which it is not
    ],
    ids=str,
)
def test_what_is_lost_is_asked_for_again(endpoint, step):
    endpoint.script(step, step)
    model = fitted(endpoint)
    assert model.predict(endpoint.make_clips(LABELS)).tolist() == LABELS
    assert model.abstentions_ == {}
    assert len(endpoint.asked) == model.usage_["requests"] == len(LABELS) + 2
    assert model.usage_["retries"] == 2


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (lambda: {"Retry-After": "1"}, 1.0, 2.5),
        (lambda: {"Retry-After": http_date(2)}, 0.9, 3.0),  # dates have whole seconds
        (lambda: {"retry-after-ms": "300"}, 0.3, 1.5),
    ],
    ids=["seconds", "date", "milliseconds"],
)
def test_the_server_says_when_to_come_back_and_everybody_waits(endpoint, headers, least, most):
    told = []

    def answer(asked):
        told.append(asked.time)
        if len(told) == 1:
            return {"status": 429, "headers": headers()}
        return endpoint.knowing(asked)

    endpoint.answer = answer
    model = fitted(endpoint, concurrency=3)
    assert model.predict(endpoint.make_clips(LABELS)).tolist() == LABELS
    assert least <= told[1] - told[0] <= most


def test_waits_grow_and_an_endpoint_that_stays_away_is_named(endpoint, monkeypatch):
    monkeypatch.setattr("cdmer.zero_shot._asking._FIRST_WAIT", 0.1)
    endpoint.answer = lambda asked: {"status": 503, "text": "overloaded"}
    model = fitted(endpoint, max_retries=3)
    with pytest.raises(EndpointError, match="gave no answer to 4 requests: .*overloaded"):
        model.predict(endpoint.make_clips(LABELS))
    waits = np.diff([asked.time for asked in endpoint.asked])
    assert len(waits) == 3
    for number, wait in enumerate(waits):
        assert 0.05 * 2**number <= wait <= 0.1 * 2**number + 0.5


def test_a_server_that_is_done_for_today_is_not_waited_for(endpoint):
    endpoint.script({"status": 429, "headers": {"Retry-After": "86400"}})
    with pytest.raises(EndpointError, match="asks to come back in 86400 s"):
        fitted(endpoint).predict(endpoint.make_clips(LABELS))
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("slow", [{"wait": 8}, {"drip": 0.05}], ids=["late", "drop by drop"])
def test_slow_answers_are_given_up(endpoint, slow):
    endpoint.script({"text": "positive"} | slow)
    model = fitted(endpoint, timeout=1.0)
    started = time.monotonic()
    assert model.predict(endpoint.make_clips(["negative"])).tolist() == ["negative"]
    assert time.monotonic() - started < 6
    assert model.usage_["requests"] == 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"message": {"content": None, "refusal": "I do not judge faces."}}, "refused"),
        ({"text": "positive", "finish": "content_filter"}, "refused"),
        ({"text": "positive", "finish": "length"}, "cut off"),
        ({"text": "happiness"}, "other answer"),
        ({"message": {"content": '{"answer": "posi'}}, "other answer"),
        ({"message": {"content": "It may be positive, I believe."}}, "other answer"),
        ({"message": {"content": ""}}, "empty"),
        ({"message": {"content": None}}, "empty"),
        ({"text": "cannot tell"}, "cannot tell"),
    ],
    ids=str,
)
def test_what_is_no_answer_is_an_abstention_and_never_a_guess(endpoint, given, reason):
    endpoint.answer = lambda a: given if a.clip == 1 else endpoint.knowing(a)
    clips = endpoint.make_clips(LABELS)
    model = fitted(endpoint)
    assert model.predict(clips).tolist() == ["negative", "", "surprise", "positive"]
    assert model.abstentions_ == {"lab/s1/c001": reason}
    assert model.ask(clips)["abstention"].tolist() == ["", reason, "", ""]
    assert model.score(clips, LABELS) == 0.75
    # It was answered and paid for: nothing asks again.
    assert model.usage_["requests"] == len(endpoint.asked) == 4
    codes = fitted(endpoint).fit(clips, [0, 1, 2, 1])
    assert codes.predict(clips).tolist() == [0, -1, 2, 1]
    assert codes.set_params(abstain_as="surprise").predict(clips).tolist() == [0, 2, 2, 1]
    assert codes.abstentions_ == {"lab/s1/c001": reason}


def test_abstentions_about_clips_of_one_key_are_all_told(endpoint):
    endpoint.answer = lambda a: {60: "cannot tell", 120: "happiness", 180: "surprise"}[a.thirds[1]]
    one, other, third = (endpoint.make_clips([label])[0] for label in LABELS[:3])
    model = fitted(endpoint)
    assert model.predict([third, one, other, other]).tolist() == ["surprise", "", "", ""]
    assert model.abstentions_ == {
        "lab/s0/c000": "cannot tell",
        "lab/s0/c000 (clip 2)": "other answer",
        "lab/s0/c000 (clip 3)": "other answer",
    }


@pytest.mark.parametrize("yes", [(), ("negative", "surprise"), ("negative", "positive")])
def test_not_exactly_one_yes_is_ambiguous(endpoint, yes):
    endpoint.answer = lambda a: "yes" if any(f"class {c}?" in a.text for c in yes) else "no"
    model = fitted(endpoint, prompt="yes-no")
    assert model.predict(endpoint.make_clips(["positive"])).tolist() == [""]
    assert model.abstentions_ == {"lab/s0/c000": "ambiguous"}


def test_one_unreadable_yes_or_no_spoils_the_rest(endpoint):
    endpoint.answer = lambda a: "maybe" if "class surprise?" in a.text else endpoint.knowing(a)
    model = fitted(endpoint, prompt="yes-no")
    assert model.predict(endpoint.make_clips(["positive"])).tolist() == [""]
    assert model.abstentions_ == {"lab/s0/c000": "other answer"}


def test_a_refused_description_is_not_sorted(endpoint):
    endpoint.answer = lambda a: {"message": {"content": None, "refusal": "No."}}
    model = fitted(endpoint, prompt="describe")
    assert model.predict(endpoint.make_clips(["positive"])).tolist() == [""]
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_server_without_forms_of_answers_is_asked_for_one_once(endpoint, status):
    def answer(asked):
        if asked.formed:
            return {"status": status, "text": "unknown field response_format", "wait": 0.05}
        return {"text": f"{endpoint.knowing(asked).capitalize()}."}

    endpoint.answer = answer
    model = fitted(endpoint, concurrency=4)
    assert model.predict(endpoint.make_clips(LABELS)).tolist() == LABELS
    assert sum(asked.formed for asked in endpoint.asked) == 1
    assert len(endpoint.asked) == model.usage_["requests"] == len(LABELS) + 1
    assert model.usage_["retries"] == 0


# Of a hosted model, llama.cpp, Ollama, and servers that check requests by a schema.
BLIND = [
    (400, "Invalid content type. image_url is only supported by certain models."),
    (500, "image input is not supported - hint: you may need to provide the mmproj"),
    (400, "json: cannot unmarshal array into Go struct field .content of type string"),
    (400, "messages[0].content must be a string"),
    (422, "{'loc': ['body', 'messages', 0, 'content'], 'msg': 'Input should be a valid string'}"),
]


@pytest.mark.parametrize(("status", "told"), BLIND)
def test_an_endpoint_without_vision_is_named_at_once(endpoint, status, told):
    endpoint.answer = lambda a: {"status": status, "text": told}
    with pytest.raises(EndpointError, match=r"the model may take no images; 0 of 4 clips") as info:
        fitted(endpoint).predict(endpoint.make_clips(LABELS))
    assert told[:20] in str(info.value)
    assert len(endpoint.asked) <= 2  # with a form for the answer, and without


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"status": 401, "text": "who are you?"}, "refuses access .*api_key_env names"),
        ({"status": 404, "text": "no such model"}, "no such model"),
        ({"status": 429, "text": "insufficient_quota"}, "the account is used up"),
        (
            {"status": 307, "headers": {"Location": "http://elsewhere.example/v1"}},
            "redirects to http://elsewhere.example/v1, which is not followed",
        ),
        ({"body": " " * 10_000_001}, "the answer is longer than"),
    ],
)
def test_what_will_not_get_better_is_not_asked_again(endpoint, given, message):
    endpoint.answer = lambda a: given if a.clip == 2 else endpoint.knowing(a)
    model = fitted(endpoint)
    with pytest.raises(EndpointError, match=message) as info:
        model.predict(endpoint.make_clips(LABELS))
    assert len(endpoint.asked) == 3
    assert info.value.unanswered == ("lab/s2/c002", "lab/s0/c003")
    assert "2 of 4 clips are answered, and the answers kept by this estimator" in str(info.value)
    assert "not answered: 'lab/s2/c002', 'lab/s0/c003'" in str(info.value)
    endpoint.answer = endpoint.knowing
    assert model.predict(endpoint.make_clips(LABELS)).tolist() == LABELS
    assert len(endpoint.asked) == 5
    assert model.usage_["from_cache"] == 2


@pytest.mark.parametrize(("place", "status"), [("/v1/chat/completions", 404), ("", 404), ("", 405)])
def test_an_address_that_is_not_there_is_named(endpoint, place, status):
    endpoint.answer = lambda a: {"status": status, "body": "<html>Not Found</html>"}
    url = endpoint.url.removesuffix("/v1") + place
    model = VisionLanguageClassifier("model", url, class_names="three", concurrency=1).fit([])
    said = f"model at {url}: .*{status}.*; expected base_url to be all that comes .*/v1, and model"
    with pytest.raises(EndpointError, match=said):
        model.predict(endpoint.make_clips(LABELS))


def test_no_network(endpoint):
    endpoint.close()
    with pytest.raises(EndpointError, match="gave no answer to 2 requests: no connection"):
        fitted(endpoint, max_retries=1).predict(endpoint.make_clips(LABELS))


def test_a_bad_clip_is_named_and_the_others_are_kept(endpoint):
    clips = endpoint.make_clips(LABELS)
    clips[2] = clips[2].frames
    model = fitted(endpoint)
    with pytest.raises(ValueError, match="clip 2: has no apex"):
        model.predict(clips)
    assert model.predict(clips[:2]).tolist() == LABELS[:2]
    assert len(endpoint.asked) == 2


def test_parameters_of_the_request_reach_the_server(endpoint):
    params = {"seed": 3, "max_tokens": 9, "chat_template_kwargs": {"thinking": False}}
    fitted(endpoint, request_params=params, temperature=None).predict(
        endpoint.make_clips(["negative"])
    )
    body = endpoint.asked[0].body
    assert {key: body[key] for key in params} == params
    assert "temperature" not in body


SHOWN = {60: ("AU4",), 120: ("AU6", "AU12"), 180: ()}


@pytest.mark.parametrize("prompt", ["choice", "yes-no", "describe"])
def test_action_units(endpoint, prompt):
    def answer(asked):
        if asked.picture is None:
            return {"message": {"content": asked.text.split("shows ")[1].split(".")[0]}}
        units = SHOWN[asked.thirds[1]]
        if "Describe" in asked.text:
            return f"The face shows {', '.join(units) or 'none'}."
        for unit in ("AU4 (brow lowerer)", "AU6 (cheek raiser)", "AU12 (lip corner puller)"):
            if f"action unit {unit} of" in asked.text:
                return "yes" if unit.split()[0] in units else "no"
        return {"message": {"content": json.dumps({"answer": units})}}

    endpoint.answer = answer
    model = VisionLanguageActionUnits(
        "model", endpoint.url, class_names=("AU4", "AU6", "AU12"), prompt=prompt
    ).fit()
    clips = endpoint.make_clips(["negative", "positive", "surprise"])
    assert model.predict(clips).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert model.ask(clips)["answer"].tolist() == ["AU4", "AU6+AU12", ""]
    assert model.abstentions_ == {}


def test_action_units_about_which_a_model_abstains(endpoint):
    endpoint.answer = lambda a: "perhaps" if "AU6" in a.text else "yes"
    clips = endpoint.make_clips(["negative"])
    params = {"class_names": ("AU4", "AU6"), "concurrency": 1}
    model = VisionLanguageActionUnits("model", endpoint.url, prompt="yes-no", **params).fit()
    assert model.predict(clips).tolist() == [[1, -1]]
    assert model.abstentions_ == {"lab/s0/c000": "other answer"}
    assert model.set_params(abstain_as=()).predict(clips).tolist() == [[1, 0]]
    assert model.set_params(prompt="choice", abstain_as=("AU6",)).predict(clips).tolist() == [
        [0, 1]
    ]


@pytest.mark.parametrize("prompt", ["choice", "yes-no"])
def test_a_single_action_unit(endpoint, prompt):
    said = {"message": {"content": '{"answer": ["AU4"]}'}}
    endpoint.answer = lambda a: "yes" if prompt == "yes-no" else said
    clips = endpoint.make_clips(["negative"])
    model = VisionLanguageActionUnits("m", endpoint.url, class_names=("AU4",), prompt=prompt)
    assert model.fit(clips, [[1]]).predict(clips).tolist() == [[1]]


FILTERED = {"error": {"code": "content_filter", "message": "The prompt was filtered."}}


@pytest.mark.parametrize("prompt", ["choice", "yes-no", "describe"])
def test_a_clip_that_a_filter_holds_back_is_an_abstention(endpoint, prompt):
    endpoint.answer = lambda a: (
        {"status": 400, "body": FILTERED}
        if a.picture is not None and a.clip == 0
        else endpoint.knowing(a)
    )
    clips = endpoint.make_clips(LABELS)
    model = fitted(endpoint, prompt=prompt, concurrency=2)
    assert model.predict(clips).tolist() == ["", *LABELS[1:]]
    assert model.abstentions_ == {clips[0].key: "refused"}
    n_sent = len(endpoint.asked)
    model.predict(clips)  # what the filter says is kept
    assert len(endpoint.asked) == n_sent
    assert model.ask(clips)["prompt_tokens"][0] == 0


def test_a_clip_that_is_refused_does_not_keep_the_others_waiting(endpoint):
    endpoint.answer = lambda a: (
        {"status": 413, "text": "too large"} if a.clip in (0, 2) else endpoint.knowing(a)
    )
    clips = endpoint.make_clips(LABELS * 3)
    model = fitted(endpoint)
    with pytest.raises(EndpointError, match="too large; 10 of 12 clips are answered") as info:
        model.predict(clips)
    assert info.value.unanswered == (clips[0].key, clips[2].key)
    left = [clip for clip in clips if clip.key not in info.value.unanswered]
    n_sent = len(endpoint.asked)
    assert model.predict(left).tolist() == [*LABELS[1:2], *LABELS[3:], *LABELS * 2]
    assert len(endpoint.asked) == n_sent


def test_a_server_that_refuses_every_clip_is_not_asked_about_all(endpoint):
    endpoint.answer = lambda a: {"status": 422, "text": "unknown parameter safety_identifier"}
    with pytest.raises(
        EndpointError, match="unknown parameter safety_identifier; 0 of 12 clips are answered"
    ):
        fitted(endpoint).predict(endpoint.make_clips(LABELS * 3))
    assert len(endpoint.asked) == 6  # once with a form, and five times without


@pytest.mark.parametrize("model", ["llama-3.2-vision", "image-model"])
def test_a_name_says_nothing_about_what_a_model_can_see(endpoint, model):
    clips = endpoint.make_clips(LABELS)
    endpoint.script(
        {"status": 503, "text": f"model {model} is overloaded"},
        {"status": 500, "text": f"{model}: internal error"},
        {"status": 503, "text": "no multimodal worker is free"},
    )
    params = {"class_names": "three", "concurrency": 1}
    asker = VisionLanguageClassifier(model, endpoint.url, **params).fit([])
    assert asker.predict(clips).tolist() == LABELS
    endpoint.answer = lambda a: {"status": 404, "text": f"The model `{model}` does not exist"}
    asker = VisionLanguageClassifier(model, endpoint.url, **params).fit([])
    with pytest.raises(EndpointError, match="expected base_url .* and model a name"):
        asker.predict(clips)


def test_pictures_that_are_sent_back_stay_out_of_messages_and_cache(endpoint, tmp_path):
    def answer(asked):
        content = asked.body["messages"][-1]["content"]
        url = next(part["image_url"]["url"] for part in content if part["type"] == "image_url")
        return {"status": 422, "text": "cannot decode: " + url.split(",")[1]}

    endpoint.answer = answer
    model = fitted(endpoint, cache_dir=str(tmp_path))
    with pytest.raises(EndpointError, match=r"cannot decode: \.\.\.") as info:
        model.predict(endpoint.make_clips(LABELS))
    assert "iVBOR" not in str(info.value)
    assert not any(b"iVBOR" in path.read_bytes() for path in tmp_path.iterdir())


def test_an_answer_is_late_from_the_request_on(endpoint):
    endpoint.answer = lambda a: {"text": endpoint.knowing(a), "wait": 1.0, "drip": 0.004}
    with pytest.raises(EndpointError, match="not whole after 1.8 s"):
        fitted(endpoint, timeout=1.8, max_retries=0).predict(endpoint.make_clips(["positive"]))


@pytest.mark.parametrize("names", [("pos.", "neg."), ('"x"', "y"), ("1", "2.5"), ("A", "b")])
def test_class_names_of_any_form_are_recognised(endpoint, names):
    clips = endpoint.make_clips(["positive", "negative"])
    for said in (str, json.dumps, str.upper):
        endpoint.answer = lambda a, said=said: {
            "message": {"content": said(names[a.truth == "negative"])}
        }
        model = VisionLanguageClassifier("model", endpoint.url, class_names=names).fit([])
        assert model.predict(clips).tolist() == list(names)
    with pytest.raises(ValueError, match="differ by more than case, quotes and full stops"):
        VisionLanguageClassifier("model", endpoint.url, class_names=("a", "A.")).fit([])


def test_units_are_scored_with_abstentions_as_wrong(endpoint):
    endpoint.answer = lambda a: {
        "message": {"content": json.dumps({"answer": ["AU4"] if a.clip % 2 else ["cannot tell"]})}
    }
    clips = endpoint.make_clips(LABELS)
    model = VisionLanguageActionUnits("m", endpoint.url, class_names=("AU4", "AU12")).fit()
    assert model.score(clips, [[1, 0]] * 4) == 0.5
    assert model.score(clips, [[1, 0]] * 4, sample_weight=[0, 1, 1, 2]) == 0.75
    with pytest.raises(ValueError, match=r"y: expected shape \(4, 2\), got \(4,\)"):
        model.score(clips, [1] * 4)
