import pytest
import torch

from landscope.data.batches import stream
from landscope.errors import UsageError


def draw(seed: int, purpose: str, index: int = 0) -> tuple[float, ...]:
    return tuple(torch.randn(8, generator=stream(seed, purpose, index)).tolist())


def test_the_same_arguments_give_the_same_numbers() -> None:
    assert draw(5, "order", 2) == draw(5, "order", 2)


def test_any_other_argument_gives_others() -> None:
    seeds = [0, 1, 2, 2**32, 2**32 + 1, 2**64, 10**40]
    draws = {draw(seed, purpose, index) for seed in seeds for purpose in "ab" for index in range(9)}
    assert len(draws) == len(seeds) * 2 * 9


def test_a_stream_is_not_the_one_that_the_seed_gives_to_torch() -> None:
    assert draw(0, "order") != tuple(
        torch.randn(8, generator=torch.Generator().manual_seed(0)).tolist()
    )


def test_the_global_stream_is_left_alone() -> None:
    before = torch.get_rng_state()
    draw(0, "order")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^seed = -1: a seed is a whole number from 0; give a seed"
    ):
        stream(-1, "order")
