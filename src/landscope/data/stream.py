"""Random streams of the data: one for each purpose, all from the run's one seed."""

import numpy as np
import torch

from landscope.errors import UsageError


def stream(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """A generator on the CPU that depends on its arguments only, never on the global stream.

    Streams of different purposes are unrelated, so that data drawn from a seed does not repeat
    the numbers that made the initial weights from the same seed.

    Args:
        seed: The run's seed.
        purpose: What the numbers are for.
        index: Which of several streams for this purpose.

    Returns:
        A new generator. On the CPU, so that every device gets the same numbers.

    Raises:
        UsageError: ``seed`` is negative.
    """
    if seed < 0:
        raise UsageError(
            f"seed = {seed}", "a seed is a whole number from 0", "give a seed of at least 0"
        )
    key = np.random.SeedSequence(seed, spawn_key=(*purpose.encode(), index))
    # torch's CPU generator takes the lower 32 bits of a seed.
    return torch.Generator().manual_seed(int(key.generate_state(1)[0]))
