"""Commands that signals end, workers without a parent, and what errors look like."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from nursery import accepted, refused

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "interrupted.py"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["benchmark", "extract", "synthesize"])
def test_ends_at_random_moments(command):
    arguments = [sys.executable, str(SCRIPT), "--ends", "2", "--commands", command]
    outcome = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


IDLE = """
import os, sys, time
from joblib import parallel_config
from sklearn.utils.parallel import delayed
from cdmer._workers import parallel, process_pool

if sys.argv[1] == "pool":
    pool = process_pool(2, idle=60)
    pool.submit(abs, -1).result()
elif sys.argv[1] == "starting":
    pool = process_pool(2, idle=60)
else:
    with parallel_config(backend=sys.argv[1]):
        # Its pool goes with the call; loky's workers stay.
        seconds = 60 if sys.argv[1] == "multiprocessing" else 0
        calls = [delayed(abs)(-1), delayed(time.sleep)(seconds)]
        print("ready", flush=True)
        parallel(2)(calls)
print("ready", flush=True)
time.sleep(60)
"""


def run_of(process):
    """The process and those that it started, whose parent it is no longer once it is gone."""
    return [process, *process.children(recursive=True)]


@pytest.mark.parametrize("kind", ["loky", "multiprocessing", "pool", "starting"])
def test_workers_end_with_a_script_that_is_killed(tmp_path, kind):
    (tmp_path / "script.py").write_text(IDLE, "utf-8")
    process = subprocess.Popen(
        [sys.executable, "script.py", kind],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    while len(found := run_of(psutil.Process(process.pid))) < 3:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=5)  # nothing holds its output
    _, left = psutil.wait_procs(found[1:], timeout=5)
    assert not left


def start(folder, *arguments, group=False):
    return subprocess.Popen(
        [sys.executable, "-m", "cdmer.cli", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=group,
        # Shells have what they start in the background ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


SYNTHESIS = ["synthesize", "--identities", "500", "--size", "48", "--out", "out", "-j", "2", "-q"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("group", [False, True])
def test_no_word_of_a_worker(tmp_path, number, group):
    process = start(tmp_path, *SYNTHESIS, group=True)
    mine = psutil.Process(process.pid)
    while len(found := mine.children()) < 4:  # two workers, which still import, and two trackers
        time.sleep(0.01)
    (os.killpg if group else os.kill)(process.pid, number)
    out, errors = process.communicate(timeout=5)
    assert process.returncode == 128 + number
    assert not out
    assert errors.startswith("cdmer: stopped; out keeps the clips that are finished")
    assert errors.count("\n") == 1
    _, left = psutil.wait_procs(found, timeout=5)
    assert not left
    assert not list((tmp_path / "out" / ".unfinished").glob("*"))


def handles(process, number):
    """Whether a process has a handler for a signal."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc says what is handled")
@pytest.mark.parametrize("delay", [0, 0.1, 0.4])
def test_interrupt_while_libraries_are_imported(tmp_path, delay):
    process = start(tmp_path, "extract", "synthetic:no", "--descriptor", "hoof", "-o", "x.npz")
    while not handles(process, signal.SIGTERM):  # before, an interrupt is Python's own
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (130, "cdmer: stopped\n")


PATCHED = """
import os, signal, sys, time
from cdmer.cli import main
from cdmer.cli import _commands

def run(**options):
{}

def handlers():
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    return [signal.getsignal(number) for number in numbers], sys.unraisablehook

_commands.cli.commands["doctor"].callback = run
_commands.name_options(_commands.cli.commands["doctor"])
sys.argv = ["cdmer", "doctor"]
before = handlers()
try:
    main()
finally:
    assert handlers() == before
"""


def command(nursery, *lines):
    """Run a command that does what the lines say."""
    return nursery.python(PATCHED.format("\n".join(f"    {line}" for line in lines)))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_one_exception_whatever_is_under_way(nursery, name):
    number = getattr(signal, name)
    send = f"os.kill(os.getpid(), signal.{name})"
    for lines in (
        [send, "time.sleep(9)"],
        ["try:", f"    {send}", "    time.sleep(9)", "except Exception: pass"],
        # In a callback, out of which Python lets no exception.
        ["class Gone:", f"    def __del__(self): {send}; len([0])", "Gone()", "time.sleep(9)"],
    ):
        outcome = command(nursery, *lines)
        assert (outcome.code, outcome.stderr) == (128 + number, "cdmer: stopped\n")


