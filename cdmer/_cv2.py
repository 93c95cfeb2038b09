"""OpenCV, imported where it is used, and kept to one thread where clips run side by side."""

import os
import sys
import threading
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_threads_outside = None
_threads_at_fork = None


def import_cv2():
    """Import OpenCV.

    Returns
    -------
    module
        ``cv2``.

    Raises
    ------
    ImportError
        If OpenCV cannot be imported; says what to install on a machine without a display.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "OpenCV (cv2) could not be imported: opencv-python links to a display library that is "
            "missing here; opencv-python-headless takes its place"
        ) from error
    return cv2


@contextmanager
def one_cv2_thread():
    """Keep OpenCV to one thread inside the block.

    Clips are worked on side by side, so threads within a clip would only get in each other's way;
    and what cuts the picture into one stripe per thread (DIS flow does) need not give the same
    result for any number of them. The number is global to the process: it is put back when the
    last block that runs, in whatever thread, ends.
    """
    global _inside, _threads_outside
    cv2 = import_cv2()
    with _lock:
        if not _inside:
            _threads_outside = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield cv2
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_threads_outside)


def _before_fork():
    # OpenCV's threads do not exist in a forked process, where changing the thread count would
    # deadlock. So there are none while a process forks.
    global _threads_at_fork
    _lock.acquire()
    cv2 = sys.modules.get("cv2")
    _threads_at_fork = cv2.getNumThreads() if hasattr(cv2, "setNumThreads") else 1
    if _threads_at_fork > 1:
        cv2.setNumThreads(1)


def _after_fork():
    if _threads_at_fork > 1:
        sys.modules["cv2"].setNumThreads(_threads_at_fork)
    _lock.release()


if hasattr(os, "register_at_fork"):  # Windows has none
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
