"""What decoders print: off the screen, and assigned to the call that it is about."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from cdmer._images.decoders import is_watched, show_others, watch_decoders, watch_each, watch_source

pytestmark = pytest.mark.skipif(not hasattr(os, "pread"), reason="the system has no pread")
LINES = {
    "Corrupt JPEG data: bad Huffman code": "Corrupt JPEG data: bad Huffman code",
    "[h264 @ 0x5612e1e500] error while decoding MB 0 2": "error while decoding MB 0 2",
    "[ERROR:0@0.031] global grfmt_tiff.cpp:117 TIFF_Error no": "grfmt_tiff.cpp:117 TIFF_Error no",
}


def printing(*lines, result=1):
    def function():
        os.write(2, "".join(f"{line}\n" for line in lines).encode())
        return result

    return function


@pytest.mark.parametrize("line", LINES)
def test_damage_is_given_and_not_shown(line, capfd):
    assert watch_decoders(printing(line, result=7)) == (7, [LINES[line]])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        "[ WARN:0@0.320] global grfmt_tiff.cpp:811 readData OpenCV TIFF: can not handle it",
        "libpng warning: iCCP: known incorrect sRGB profile",
        "TIFFReadDirectory: Warning, Unknown field with tag 50838.",
        "[h264 @ 0x5612e1e500] mmco: unref short failure",
    ],
)
def test_chatter_is_neither_damage_nor_shown(line, capfd):
    assert watch_decoders(printing(line)) == (1, [])
    assert capfd.readouterr() == ("", "")


def test_what_others_write_is_passed_on(capfd):
    line = "Corrupt JPEG data: bad Huffman code"
    assert watch_decoders(printing("a progress bar: ü", line, "ERROR:root:mine"))[1] == [line]
    assert capfd.readouterr().err == "a progress bar: ü\nERROR:root:mine\n"
    print("afterwards", file=sys.stderr)
    assert capfd.readouterr().err == "afterwards\n"


def test_what_others_write_comes_while_threads_go_on(capfd):
    """A bar of progress moves although somebody decodes all the time."""
    inside, done = threading.Event(), threading.Event()

    def long():
        inside.set()
        done.wait(30)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(watch_decoders, long)
        inside.wait(30)
        watch_decoders(printing("\r 1 of 2"))
        shown = capfd.readouterr().err
        done.set()
        assert first.result() == (None, [])
    assert shown == "\r 1 of 2\n"
    assert capfd.readouterr().err == ""


def test_errors_leave_the_screen_as_it_was(capfd):
    def fail():
        os.write(2, b"before\n")
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        watch_decoders(fail)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_threads_get_what_is_theirs(capfd):
    picture = np.random.default_rng(0).integers(0, 256, (480, 640), dtype=np.uint8)
    whole = cv2.imencode(".jpg", picture)[1]
    broken = whole.copy()
    broken[len(whole) // 2 :][:8] = 1
    contents = [broken if i % 5 == 0 else whole for i in range(40)]

    def read(content):
        return watch_decoders(lambda: cv2.imdecode(content, 0))[1]

    with ThreadPoolExecutor(8) as pool:
        found = [bool(damage) for damage in pool.map(read, contents)]
    assert found == [i % 5 == 0 for i in range(40)]
    assert capfd.readouterr() == ("", "")


def test_many_calls_at_once(capfd):
    def call(i):
        line = "Corrupt JPEG data: x" if i % 7 == 0 else "mine"

        def function():
            time.sleep(i % 5 / 5000)
            return printing(line, result=i)()

        return watch_decoders(function)

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(1000)))
    assert [result for result, _ in results] == list(range(1000))
    assert [bool(damage) for _, damage in results] == [i % 7 == 0 for i in range(1000)]
    assert set(capfd.readouterr().err.splitlines()) == {"mine"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_has_its_screen(capfd):
    def fork():
        process = os.fork()
        if not process:
            os.write(2, b"child\n")
            watch_decoders(printing("Corrupt JPEG data: x"))
            os._exit(0)
        os.waitpid(process, 0)

    watch_decoders(fork)
    assert capfd.readouterr().err == "child\n"


def test_no_standard_error():
    saved = os.dup(2)
    os.close(2)
    try:
        assert watch_decoders(lambda: 5) == (5, [])
    finally:
        os.dup2(saved, 2)
        os.close(saved)


DAMAGE = "Corrupt JPEG data: x"


def test_items_are_watched_while_they_are_made(capfd):
    def items():
        for line in ("mine", DAMAGE, "mine, too"):
            os.write(2, f"{line}\n".encode())
            yield line
        os.write(2, f"{DAMAGE}\n".encode())

    found, screen = [], os.fstat(2)
    for item, damage in watch_each(items()):
        assert os.path.samestat(os.fstat(2), screen)
        os.write(2, b"-\n")
        found.append((item, damage))
    assert found == [("mine", []), (DAMAGE, [DAMAGE]), ("mine, too", []), (None, [DAMAGE])]
    assert capfd.readouterr().err == "mine\n-\n-\nmine, too\n-\n-\n"


class Source:
    """Says that it is damaged, from a thread that runs on between its frames."""

    def __init__(self, is_damaged):
        self.is_damaged, self.closed = is_damaged, False

    def frames(self):
        try:
            yield from range(5)
        finally:
            self.closed = True
            if self.is_damaged:
                os.write(2, f"{DAMAGE}\n".encode())

    def __iter__(self):
        frames = self.frames()
        if is_watched(self, frames):
            return frames
        if self.is_damaged:
            raise ValueError("damaged")
        return iter(range(5))


def test_a_source_is_watched_as_a_whole(capfd):
    shown = []

    def gather(source):
        for _ in source:
            os.write(2, b"mine\n")
            show_others()
            shown.append(capfd.readouterr().err)
        return "result"

    sound = Source(False)
    assert watch_source(lambda: gather(sound), sound) == "result"
    assert shown == ["mine\n"] * 5
    broken = Source(True)
    with pytest.raises(ValueError, match="damaged"):
        watch_source(lambda: gather(broken), broken)
    # Another source watches itself, and of a foreign one that is damaged nothing is told.
    assert watch_source(lambda: printing(DAMAGE)(), sound) == 1
    with pytest.raises(ValueError, match="damaged"):
        watch_source(lambda: gather(broken), sound)
    # Who fails because of damage is told of the damage; a source that is left is closed.
    stopped = Source(True)
    with pytest.raises(ValueError, match="damaged"):
        watch_source(lambda: next(iter(stopped)) / 0, stopped)
    assert stopped.closed
    with pytest.raises(ZeroDivisionError):
        watch_source(lambda: 1 / 0, sound)
    assert capfd.readouterr() == ("", "")


def test_calls_within_calls_never_wait_for_one_another(capfd):
    """One thread waits to be alone while others, inside, begin new calls."""

    def inner(i):
        line = DAMAGE if i % 5 == 0 else "mine"
        return watch_decoders(printing(line, result=i))[0]

    def outer(i):
        if i % 3 == 0:
            return watch_decoders(printing(DAMAGE, result=i))[0]
        source = Source(False)
        return watch_source(lambda: [inner(i) for _ in source][0], source)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outer, range(300), timeout=60)) == list(range(300))
    assert set(capfd.readouterr().err.splitlines()) <= {"mine"}
