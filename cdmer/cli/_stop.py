"""Ends of a command by a signal, the same at any moment of it."""

# Few imports, since an interrupt shows a traceback until the handlers are set.
import os
import signal
import sys
import time

# Ctrl-C; what `kill`, batch systems and containers send; a terminal that is closed.
_SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
_TWICE = 0.2  # seconds in which a second signal is taken for the first: `timeout` sends two
_AGAIN = 0.05


class Stopped(BaseException):
    """Raised in the command by a signal that asks it to end.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number):
        super().__init__(number)
        self.number, self.kept = number, None


def stoppable(run):
    """Run a command that signals can stop.

    Parameters
    ----------
    run : callable
        Gives an exit code, or None.

    Returns
    -------
    int or None
        What it gives; 128 and the number of the signal if it was stopped.
    """
    signals = _Signals()
    try:
        signals.catch()
        return run()
    except Stopped as stop:
        workers = sys.modules.get("cdmer._workers")
        if hasattr(workers, "end_workers"):
            workers.end_workers()
        from contextlib import suppress

        with suppress(OSError):  # the terminal is gone
            print(f"cdmer: stopped{'' if stop.kept is None else f'; {stop.kept}'}", file=sys.stderr)
        return 128 + stop.number
    finally:
        signals.release()


class _Signals:
    """Handlers that raise `Stopped` once, and end the process at a second signal."""

    def __init__(self):
        self.first, self.before, self.hook = None, {}, None

    def catch(self):
        """Set the handlers; threads have none, and what the caller ignores stays ignored."""
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                try:
                    signal.signal(number, self)
                except ValueError:  # not in the main thread
                    return
                self.before[number] = before
        self.hook, sys.unraisablehook = sys.unraisablehook, self.unraisable

    def release(self):
        """Set the handlers that were there before."""
        self.first = -_TWICE  # from here on there is nothing to stop
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if self.hook is not None:
            sys.unraisablehook = self.hook

    def __call__(self, number, frame):
        """Handle a signal."""
        if self.first is None:
            starting = getattr(sys.modules.get("cdmer._workers"), "are_starting", None)
            if starting is not None and starting():
                _later(number)
                return
            self.first = time.monotonic()
            raise Stopped(number)
        if time.monotonic() - self.first > _TWICE:
            os._exit(128 + number)

    def unraisable(self, found):
        """Handle an exception of a callback or destructor, out of which Python lets none."""
        if found.exc_type is Stopped:
            self.first = None
            _later(found.exc_value.number)
        # What cannot be written cannot be closed either, and the first error has been told.
        elif not issubclass(found.exc_type, OSError):
            self.hook(found)


def _later(number):
    import _thread
    import threading

    threading.Timer(_AGAIN, _thread.interrupt_main, [number]).start()
