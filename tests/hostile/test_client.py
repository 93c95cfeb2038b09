"""Addresses, environments and clocks that would send faces or keys where they do not belong."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nursery import accepted, refused

pytest.importorskip("openai")
SECRET = "sk-OTHER-ENDPOINT-SECRET"
# Headers of a request that nobody asked for anything more.
PLAIN = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host"}
PLAIN |= {"user-agent", "x-stainless-raw-response"}

ASK = """
import os
os.environ.update({environment})
import numpy as np
from cdmer.corpora import Clip
from cdmer.zero_shot import VisionLanguageClassifier
frames = np.full((3, 8, 8), 9, np.uint8)
clips = [Clip(frames, "c", "s", "lab", "positive", 0, 1, 2)]
model = VisionLanguageClassifier("m", {url!r}, class_names="three", max_retries=0, **{params})
try:
    print(*model.fit([]).predict(clips))
except RuntimeError as error:
    raise OSError(error)
"""
CLOCK = """
import time
from cdmer.zero_shot._budget import Budget, Limits
from cdmer.zero_shot._database import open_answers
day, boot = 1.8e9, 5e5
time.time, time.monotonic = lambda: day, lambda: boot
def pass_time(seconds):
    global day, boot
    day, boot = day + seconds, boot + seconds
def set_clock(seconds):
    global day
    day += seconds
def start_again(seconds):  # until now, on a machine whose clock has no battery
    global day, boot
    day, boot = 0, seconds
budget = Budget(open_answers(None), "model", Limits(**{limits}))
def reserve():
    number, wait = budget.reserve()
    assert 0 <= wait <= 60, wait
    assert (number is None) == (wait > 0)
    return wait
for _ in range(3):
    assert reserve() == 0
    pass_time(5)
