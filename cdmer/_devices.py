"""Where torch computes, and what it must leave as it was."""

import threading
import warnings
from contextlib import contextmanager, nullcontext

from cdmer._parameters import ParameterError

# The last two are mixed precision: weights stay in float32.
PRECISIONS = ("float32", "float64", "bf16", "fp16")
_LOCK, _EXACT_LOCK = threading.RLock(), threading.Lock()
_n_exact, _before = 0, None


def find_device(device):
    """Find a device by its name.

    Parameters
    ----------
    device : str or torch.device
        "auto" is a CUDA device where there is one, otherwise the CPU.

    Returns
    -------
    torch.device

    Raises
    ------
    ParameterError
        If torch does not know the device or find it.
    """
    import torch

    if isinstance(device, str) and device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ParameterError(
            f'device: expected "auto" or a device that torch finds, got {device!r} ({reason})'
        ) from None
    if found.type == "cuda" and found.index is None:
        found = torch.device("cuda", torch.cuda.current_device())
    return found


@contextmanager
def own_torch(device, precision="float32"):
    """Leave torch's random numbers and number of threads as they were when the block ends.

    On the CPU one thread computes: sums come out the same on every machine and in every worker.
    On a GPU float32 is float32, see `exact`. Mixed precision on the CPU does without oneDNN, which
    leaves parts of some gradients unwritten: those of a convolution, in bfloat16, whose taps see
    nothing but padding (torch 2.11 and 2.13). Dropout draws from torch's only generator, so such
    blocks in several threads take turns.
    """
    import torch

    forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
    bare = device.type == "cpu" and precision in ("bf16", "fp16")
    with _LOCK, forked, exact(device), _without_onednn() if bare else nullcontext():
        n_threads = torch.get_num_threads()
        try:
            if device.type == "cpu":
                torch.set_num_threads(1)
            yield
        finally:
            torch.set_num_threads(n_threads)


@contextmanager
def exact(device):
    """Let cuDNN multiply float32 numbers as they are, not rounded to ten bits (TF32).

    The setting is the process' own: it holds until the last of overlapping blocks ends.
    """
    import torch

    global _n_exact, _before
    if device.type != "cuda":
        yield
        return
    with _EXACT_LOCK:
        if _n_exact == 0:
            _before = _precisions()
            torch.backends.cudnn.allow_tf32 = False
        _n_exact += 1
    try:
        yield
    finally:
        with _EXACT_LOCK:
            _n_exact -= 1
            if _n_exact == 0:
                _set_precisions(_before)


def _precisions():
    """Whether cuDNN rounds to TF32; two words where convolutions and recurrent layers differ."""
    import torch

    cudnn = torch.backends.cudnn
    if not hasattr(cudnn, "rnn"):  # torch before these settings were two
        return cudnn.allow_tf32
    found = cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision
    return found[0] == "tf32" if found[0] == found[1] else found


def _set_precisions(precisions):
    import torch

    # The older of two ways to say it: torch refuses to read what was set in both.
    cudnn = torch.backends.cudnn
    if isinstance(precisions, bool):
        cudnn.allow_tf32 = precisions
    else:
        cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision = precisions


@contextmanager
def _without_onednn():
    import torch

    # Its own context manager sets other things, too, and warns of them.
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


def seed_torch(seed, device):
    """Seed the generators of the CPU and of one device, and no other."""
    import torch

    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)


def random_states(device):
    """States of the generators that `seed_torch` seeds, a dict of str to torch.Tensor."""
    import torch

    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states, device):
    """Set what `random_states` gave."""
    import torch

    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def weight_dtype(precision):
    """Type of weights: torch.float64 if that is the precision, otherwise torch.float32."""
    import torch

    return torch.float64 if precision == "float64" else torch.float32


def mixed(precision, device):
    """Context in which a forward pass computes in a precision of `PRECISIONS`."""
    import torch

    if precision not in ("bf16", "fp16"):
        return nullcontext()
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.autocast(device.type, half[precision])


class RowsAtOnce:
    """How many rows the memory of a device takes at once.

    Parameters
    ----------
    limit : int or None, default=None
        Number of rows; None is any number.
    """

    def __init__(self, limit=None):
        self.limit = limit

    def try_smaller(self, compute, n_rows, consequence, begin_again=None):
        """Compute something on so many parts of some rows that they fit into memory.

        Parameters
        ----------
        compute : callable
            Takes the number of parts.
        n_rows : int
        consequence : callable
            Describes, for the warning, how the parts change the result.
        begin_again : callable, default=None
            Undoes what a failed try has changed.

        Returns
        -------
        object
            What `compute` gives.

        Raises
        ------
        torch.OutOfMemoryError
            If one row at a time is too much.
        """
        import torch

        while True:
            n_parts = 1 if self.limit is None else -(-n_rows // self.limit)
            try:
                return compute(n_parts)
            except torch.cuda.OutOfMemoryError:
                if n_parts >= n_rows:
                    raise
            # Not in the handler: the traceback holds on to what fills the memory.
            self.limit = -(-n_rows // (2 * n_parts))
            if begin_again is not None:
                begin_again()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            warnings.warn(
                f"the GPU ran out of memory: from now on at most {self.limit} rows are computed "
                f"at once; {consequence()}",
                stacklevel=2,
            )
