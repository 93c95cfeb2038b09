"""What decoders and networks print: kept off the screen, decoders' lines read as damage."""

import atexit
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
        met damage; not within `watch_source`, which would have to end first.

    Returns
    -------
    result : object
        What the function returns.
    damage : list of str
        What the decoders said, a line each.
    """
    result, damage, shared = _call(function, alone=False)
    if damage and shared and not _own.depth:
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


def watch_each(items):
    """Make items that take decoding one by one, and collect what the decoders say meanwhile.

    Nothing is watched, and file descriptor 2 is as it was, while the caller has an item. So `items`
    must not let threads decode ahead.

    Parameters
    ----------
    items : iterator
        Gives anything but None.

    Yields
    ------
    item : object
        None once after the last.
    damage : list of str
        As `watch_decoders` gives it, but where threads decode side by side it may be about what
        another of them decodes.
    """
    item = items
    while item is not None:
        item, damage, _ = _call(lambda: next(items, None), alone=False)
        yield item, damage


def watch_source(function, source):
    """Call a function that takes all frames of a source one by one; watched as a whole.

    Meanwhile `is_watched` says so of the source, which need not watch itself, and may let threads
    decode ahead. Where decoders tell of damage, it is iterated over once more, watching itself: it
    says what is wrong, if it is about this source.

    Parameters
    ----------
    function : callable
        Without arguments.
    source : iterable

    Returns
    -------
    object
        What the function returns.
    """
    own = _own
    if own.source is not None:
        return function()  # of a step between others, whose frames flow on to be watched above

    def run():
        own.source, own.opened = source, []
        try:
            return function(), None
        except Exception as error:
            return None, error
        finally:
            for pictures in own.opened:
                pictures.close()
            own.source = None

    (result, error), damage, _ = _call(run, alone=False)
    if damage:
        for _ in source:
            pass
    if error is not None:
        raise error
    return result


def is_watched(source, pictures):
    """Whether this thread watches a source as a whole; then `pictures`, a generator, is closed."""
    if _own.source is not source:
        return False
    _own.opened.append(pictures)
    return True


def show_others():
    """Pass on what others have written while decoders are watched."""
    watch = _watch
    with watch.changed:
        watch.pass_on(whole=False)


class _Own(threading.local):
    """What a thread is doing: calls that it is inside of, the source that it watches."""

    depth = 0
    source = opened = None


_own = _Own()


def _call(function, alone):
    watch, own = _watch, _own
    ticket = watch.enter(alone)
    own.depth += 1
    try:
        result = function()
    finally:
        own.depth -= 1
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
            if not _own.depth:  # a call within another is what others may be waiting for
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
            self.pass_on(whole=self.inside == 1)
            self.inside -= 1
            if not self.inside:
                self.release()
            self.changed.notify_all()

    def leave(self, alone, number, begin, shared):
        """Give the lines of a call that speak of damage, and whether they may be another's."""
        with self.changed:
            lines = self._lines(begin)
            self.pass_on(whole=self.inside == 1)
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

    def pass_on(self, whole):
        """Write what others wrote where it was meant to go, such as a bar of progress."""
        lines = self._lines(self.passed_on, ends=True)
        if not whole and lines and not lines[-1].endswith(("\n", "\r")):
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


@atexit.register
def _at_exit():
    # A thread may be in a decoder for ever, such as that of a camera that stopped.
    with _watch.changed:
        _watch.pass_on(whole=True)
        _watch.release()


def _after_fork():
    # The threads that were decoding do not exist in the new process.
    global _watch, _own
    _watch.release()
    _watch, _own = _Watch(), _Own()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
