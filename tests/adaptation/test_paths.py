"""A path gives what separate fits give, whatever the settings have in common."""

import numpy as np
import pytest
from sklearn.base import clone

from cdmer.adaptation import (
    CORAL,
    DRLS,
    GFK,
    JDA,
    KGSL,
    KMM,
    STM,
    TCA,
    TGSR,
    TKL,
    TSRG,
    ULSIF,
    OptimalTransport,
    SourceOnly,
    SubspaceAlignment,
)

PATHS = {
    "TCA": (TCA(), {"n_components": [1, 5, 3], "mu": [0.1, 1.0]}),
    "JDA": (JDA(n_rounds=2), {"n_components": [2, 4]}),
    "SubspaceAlignment": (SubspaceAlignment(), {"n_components": [1, 5, 3, 50]}),
    "GFK": (GFK(), {"n_components": [1, 5, 3, 50]}),
    "TKL": (TKL(), {"eta": [0.1, 2.0]}),
    "CORAL": (CORAL(), {"reg": [0.1, 1.0]}),
    "OptimalTransport": (OptimalTransport(), {"reg": [0.0, 0.1]}),
    "KMM": (KMM(), {"B": [2.0, 1000.0]}),
    "ULSIF": (ULSIF(), {"alpha": [0.1, 10.0], "kernel": ["linear", "rbf"]}),
    "STM": (STM(), {"trade_off": [0.1, 10.0]}),
    "DRLS": (DRLS(), {"mmd_weight": [0.1, 10.0], "l1_weight": [0.01, 0.5]}),
    "TSRG": (TSRG(), {"mmd_weight": [0.1, 10.0], "l1_weight": [0.01, 0.5]}),
    "TGSR": (TGSR(groups=4), {"mmd_weight": [0.1, 10.0], "n_selected": [1, 3, None]}),
    "KGSL": (KGSL(groups=4, tol=1e-2), {"l1_weight": [0.01, 0.1]}),
    "SourceOnly": (SourceOnly(), {}),
}


def rows():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 3
    X = rng.normal(size=(40, 60)) + 1
    X[:, :3] += np.eye(3)[y]
    return X, y, rng.permutation(np.repeat([1, -2], 20))


@pytest.mark.parametrize(("method", "grid"), PATHS.values(), ids=PATHS.keys())
def test_path_equals_separate_fits(method, grid):
    from sklearn.model_selection import ParameterGrid

    X, y, domain = rows()
    settings = list(ParameterGrid(grid))
    seen = []
    for index, model in method.iter_path(X, y, sample_domain=domain, settings=settings):
        alone = clone(method).set_params(**settings[index]).fit(X, y, sample_domain=domain)
        np.testing.assert_allclose(
            model.decision_function(X), alone.decision_function(X), atol=1e-3
        )
        np.testing.assert_array_equal(model.predict(X), alone.predict(X))
        assert model.get_params() == alone.get_params()
        assert model.n_features_in_ == 60
        seen.append(index)
    assert sorted(seen) == list(range(len(settings)))
    assert not hasattr(method, "classes_")  # the method itself stays unfitted
