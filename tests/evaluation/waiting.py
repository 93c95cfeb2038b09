"""The command, for a config that may name one class more: an SVC that waits while a file is there.

Run as a script. A benchmark with it cannot end before the test that started it says so.
"""

import os
import signal
import time
from collections import ChainMap
from pathlib import Path

from sklearn.svm import SVC

from cdmer.cli import main
from cdmer.evaluation.config import _entries

FILE = "CDMER_TEST_WAIT"


class WaitingSVC(SVC):
    """Where the file is named is no parameter: parameters are told in the store."""

    def fit(self, X, y, sample_weight=None):
        while Path(os.environ[FILE]).exists():
            time.sleep(0.01)
        return super().fit(X, y, sample_weight)


METHODS = ChainMap({"WaitingSVC": WaitingSVC}, _entries.METHODS)


def run():
    # What is started in the background by a shell inherits that it ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _entries.METHODS = METHODS
    main()


if __name__ == "__main__":
    from waiting import run  # not as __main__, under which workers would not find the class

    run()
