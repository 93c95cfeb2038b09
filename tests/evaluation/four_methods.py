"""A benchmark of four methods that a test runs in many ways.

Run as a script it goes to Ray and into the store that is named. Ray leaves its process with
handlers that make every fork take seconds.
"""

import sys

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from cdmer.adaptation import TCA, TGSR, SourceOnly
from cdmer.corpora import PublishedFeatures
from cdmer.evaluation import Method, benchmark

CLASSES = ("negative", "positive", "surprise")


def features(name, n, shift, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    X = rng.normal(size=(n, 40)) + shift
    X[:, :3] += np.eye(3)[labels]
    return PublishedFeatures(X, labels, CLASSES, name)


CORPORA = [
    features("casme2", 40, 0, 0),
    features("smic-vis", 36, 0.5, 1),
    features("smic-nir", 32, 1, 2),
]
METHODS = {
    "SVM": SourceOnly(),
    "forest": RandomForestClassifier(20),
    "TGSR": Method(TGSR(groups=8), {"n_selected": [2, 4, 8]}),
    "TCA": Method(TCA(), {"n_components": [2, 5, 9]}),
}


def run(**options):
    return benchmark(
        METHODS,
        CORPORA,
        selection=["label-free:entropy", "oracle"],
        seeds=[0, 1],
        progress=False,
        **options,
    )


def run_on_ray(store):
    import joblib
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        register_ray()
        with joblib.parallel_config(backend="ray", n_jobs=2):
            run(store=store)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    run_on_ray(sys.argv[1])
