"""How much memory the frames of one clip may take, and anything that is made in one go."""

import os

from cdmer._parameters import ParameterError

VARIABLE = "CDMER_MAX_CLIP_BYTES"
DEFAULT = 2 * 2**30


def max_clip_bytes():
    """Most bytes that the decoded frames of one clip may take, an int.

    That of the environment variable ``CDMER_MAX_CLIP_BYTES``, which worker processes inherit, or
    else 2 GiB: about 15 s of grey full-HD video at 60 frames per second.

    Raises
    ------
    ParameterError
        If the variable holds no whole number above 0.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) > 0):
        raise ParameterError(f"{VARIABLE}: expected a whole number of bytes above 0, got {text!r}")
    return int(text)


def check_clip_bytes(n_bytes, name):
    """Refuse frames that would fill the memory, before they are decoded or made.

    Parameters
    ----------
    n_bytes : int
        Of all frames of one clip.
    name : str or Path
        The clip, file or folder, for the message.

    Raises
    ------
    ValueError
        If they are more than `max_clip_bytes` allows.
    """
    most = max_clip_bytes()
    if n_bytes > most:
        raise ValueError(
            f"{name}: expected frames of at most {most} bytes in one clip, got {n_bytes}; the "
            f"environment variable {VARIABLE} sets the limit"
        )


def check_memory(n_bytes, name):
    """Refuse what this machine has not the memory for, before any of it is made.

    Parameters
    ----------
    n_bytes : int
    name : str
        What would take it, for the message.

    Raises
    ------
    ValueError
        If it is more than all memory of the machine.
    """
    import psutil

    most = psutil.virtual_memory().total
    if n_bytes > most:
        raise ValueError(
            f"{name}: expected at most {most} bytes, the memory of this machine, got about "
            f"{min(n_bytes, 10**300):.3g}"
        )
