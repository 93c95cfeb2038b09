"""One implementation for every array library: the same numbers, in the library they came in."""

import numpy as np
import pytest

from cdmer.features import LBPTOP, RegionGrid

SETTINGS = [
    {},
    {"n_points": 6, "uniform": False},
    {"n_points": 10},
    {"interpolation": "nearest"},
]


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    sizes = [(9, 12, 13), (12, 14, 12)]
    return [
        rng.integers(0, grey, size=s, dtype=np.uint8)
        for s, grey in zip(sizes, (3, 256), strict=True)
    ]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("settings", SETTINGS)
def test_strict(clips, settings):
    strict = pytest.importorskip("array_api_strict")
    lbp_top = LBPTOP(**settings, grid=RegionGrid((1, 2, 3))).fit()
    features = lbp_top.transform([strict.asarray(clip) for clip in clips])
    assert isinstance(features, type(strict.zeros(1)))
    np.testing.assert_array_equal(np.asarray(features), lbp_top.transform(clips))


@pytest.mark.parametrize("settings", SETTINGS)
def test_torch(clips, settings, torch):
    lbp_top = LBPTOP(**settings, grid=RegionGrid((1, 2, 3))).fit()
    features = lbp_top.transform([torch.tensor(clip) for clip in clips])
    assert isinstance(features, torch.Tensor)
    assert features.dtype == torch.float64
    np.testing.assert_array_equal(features.numpy(), lbp_top.transform(clips))


def test_one_torch_tensor_of_clips(clips, torch):
    stacked = np.stack([clip[:9, :12, :12] for clip in clips])
    lbp_top = LBPTOP(grid=RegionGrid((1, 2))).fit()
    features = lbp_top.transform(torch.tensor(stacked))
    np.testing.assert_array_equal(features.numpy(), lbp_top.transform(stacked))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_device(clips, torch, device):
    grid = RegionGrid((1, 2, 3))
    expected = LBPTOP(grid=grid).fit_transform(clips)
    lbp_top = LBPTOP(grid=grid, device=device).fit()
    features = lbp_top.transform(clips)
    assert isinstance(features, np.ndarray)
    np.testing.assert_array_equal(features, expected)
    tensors = lbp_top.transform([torch.tensor(clip) for clip in clips])
    assert tensors.device.type == device
    np.testing.assert_array_equal(tensors.cpu().numpy(), expected)


@pytest.mark.parametrize("device", ["toaster", "cuda:99", 1.5])
def test_device_that_is_not_there(torch, device):
    lbp_top = LBPTOP(device=device)
    with pytest.raises(ValueError, match=r"device: expected None or a device .* got "):
        lbp_top.fit()


def test_device_without_torch(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match=r"device='cpu' needs PyTorch: pip install"):
        LBPTOP(device="cpu").fit()
    LBPTOP(grid=RegionGrid((1,))).fit_transform([np.zeros((7, 9, 9), np.uint8)])
