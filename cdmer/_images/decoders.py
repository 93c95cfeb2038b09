"""What decoders and networks print: kept off the screen, decoders' lines read as damage."""

import os
import re
import tempfile
import threading
from contextlib import contextmanager

# Lines that decoders print: libjpeg's, FFmpeg's, OpenCV's own, libpng's and libtiff's.
_JPEG = r"Corrupt JPEG data: .*|Premature end of JPEG file|Inconsistent progression sequence.*"
_FFMPEG = r"\[[^\]]+ @ (?:0x)?[0-9A-Fa-f]+\] .*"
_DAMAGE = re.compile(rf"{_JPEG}|\[ERROR:\d+@[\d.]+\] global .*|{_FFMPEG}")
# The logs of MediaPipe, TensorFlow Lite and LiteRT: severity, time, thread, line of the source.
_LOG = (
    r"[IWEF]\d{4}(?:\d{4})? [\d:. ]+\S+:\d+\] .*|(?:INFO|WARNING|ERROR): (?:\[\w+\.\w+:\d+\] |"
    r"Created TensorFlow |All log messages before |Logging before InitGoogle).*"
)
_CHATTER = re.compile(
    rf"\[ *[A-Z]+:\d+@[\d.]+\] global .*|libpng (?:warning|error): .*|TIFF\w+: .*|{_LOG}"
)
# FFmpeg prints these of whole videos, too: references that a trim has cut off, and padding.
_HARMLESS = re.compile(r".*(?:mmco: |co located POCs|overread)")
_PREFIX = re.compile(r"\[[^\]]*\] (?:global )?")


def watch_decoders(function):
    """Call a function that decodes, and collect what the decoders say of damage.

    Decoders go on after an error and print a line on standard error, which OpenCV has no other way
    to ask for. Meanwhile, file descriptor 2 leads to a file; what else was written there is passed
    on afterwards. Without `os.pread` (Windows) nothing is collected.

    Parameters
    ----------
    function : callable
        Without arguments. Called a second time where threads decode side by side and one of them
        met damage. Must not call `watch_decoders`.

    Returns
    -------
    result : object
        What the function returns.
    damage : list of str
        What the decoders said, a line each.
    """
    result, damage, shared = _call(function, alone=False)
    if damage and shared:
        result, damage, _ = _call(function, alone=True)
    return result, damage


@contextmanager
def quiet_networks():
    """Keep what OpenCV and MediaPipe print of networks off the screen.

    As in `watch_decoders`, what else is written meanwhile is passed on afterwards. May be used
    while this thread decodes, or others do.
    """
    watch = _watch
    watch.join()
    try:
        yield
    finally:
        watch.part()


def _call(function, alone):
    watch = _watch
    ticket = watch.enter(alone)
    try:
        result = function()
    finally:
        damage, shared = watch.leave(alone, *ticket)
    return result, damage, shared


class _Watch:
    """File descriptor 2, led to a file while somebody decodes."""

    def __init__(self):
        self.changed = threading.Condition()
        self.inside = 0  # calls under way
        self.entered = 0  # calls so far
        self.alone = False
        self.screen = self.file = None
        self.passed_on = 0  # bytes of the file

    def enter(self, alone):
        """Give the number of the call and where in the file its lines begin."""
        with self.changed:
            self.changed.wait_for(lambda: not self.alone)
            if alone:
                self._wait_for_others()
            if not self.inside:
                self._redirect()
            self.inside += 1
            self.entered += 1
            return self.entered, self._size(), self.inside > 1

    def _wait_for_others(self):
        self.alone = True
        try:
            self.changed.wait_for(lambda: not self.inside)
        except BaseException:  # an interrupt
            self.alone = False
            self.changed.notify_all()
            raise

    def join(self):
        """Have what is printed filtered; waits for nobody, and is nobody's damage."""
        with self.changed:
            if not self.inside:
                self._redirect()
            self.inside += 1

    def part(self):
        """End what `join` began."""
        with self.changed:
            self._pass_on()
            self.inside -= 1
            if not self.inside:
                self.release()
            self.changed.notify_all()

    def leave(self, alone, number, begin, shared):
        """Give the lines of a call that speak of damage, and whether they may be another's."""
        with self.changed:
            lines = self._lines(begin)
            self._pass_on()
            shared = shared or self.entered > number
            self.inside -= 1
            if not self.inside:
                self.release()
            if alone:
                self.alone = False
            self.changed.notify_all()
        damage = [line for line in lines if _DAMAGE.fullmatch(line) and not _HARMLESS.match(line)]
        return [_PREFIX.sub("", line, count=1) for line in damage], shared

    def _redirect(self):
        if not hasattr(os, "pread"):
            return
        try:
            self.screen = os.dup(2)
        except OSError:  # there is no standard error
            return
        self.file, self.passed_on = _unnamed_file(), 0
        os.dup2(self.file, 2)

    def _pass_on(self):
        """Write what others wrote where it was meant to go, such as a bar of progress."""
        lines = self._lines(self.passed_on, ends=True)
        if self.inside > 1 and lines and not lines[-1].endswith(("\n", "\r")):
            lines.pop()  # FFmpeg writes a line in pieces
        self.passed_on += len("".join(lines).encode("utf-8", "surrogateescape"))
        foreign = [
            line
            for line in lines
            if not (_DAMAGE.fullmatch(line.rstrip()) or _CHATTER.fullmatch(line.rstrip()))
        ]
        if foreign:
            os.write(self.screen, "".join(foreign).encode("utf-8", "surrogateescape"))

    def release(self):
        """Lead file descriptor 2 to the screen again."""
        if self.screen is not None:
            os.dup2(self.screen, 2)
            os.close(self.screen)
            os.close(self.file)
            self.screen = self.file = None

    def _size(self):
        return 0 if self.file is None else os.fstat(self.file).st_size

    def _lines(self, begin, ends=False):
        length = self._size() - begin
        if length <= 0:
            return []
        text = os.pread(self.file, length, begin).decode("utf-8", "surrogateescape")
        return text.splitlines(keepends=ends)


def _unnamed_file():
    """A file without a name, at whose end threads write one after the other."""
    import fcntl  # not on Windows

    if hasattr(os, "memfd_create"):
        file = os.memfd_create("decoders")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
    return file


_watch = _Watch()


def _after_fork():
    # The threads that were decoding do not exist in the new process.
    global _watch
    _watch.release()
    _watch = _Watch()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