assert 44 <= reserve() <= 45  # 15 s after the first
{change}
"""


class Listener:
    """Keeps the headers of all requests; answers as a model does."""

    def __init__(self):
        self.asked = asked = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                asked.append({k.lower(): v for k, v in self.headers.items()})
                choice = {"message": {"content": "positive"}, "finish_reason": "stop"}
                body = json.dumps({"choices": [choice]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self):
                asked.append({k.lower(): v for k, v in self.headers.items()})
                self.send_error(502)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture(scope="module")
def listeners():
    """The endpoint, and somebody else."""
    pair = Listener(), Listener()
    yield pair
    for listener in pair:
        listener.server.shutdown()
        listener.server.server_close()


@pytest.fixture
def endpoint(listeners):
    for listener in listeners:
        listener.asked.clear()
    return listeners[0]


@pytest.fixture
def other(endpoint, listeners):
    return listeners[1]


def ask(nursery, url, environment=None, **params):
    return nursery.python(ASK.format(url=url, environment=environment or {}, params=params))


POISON = {
    "OPENAI_CUSTOM_HEADERS": f"Authorization: Bearer {SECRET}\nX-Secret: {SECRET}",
    "OPENAI_API_KEY": SECRET,
    "OPENAI_ADMIN_KEY": SECRET,
    "OPENAI_ORG_ID": SECRET,
    "OPENAI_PROJECT_ID": SECRET,
    "OPENAI_WEBHOOK_SECRET": SECRET,
    "OPENAI_BASE_URL": "{other}/v1",
    "HTTP_PROXY": "{other}",
    "http_proxy": "{other}",
    "HTTPS_PROXY": "{other}",
    "ALL_PROXY": "{other}",
    "all_proxy": "socks5://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
    "SSL_CERT_FILE": "/no/such/file",
    "SSL_CERT_DIR": "/no/such/folder",
    "NETRC": "{netrc}",
}


@pytest.mark.parametrize("name", [*POISON, "all of them"])
@pytest.mark.parametrize("key", [None, "MY_KEY"])
def test_no_header_key_or_proxy_that_nobody_asked_for(
    nursery, endpoint, other, tmp_path, name, key
):
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    netrc.chmod(0o600)
    chosen = POISON if name == "all of them" else {name: POISON[name]}
    poison = {k: v.format(other=other.place, netrc=netrc) for k, v in chosen.items()}
    poison |= {"MY_KEY": "sk-mine", "HOME": str(tmp_path)}
    out = accepted(ask(nursery, f"{endpoint.place}/v1", poison, api_key_env=key))
    assert out == "positive\n"
    assert not other.asked
    (headers,) = endpoint.asked
    assert set(headers) - {"authorization"} <= PLAIN
    assert headers.get("authorization") == (None if key is None else "Bearer sk-mine")
    assert SECRET not in str(headers)


@pytest.mark.parametrize(
    "text",
    [
        "X-Bad: caf\u00e9\u20ac",
        "no colon",
        ": empty",
        "Content-Length: 1",
        "Host: evil.example",
        "Bad Name: x",
        "X: a\rb",
        "Transfer-Encoding: chunked",
        "Accept-Encoding: x",
        "User-Agent: leak",
    ],
)
def test_headers_of_the_environment_that_are_none(nursery, endpoint, text):
    out = accepted(ask(nursery, f"{endpoint.place}/v1", {"OPENAI_CUSTOM_HEADERS": text}))
    assert out == "positive\n"
    (headers,) = endpoint.asked
    assert set(headers) <= PLAIN
    assert headers["host"] == endpoint.place.removeprefix("http://")
    assert "leak" not in headers["user-agent"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_what_may_leave_takes_no_proxy_of_the_environment(nursery, other, name):
    allowed = {"allow_upload": True, "allow_http": True}
    url = "http://127.1:9/v1"  # counts as another machine, and nobody answers there
    refused(ask(nursery, url, {name: other.place}, **allowed), "no connection")
    assert not other.asked
    out = ask(nursery, url, {name: other.place}, proxy_env=name, **allowed)
    assert accepted(out) == "positive\n"
    assert other.asked[0]["host"] == "127.1:9"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_nor_does_what_is_encrypted(nursery, other, name):
    url = "https://127.1:9/v1"
    refused(ask(nursery, url, {name: other.place}, allow_upload=True), "no connection")
    assert not other.asked
    outcome = ask(nursery, url, {name: other.place}, allow_upload=True, proxy_env=name)
    refused(outcome, "no connection")
    assert other.asked[0]["host"] == "127.1:9"


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "gate:3128",
        "socks5://proxy",
        "file:///etc/passwd",
        f"http://{SECRET} @x",
        "http://[::1",
    ],
)
def test_a_proxy_that_is_none_is_not_quoted(nursery, proxy):
    params = {"allow_upload": True, "proxy_env": "MY_PROXY"}
    line = refused(ask(nursery, "https://a.invalid/v1", {"MY_PROXY": proxy}, **params), "proxy_env")
    assert SECRET not in line
    assert not proxy or proxy not in line


# Spellings of this machine that some resolvers take, and of other machines that look like it.
NOT_HERE = [
    "[::1%25evil.example]",
    "[::1%25lo]",
    "[fe80::1%25lo]",
    "[::]",
    "0.0.0.0",
    "0",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.01",
    "localhost.",
    "127.0.0.1.",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "localhost.localdomain",
    "ip6-localhost",
    "xn--lcalhost-x0a",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
    "169.254.169.254",
]
NO_PLACE = [
    "[::1]evil.example",
    "[::1].evil.example",
    "evil.example\\@127.0.0.1",
    "127.0.0.1\\@evil.example",
    "127.0.0.1\\evil.example",
    "127.0.0.1%2eevil.example",
    "127.0.0.1#@evil.example",
    "127.0.0.1?@evil.example",
    "127.0.0.1@evil.example",
    "127.0.0.1:80@evil.example",
    "127.0.0.1:80:80",
    "127.0.0.1,evil.example",
    "127.0.0.1;evil.example",
    "local\thost",
    "localhost\n",
    "local\u00adhost",
    "l\u043ecalhost",
    "127\u30020\u30020\u30021",
    "\u246027.0.0.1",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "localhost\x00",
    "localhost\x7f",
    "",
]
HERE = ["LOCALHOST", "Localhost", "127.9.9.9", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"]
PLACES = """
from cdmer._endpoints import read_address
for place in {places}:
    for url in (f"http://{{place}}/v1", f"https://{{place}}:8000/v1", f"HTTP://{{place}}"):
        try:
            found = read_address(url).local
        except ValueError as error:
            found = "base_url: expected an address" in str(error) and "no address"
        assert found == {expected!r}, (url, found)