def test_the_second_signal_ends_at_once(nursery):
    send = "os.kill(os.getpid(), signal.SIGTERM)"
    twice = ["try:", f"    {send}", "finally:"]
    soon = command(nursery, *twice, f"    {send}; time.sleep(0.1)")  # as `timeout` sends them
    assert (soon.code, soon.stderr) == (143, "cdmer: stopped\n")
    later = command(nursery, *twice, f"    time.sleep(0.5); {send}; time.sleep(9)")
    assert (later.code, later.stderr) == (143, "")
    assert later.seconds < 5


def test_what_the_caller_ignores_stays_ignored(nursery):
    lines = ["os.kill(os.getpid(), signal.SIGHUP)", "print('on')"]
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    outcome = nursery.python(code + PATCHED.format("\n".join(f"    {line}" for line in lines)))
    assert accepted(outcome) == "on\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("ValueError('x.toml: a\\nb')", "x.toml: a b"),
        ("ValueError()", "ValueError"),
        ("TypeError('corpus: expected')", "corpus: expected"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'no')", "codec can't decode"),
        ("ImportError('no such module')", "no such module"),
        ("OSError(28, 'No space left on device', 'r.html')", "r.html"),
        ("FileNotFoundError('there is none')", "there is none"),
        ("EOFError('x.npz: it ends early')", "x.npz: it ends early"),
        ("OverflowError('too large')", "beyond what can be computed: too large"),
        ("RecursionError('maximum depth')", "beyond what can be computed: maximum depth"),
        ("ValueError('name: \\x1b[2J\\u202e')", "\\x1b[2J\\u202e"),
        ("ValueError('name: \\udc80')", "\\udc80"),
        ("concurrent.futures.BrokenExecutor('a worker ended')", "a worker ended"),
    ],
)
def test_expected_errors_take_one_line(nursery, error, words):
    line = refused(command(nursery, "import concurrent.futures", f"raise {error}"), words)
    assert line.startswith("cdmer: ")
    assert "\x1b" not in line


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError()",
        "type('OutOfMemoryError', (RuntimeError,), {})('CUDA')",
        "RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: you tried to allocate')",
    ],
)
def test_lack_of_memory_takes_one_line(nursery, error):
    outcome = command(nursery, f"raise {error}")
    nursery.attempts.remove(outcome)  # which counts it as what it says
    assert outcome.code == 1
    assert outcome.stderr.startswith("cdmer: out of memory; fewer workers (-j)")
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "error", ["KeyError('x')", "AttributeError('x')", "ZeroDivisionError('x')", "AssertionError()"]
)
def test_a_bug_says_so(nursery, error):
    outcome = command(nursery, f"raise {error}")
    nursery.attempts.remove(outcome)  # its traceback is meant
    lines = outcome.stderr.splitlines()
    assert outcome.code == 70
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "cdmer: this is a bug in cdmer: please report it, with the lines above"


def test_warnings_take_one_line(nursery):
    outcome = command(nursery, "import warnings", r"warnings.warn('a\n\x1b[2Jb')", "print(1)")
    assert (accepted(outcome), outcome.stderr) == ("1\n", "cdmer: a \\x1b[2Jb\n")


@pytest.mark.parametrize("text", ["1/0", "import there_is_none", "def", "raise ValueError('own')"])
def test_modules_of_ones_own_are_to_blame_for_their_errors(nursery, tmp_path, text):
    (tmp_path / "own.py").write_text(text, "utf-8")
    code = "import sys; sys.path.insert(0, '.'); from cdmer.cli import main\n"
    code += "sys.argv = ['cdmer', '--import', 'own', 'doctor']; main()"
    refused(nursery.python(code, cwd=tmp_path), "--import own: ")


def test_a_reader_that_leaves_hears_nothing_more(tmp_path):
    process = start(tmp_path, "corpora", "list")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(5) == 1


@pytest.mark.skipif(shutil.which("timeout") is None, reason="there is no `timeout`")
def test_timeout_of_coreutils(tmp_path):
    command = ["timeout", "1", sys.executable, "-m", "cdmer.cli", *SYNTHESIS]
    outcome = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert outcome.stderr.startswith("cdmer: stopped")
    assert outcome.stderr.count("\n") == 1
