"""Clips and descriptors for the tests, importable in workers; run as a script, an extraction."""

import os
import sys
import time
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from cdmer.corpora import Clip, Corpus, make_synthetic_corpus
from cdmer.extraction import extract
from cdmer.features import LBPTOP, RegionGrid


def log(line, path):
    """Append a line; several processes may do so at once."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


class CountedLBPTOP(LBPTOP):
    """LBP-TOP that writes down which clips it computes, and takes its time.

    Where it writes is no parameter: parameters are told in the table.
    """

    def transform(self, X):
        for clip in X:
            log(clip.key, os.environ["CDMER_TEST_LOG"])
            time.sleep(0.01)
        return super().transform(X)


class Stateless(TransformerMixin, BaseEstimator):
    def fit(self, X=None, y=None):
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags


class Moments(Stateless):
    """Mean and spread of the grey levels, and the apex; logs the clips that it computes."""

    def __init__(self, log=None, power=1, weights=None, device=None, n_jobs=None):
        self.log = log
        self.power = power
        self.weights = weights
        self.device = device
        self.n_jobs = n_jobs

    def transform(self, X):
        rows = []
        for clip in X:
            if self.log is not None:
                log(clip.key, self.log)
            grey = clip.frames.astype(float) ** self.power
            apex = -1 if clip.apex is None else clip.position("apex")
            rows.append([grey.mean(), grey.std(), apex])
        return np.array(rows)


class Gives(Stateless):
    """Gives for each clip what a function of the clip gives."""

    def __init__(self, function):
        self.function = function

    def transform(self, X):
        return np.stack([self.function(clip) for clip in X])


@dataclass(frozen=True)
class Unreadable:
    """A source whose file is gone."""

    path: str

    def __call__(self):
        raise FileNotFoundError(2, "No such file or directory", self.path)


def recordings(n=8, corpus="lab"):
    """Small clips of noise, their frames in memory."""
    rng = np.random.default_rng(n)
    return [
        Clip(
            rng.integers(0, 256, (7 + i % 3, 12, 10), dtype=np.uint8),
            f"c{i}",
            f"s{i % 3}",
            corpus,
            label=("happiness", "disgust", "surprise", "others")[i % 4],
            onset=0,
            apex=3 if i % 2 else None,
            offset=6,
            action_units=("L12B", "6")[: i % 3],
            fps=25.0 if i % 4 else None,
        )
        for i in range(n)
    ]


def corpus(n=8, name="lab"):
    return Corpus(recordings(n, name), name)


def main(cache, out, n_jobs=2):
    clips = make_synthetic_corpus("webcam-25fps", n_clips=60, size=32, random_state=0)
    descriptor = CountedLBPTOP(radius=1, grid=RegionGrid((1, 2)))
    extract(clips, descriptor, n_jobs=n_jobs, cache_dir=cache).save(out)


if __name__ == "__main__":
    from counted import main  # not as __main__, under which workers would not find the classes

    main(*sys.argv[1:])