"""


@pytest.mark.parametrize(
    ("places", "expected"), [(HERE, True), (NOT_HERE, False), (NO_PLACE, "no address")]
)
def test_spellings_of_this_machine(nursery, places, expected):
    accepted(nursery.python(PLACES.format(places=places, expected=expected)))


@pytest.mark.parametrize("place", NOT_HERE)
def test_plain_http_to_other_machines_needs_a_word_of_its_own(nursery, place):
    url = f"http://{place}/v1"
    refused(ask(nursery, url), url, "is not on this machine", "allow_upload=True")
    outcome = ask(nursery, url, allow_upload=True)
    refused(outcome, url, "without https:// all on the way can read faces", "allow_http=True")


@pytest.mark.parametrize("given", ["allow_http", "allow_upload", "proxy_env"])
def test_no_benchmark_file_gives_permission(nursery, tmp_path, given):
    path = tmp_path / "bench.toml"
    path.write_text(
        'corpora = [{source = "synthetic:lab-200fps"}, {source = "synthetic:nir-25fps"}]\n'
        'protocol = {class = "CDMERPairs", experiments = "all"}\n[methods.VLM]\n'
        'class = "VisionLanguageClassifier"\nmodel = "m"\nbase_url = "http://far.invalid/v1"\n'
        f"{given} = true\n"
    )
    refused(nursery.cdmer("benchmark", path), path, f"{given}: unknown parameter")


CHANGES = {
    "set back a day": "set_clock(-86400)",
    "set back a minute": "set_clock(-60)",
    "set back a second": "set_clock(-1)",
    "set on a day": "set_clock(86400)",
    "set on a minute": "set_clock(60)",
    "back and on again": "set_clock(-86400); assert reserve() > 44; set_clock(86400)",
    "set back to 1970": "set_clock(-day)",
    "started again": "start_again(1)",
    "started again before": "start_again(59)",
}
# After it the three requests still count for the rest of their minute, and no longer.
HOLDS = """
{change}
assert reserve() > 0
pass_time({left})
assert reserve() == 0
"""


@pytest.mark.parametrize("limits", [{"requests_per_minute": 3}, {"tokens_per_minute": 3}], ids=str)
@pytest.mark.parametrize("name", CHANGES)
def test_rates_hold_whatever_the_clock_is_set_to(nursery, name, limits):
    change = HOLDS.format(change=CHANGES[name], left=60)
    code = CLOCK.format(limits=limits, change=change)
    if "tokens_per_minute" in limits:  # one token each
        code = code.replace(
            "    number, wait = budget.reserve()\n",
            "    number, wait = budget.reserve()\n"
            "    with budget._database.writing() as connection:\n"
            "        budget.settle(connection, number, 1, 'answered')\n",
        )
    accepted(nursery.python(code))


def test_three_requests_a_minute_by_a_clock_that_jumps(nursery):
    change = """
import random
jumps, sent, true = random.Random(0), [], 0.0
for _ in range(600):
    step = jumps.uniform(0, 10)
    pass_time(step)
    true += step
    if jumps.random() < 0.3:
        set_clock(jumps.choice([-86400, -600, -30, 30, 600, 86400]))
    if reserve() == 0:
        sent.append(true)
assert min(b - a for a, b in zip(sent, sent[3:])) >= 60
assert len(sent) > 100, len(sent)
"""
    accepted(nursery.python(CLOCK.format(limits={"requests_per_minute": 3}, change=change)))
