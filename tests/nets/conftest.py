import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Small networks are slower on more threads, and tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def same_numbers():
    """What a test draws without a seed is the same each time."""
    torch.manual_seed(0)
