"""Faces and keys stay where they belong."""

import pickle
import re

import pytest

from cdmer._endpoints import read_address
from cdmer.zero_shot import EndpointError, VisionLanguageActionUnits, VisionLanguageClassifier

KEY = "sk-very-secret-0123456789"
pytestmark = pytest.mark.usefixtures("fast")


def classifier(url, **params):
    return VisionLanguageClassifier("model", url, class_names="three", **params)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1",
        "http://127.0.0.1:8000/v1",
        "http://127.8.9.1/v1",
        "http://[::1]:8000/v1",
        "https://localhost/v1/",
    ],
)
def test_this_machine_is_local(url):
    assert read_address(url).local
    assert not read_address(url).url.endswith("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://192.168.1.5:8000/v1",
        "http://10.0.0.1/v1",
        "http://0.0.0.0:8000/v1",
        "http://gpu-server:8000/v1",
        "http://localhost.example/v1",
        "http://127.0.0.1.example/v1",
        "http://[fe80::1]/v1",
        "http://2130706433/v1",
    ],
)
@pytest.mark.parametrize("kind", [VisionLanguageClassifier, VisionLanguageActionUnits])
def test_nothing_is_sent_to_other_machines_unless_that_is_allowed(url, kind, endpoint, monkeypatch):
    monkeypatch.setattr("cdmer.zero_shot._interview.Client", None)  # whoever sends fails
    assert not read_address(url).local
    names = {} if kind is VisionLanguageActionUnits else {"class_names": "three"}
    clips = endpoint.make_clips(["positive"])
    message = "not on this machine. Clips show faces, which are personal data: nothing was sent"
    with pytest.raises(PermissionError, match=message) as info:
        kind("model", url, **names).fit(clips)
    assert url in str(info.value)
    assert "allow_upload=True" in str(info.value)
    # Nor does an estimator that was fitted for another place.
    model = kind("model", endpoint.url, **names).fit(clips).set_params(base_url=url)
    with pytest.raises(PermissionError, match=message):
        model.predict(clips)
    with pytest.raises(PermissionError, match=message):
        model.ask(clips)


@pytest.mark.parametrize("allow", [1, "yes", None])
def test_permission_is_a_clear_yes(allow):
    with pytest.raises(ValueError, match="allow_upload: expected True or False"):
        classifier("https://api.openai.com/v1", allow_upload=allow).fit([])


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "localhost:8000",
        "ftp://localhost/v1",
        "http://",
        "http://localhost:port/v1",
        "http://localhost/v1?key=1",
        "http://localhost/v1#a",
        "http://local host/v1",
    ],
)
def test_an_address_that_is_none(url):
    with pytest.raises(ValueError, match="base_url: expected an address such as"):
        classifier(url).fit([])


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(ValueError, match="without user name or password") as info:
        classifier(f"https://me:{KEY}@localhost/v1").fit([])
    assert KEY not in str(info.value)


def test_a_proxy_sees_what_it_was_asked_for_to_pass_on(endpoint, monkeypatch):
    proxy = type(endpoint)()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "MY_PROXY"):
        monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    clips = endpoint.make_clips(["positive"])
    try:
        # What stays here passes none, nor does what may leave, unless that is said.
        near = classifier(endpoint.url, proxy_env="MY_PROXY").fit([])
        assert near.predict(clips).tolist() == ["positive"]
        allowed = {"allow_upload": True, "allow_http": True}
        alone = classifier("http://models.invalid/v1", max_retries=0, **allowed).fit([])
        with pytest.raises(EndpointError, match="no connection"):
            alone.predict(clips)
        assert not proxy.asked
        far = classifier("http://models.example/v1", proxy_env="MY_PROXY", **allowed).fit([])
        assert far.predict(clips).tolist() == ["positive"]
        assert [asked.path for asked in proxy.asked] == [
            "http://models.example/v1/chat/completions"
        ]
    finally:
        proxy.close()


def test_redirects_are_not_followed(endpoint):
    other = type(endpoint)()
    target = f"{other.url}/chat/completions"
    endpoint.answer = lambda a: {"status": 308, "headers": {"Location": target}}
    try:
        with pytest.raises(EndpointError, match="which is not followed"):
            classifier(endpoint.url).fit([]).predict(endpoint.make_clips(["positive"]))
        assert not other.asked
    finally:
        other.close()


def test_the_key_goes_to_the_endpoint_and_nowhere_else(endpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("MODEL_KEY", KEY)
    clips = endpoint.make_clips(["positive", "negative"])
    model = classifier(endpoint.url, api_key_env="MODEL_KEY", cache_dir=tmp_path, concurrency=1)
    model.fit([]).predict(clips[:1])
    assert endpoint.asked[0].headers["authorization"] == f"Bearer {KEY}"
    picture = clips[1]
    endpoint.answer = lambda a: {
        "status": 400,
        "text": f"key {KEY} cannot send {a.body['messages'][0]['content'][0]['image_url']['url']}",
    }
    with pytest.raises(EndpointError) as info:
        model.predict([picture])
    assert "key *** cannot send data:image/..." in str(info.value)
    held = [repr(model), str(model.get_params()), str(vars(model)), str(info.value)]
    assert not any(KEY in text for text in held)
    files = [pickle.dumps(model), *(path.read_bytes() for path in tmp_path.iterdir())]
    assert not any(KEY.encode() in content for content in files)
    # Pictures are nowhere either.
    assert not any(b"iVBOR" in content for content in files)


def test_keys_that_nobody_asked_for_stay_in_the_environment(endpoint, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    classifier(endpoint.url).fit([]).predict(endpoint.make_clips(["positive"]))
    assert KEY not in str(endpoint.asked[0].headers)
    assert "authorization" not in {name.lower() for name in endpoint.asked[0].headers}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (KEY, "expected the name of an environment variable .* not the key itself"),
        (7, "expected the name of an environment variable"),
        ("NO_SUCH_VARIABLE", "environment variable of that name, .* is not set or empty"),
        ("EMPTY_VARIABLE", "environment variable of that name, .* is not set or empty"),
    ],
)
def test_a_missing_key_is_told_without_repeating_what_may_be_one(monkeypatch, given, message):
    monkeypatch.setenv("EMPTY_VARIABLE", " ")
    with pytest.raises(ValueError, match=message) as info:
        classifier("http://localhost:1/v1", api_key_env=given).fit([])
    assert not re.search("secret|VARIABLE'", str(info.value))
