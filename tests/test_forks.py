"""Processes that are forked after libraries used several threads, as joblib's multiprocessing does.

Threads do not come along into such a process: to wait for one there is to wait for ever.
"""

import multiprocessing
import os

import cv2
import numpy as np
import pytest

from cdmer.features import optical_flow

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")


def in_a_fork(function):
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=lambda: there.send(function()), daemon=True)
    process.start()
    there.close()
    try:
        assert here.poll(60), "the forked process hangs"
        return here.recv()
    finally:
        process.kill()
        process.join()


def blur():
    return cv2.GaussianBlur(np.ones((2000, 2000), np.float32), (31, 31), 5)


def test_flow():
    def measure():
        ramp = np.add.outer(np.arange(200), np.arange(200))
        first = np.uint8(np.sin(ramp / 5) * 100 + 128)
        flow = optical_flow(first, np.roll(first, 1, axis=1), "dis")
        return flow, cv2.getNumThreads(), float(blur().mean())

    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        blur()
        flow, n_threads, mean = in_a_fork(measure)
        np.testing.assert_array_equal(flow, measure()[0])
        assert n_threads == cv2.getNumThreads() == 4
        assert mean == pytest.approx(1)
    finally:
        cv2.setNumThreads(before)


def test_networks():
    torch = pytest.importorskip("torch")
    from cdmer.nets import NetClassifier

    def train():
        X = np.random.default_rng(0).normal(size=(40, 3, 28, 28)).astype(np.float32)
        model = NetClassifier("STSTNet", n_epochs=2, random_state=0).fit(X, np.arange(40) % 2)
        return model.predict_proba(X), model.decision_function(X), model.embed(X), model.predict(X)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.ones(1500, 1500).softmax(1)
        for there, here in zip(in_a_fork(train), train(), strict=True):
            np.testing.assert_array_equal(there, here)
    finally:
        torch.set_num_threads(before)
