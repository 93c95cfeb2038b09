"""An endpoint on this machine that speaks the chat-completions protocol, and misbehaves if told."""

import base64
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from cdmer.corpora import Clip

CLASSES = ("negative", "positive", "surprise")
LEVEL = {"negative": 60, "positive": 120, "surprise": 180}  # grey of the apex, onset 20, offset 240


def make_clips(labels, size=24, corpus="lab"):
    """Clips whose apex tells their class by its grey level; each a little different."""
    clips = []
    for i, label in enumerate(labels):
        frames = np.full((7, size, size), 20, dtype=np.uint8)
        frames[3], frames[5:] = LEVEL[label], 240
        frames[:, 0, 0] = i % 256
        frames[:, 0, 1] = i // 256
        clips.append(Clip(frames, f"c{i:03d}", f"s{i % 3}", corpus, label, 1, 3, 5))
    return clips


class Asked:
    """One request as the server sees it."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.time = time.monotonic()
        content = body["messages"][-1]["content"]
        self.text, self.picture = content, None
        if isinstance(content, list):
            self.text = next(part["text"] for part in content if part["type"] == "text")
            url = next(p["image_url"]["url"] for p in content if p["type"] == "image_url")
            png = base64.b64decode(url.removeprefix("data:image/png;base64,"), validate=True)
            self.picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)

    @property
    def formed(self):
        return "response_format" in self.body

    @property
    def thirds(self):
        return [int(np.median(third)) for third in np.split(self.picture, 3, axis=1)]

    @property
    def clip(self):
        return int(self.picture[0, 0]) + 256 * int(self.picture[0, 1])

    @property
    def truth(self):
        """The class of the clip, which only the right picture shows."""
        onset, apex, offset = self.thirds
        assert (onset, offset) == (20, 240), (onset, apex, offset)
        return next(name for name, level in LEVEL.items() if level == apex)


def knowing(asked):
    """Answer rightly, whichever form the question has."""
    asks_one = re.search(r"belong to the class (\w+)\?", asked.text)
    if asked.picture is None:
        return next(c for c in CLASSES if f"truly {c}" in asked.text)
    if asks_one:
        return "yes" if asks_one[1] == asked.truth else "no"
    if "Describe" in asked.text:
        return f"The corners of the mouth move: truly {asked.truth}."
    return asked.truth


class Script:
    """Misbehave as listed, request by request, then answer."""

    def __init__(self, *steps, then=knowing):
        self.steps, self.then, self.lock = list(steps), then, threading.Lock()

    def __call__(self, asked):
        with self.lock:
            step = self.steps.pop(0) if self.steps else None
        return self.then(asked) if step is None else step


class FakeEndpoint:
    """Runs in threads of this process, on a free port of the loopback interface.

    Parameters
    ----------
    answer : callable
        Gives the text of the answer to an `Asked`, or a dict: ``status``, ``headers``, ``body``
        (str, or what JSON can hold), ``drop`` (cut the connection after so many bytes), ``drip``
        (seconds between bytes), ``message`` and ``finish`` of the choice, ``wait`` (seconds).
    """

    knowing, make_clips = staticmethod(knowing), staticmethod(make_clips)

    def __init__(self, answer=knowing):
        self.answer = answer
        self.script = lambda *steps: setattr(self, "answer", Script(*steps, then=self.knowing))
        self.asked, self.paid, self.active, self.most_active = [], [], 0, 0
        self.lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                endpoint.handle(self)

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # connections that the tests cut

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def handle(self, handler):
        length = int(handler.headers["Content-Length"])
        asked = Asked(handler.path, dict(handler.headers), json.loads(handler.rfile.read(length)))
        with self.lock:
            self.asked.append(asked)
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        try:
            given = self.answer(asked)
            given = given if isinstance(given, dict) else {"text": given}
            time.sleep(given.get("wait", 0))
        finally:
            with self.lock:
                self.active -= 1
        content = self.content(asked, given)
        handler.send_response(given.get("status", 200))
        for name, value in given.get("headers", {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if "drip" in given:
            for byte in content:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(given["drip"])
        if "drop" in given:
            handler.wfile.write(content[: given["drop"]])
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.wfile.write(content)
        handler.wfile.flush()
        if given.get("status", 200) == 200:
            with self.lock:
                self.paid.append(asked)

    def content(self, asked, given):
        body = given.get("body")
        if body is None and given.get("status", 200) != 200:
            body = {"error": {"message": given.get("text", "something went wrong")}}
        if body is None:
            text = given.get("text")
            if asked.formed and text is not None:
                text = json.dumps({"answer": text})
            message = {"role": "assistant", "content": text} | given.get("message", {})
            choice = {"index": 0, "message": message, "finish_reason": given.get("finish", "stop")}
            body = {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": asked.body["model"],
                "choices": [choice],
                "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100},
            }
        return (body if isinstance(body, str) else json.dumps(body)).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    served = FakeEndpoint()
    yield served
    served.close()


@pytest.fixture
def fast(monkeypatch):
    """Waits between tries that are too short to notice."""
    monkeypatch.setattr("cdmer.zero_shot._asking._FIRST_WAIT", 0.01)
