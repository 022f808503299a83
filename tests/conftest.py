"""What every test shares: one thread, so that sums are taken in one order on every machine."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def single_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def fixed_random_state() -> None:
    """Each test starts from the same random state, whichever tests ran before it."""
    torch.manual_seed(0)
