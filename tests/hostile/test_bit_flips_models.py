"""One changed bit of a model: noticed, or it predicts as before."""

import pytest
from nursery import accepted
from test_models import models  # noqa: F401

CODE = """
import numpy as np
from cdmer.models import load_model, predict_clip

whole, rng = Path({path!r}).read_bytes(), np.random.default_rng(0)
clip = rng.integers(0, 256, size=(5, 16, 16), dtype=np.uint8)
expected = predict_clip(load_model({path!r}), clip)
changed, refused = Path("changed.skops"), 0
for place in rng.integers(0, len(whole), 200):
    content = bytearray(whole)
    content[place] ^= 1 << rng.integers(8)
    changed.write_bytes(content)
    try:
        found = predict_clip(load_model(changed), clip)
    except ValueError as error:
        assert str(error).startswith("changed.skops: "), error
        refused += 1
    else:
        assert (found.label, found.classes) == (expected.label, expected.classes), place
        assert np.array_equal(found.scores, expected.scores), place
        assert np.array_equal(found.regions.drops, expected.regions.drops), place
print(refused)
"""


@pytest.mark.parametrize("name", ["svc", "gram", "knn", "logistic"])
def test_a_changed_bit_is_noticed_or_changes_nothing(name, nursery, models, tmp_path):  # noqa: F811
    outcome = nursery.python(CODE.format(path=str(models[name])), cwd=tmp_path)
    assert int(accepted(outcome)) > 100
