"""Attempts with hostile input, each in a process of its own with limits of time and memory.

Loading the libraries takes seconds; so one process loads them, and is forked for each attempt.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

SECONDS = 20
# Beyond what the libraries take: address space, a part of which is never touched.
BYTES = 3 * 2**29


class Outcome(NamedTuple):
    """How an attempt ended.

    Parameters
    ----------
    code : int or None
        Exit code; None if a signal ended it or it was still running after `SECONDS`.
    signal : int or None
    hang : bool
    stdout, stderr : str
    peak : int
        Most bytes that it held in memory, with the libraries.
    seconds : float
    """

    code: int | None
    signal: int | None
    hang: bool
    stdout: str
    stderr: str
    peak: int
    seconds: float

    @property
    def kind(self):
        """One word for the table."""
        if self.hang:
            return "hang"
        if self.signal is not None:
            return "signal"
        if "out of memory" in self.stderr or "MemoryError" in self.stderr:
            return "blow-up"
        if "Traceback (most recent call last)" in self.stderr:
            return "traceback"
        return "refused" if self.code else "accepted"


class Nursery:
    """A process with the libraries, which is forked for each attempt.

    Parameters
    ----------
    folder : Path
        For what attempts print.
    """

    def __init__(self, folder):
        self.folder, self.attempts = Path(folder), []
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._server.stdout.readline() == "ready\n"

    def cdmer(self, *arguments, cwd=None, **limits):
        """Run the command; see `python` for the rest."""
        return self._attempt({"argv": ["cdmer", *map(str, arguments)]}, cwd, limits)

    def python(self, code, cwd=None, **limits):
        """Run code, whose errors take one line as those of the command do.

        Parameters
        ----------
        code : str
            Source code; ValueError, TypeError, OSError and ImportError are refusals, all else shows
            a traceback.
        cwd : Path or None
            Where it runs.
        **limits
            ``seconds`` and ``n_bytes``, in place of `SECONDS` and `BYTES`.

        Returns
        -------
        Outcome
        """
        return self._attempt({"code": code}, cwd, limits)

    def _attempt(self, task, cwd, limits):
        out, err = self.folder / "stdout", self.folder / "stderr"
        task |= {"cwd": str(cwd or self.folder), "stdout": str(out), "stderr": str(err)}
        task |= {"seconds": SECONDS, "n_bytes": BYTES} | limits
        self._server.stdin.write(json.dumps(task) + "\n")
        self._server.stdin.flush()
        found = json.loads(self._server.stdout.readline())
        texts = [path.read_text("utf-8", "replace") for path in (out, err)]
        outcome = Outcome(stdout=texts[0], stderr=texts[1], **found)
        self.attempts.append(outcome)
        return outcome

    def close(self):
        """End the process."""
        self._server.stdin.close()
        self._server.wait(10)


def refused(outcome, *parts):
    """Check that an attempt was refused in one line that holds some texts."""
    assert outcome.kind == "refused", outcome
    assert outcome.code == 1, outcome
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1, outcome.stderr
    for part in parts:
        assert str(part) in lines[0], outcome.stderr
    return lines[0]


def accepted(outcome):
    """Check that an attempt ended well, and give what it printed."""
    assert outcome.kind == "accepted", outcome
    return outcome.stdout


def _serve():
    import cdmer.cli
    import cdmer.evaluation.config
    import cdmer.evaluation.report
    import cdmer.extraction
    import cdmer.models
    import cdmer.nets
    import cdmer.zero_shot  # noqa: F401

    heavy = ("skops.io", "pandas", "cv2", "python_calamine", "pyarrow.parquet", "matplotlib")
    for module in (*heavy, "torch._dynamo", "openai.resources.chat.completions"):
        with contextlib.suppress(ImportError):
            __import__(module)
    answers = os.fdopen(os.dup(1), "w")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        began, child = time.monotonic(), os.fork()
        if not child:
            _run(task)
        hang, status, usage = False, None, None
        while status is None:
            done, found, usage = os.wait4(child, os.WNOHANG)
            if done:
                status = found
            elif time.monotonic() - began > task["seconds"]:
                hang, status = True, 0
            else:
                time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # whatever it left
        if hang:
            _, _, usage = os.wait4(child, 0)
        exited = not hang and os.WIFEXITED(status)
        found = {
            "code": os.WEXITSTATUS(status) if exited else None,
            "signal": None if exited or hang else os.WTERMSIG(status),
            "hang": hang,
            "peak": usage.ru_maxrss * 1024,
            "seconds": time.monotonic() - began,
        }
        print(json.dumps(found), file=answers, flush=True)


def _run(task):
    """Run an attempt in the forked process, and end it."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests run in
        os.chdir(task["cwd"])
        for number, name in ((0, os.devnull), (1, task["stdout"]), (2, task["stderr"])):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            file = os.open(name, flags)
            os.dup2(file, number)
            os.close(file)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(i, "r" if i == 0 else "w") for i in range(3))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = used + task["n_bytes"]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = _command(task["argv"]) if "argv" in task else _code(task["code"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _command(argv):
    from cdmer.cli import main

    sys.argv = argv
    try:
        main()
    except SystemExit as stop:
        return _exit_code(stop)
    return 0


def _code(text):
    try:
        exec(compile(text, "attempt", "exec"), {"Path": Path})
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except SystemExit as stop:
        return _exit_code(stop)
    return 0


def _exit_code(stop):
    return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1


if __name__ == "__main__":
    _serve()
