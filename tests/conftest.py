"""What every test shares: one thread, one random state, and a Ctrl-C that is heard."""

import random
import signal

import pytest
import torch
from beartype._check.code import codemain

# The checks of types choose at random which item of a list they look at. From a stream of their
# own: Python's is one of those that a training draws from, and tests compare it to the bit.
assert callable(codemain.getrandbits)
codemain.getrandbits = random.Random(0).getrandbits


@pytest.fixture(autouse=True)
def single_thread() -> None:
    """Sums are taken in one order on every machine, whatever a test before has set."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def audible_interrupts() -> None:
    """A shell lets its background jobs ignore Ctrl-C, and what they start inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def fixed_random_state() -> None:
    """Each test starts from the same random state, whichever tests ran before it."""
    torch.manual_seed(0)
