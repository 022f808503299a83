import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from landscope.data import Batches, Dataset, load, permutation
from landscope.errors import UsageError

seeds = st.integers(0, 2**64)


def counting(samples: int) -> Dataset:
    """Sample i has the input and the target i, so that a batch says which samples it holds."""
    numbers = torch.arange(samples, dtype=torch.float32)[:, None]
    return Dataset(
        name="counting",
        train_inputs=numbers,
        train_targets=-numbers,
        test_inputs=numbers,
        test_targets=-numbers,
        mean=torch.zeros(1),
        std=torch.ones(1),
        classes=(),
    )


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    samples = draw(st.integers(1, 60))
    return samples, draw(st.integers(1, samples))


@settings(deadline=None)
@given(sizes=sizes(), seed=seeds, epoch=st.integers(0, 1000))
def test_an_epoch_holds_each_sample_at_most_once(
    sizes: tuple[int, int], seed: int, epoch: int
) -> None:
    samples, batch_size = sizes
    batches = Batches(counting(samples), seed, batch_size)
    assert batches.per_epoch == samples // batch_size
    seen: list[float] = []
    for index in range(batches.per_epoch):
        found = batches(epoch * batches.per_epoch + index)
        assert (found.epoch, found.index) == (epoch, index)
        assert found.inputs.shape == (batch_size, 1)
        assert torch.equal(found.targets, -found.inputs)
        seen += found.inputs.flatten().tolist()
    assert len(set(seen)) == len(seen) == samples - samples % batch_size
    assert set(seen) <= set(range(samples))


@settings(deadline=None)
@given(sizes=sizes(), seed=seeds, steps=st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_any_order_of_asking_gives_the_same_batches(
    sizes: tuple[int, int], seed: int, steps: list[int]
) -> None:
    samples, batch_size = sizes
    data = counting(samples)
    batches, in_order = Batches(data, seed, batch_size), Batches(data, seed, batch_size)
    sequence = [in_order(step) for step in range(max(steps) + 1)]
    for step in steps:
        alone = Batches(data, seed, batch_size)(step)
        for found in (batches(step), alone):
            assert torch.equal(found.inputs, sequence[step].inputs)
            assert torch.equal(found.targets, sequence[step].targets)
            assert (found.epoch, found.index) == (sequence[step].epoch, sequence[step].index)


@settings(deadline=None)
@given(samples=st.integers(1, 200), seed=seeds, epoch=st.integers(0, 10**6))
def test_a_permutation_holds_every_sample_once(samples: int, seed: int, epoch: int) -> None:
    order = permutation(samples, seed=seed, epoch=epoch)
    assert order.device == torch.device("cpu")
    assert sorted(order.tolist()) == list(range(samples))


def test_every_epoch_and_seed_has_its_own_order() -> None:
    orders = {
        tuple(permutation(50, seed=seed, epoch=epoch).tolist())
        for seed in range(10)
        for epoch in range(10)
    }
    assert len(orders) == 100


def test_the_order_is_the_same_for_ever() -> None:
    # Pinned: a change of these numbers makes every recorded run impossible to repeat.
    assert permutation(8, seed=0, epoch=0).tolist() == [7, 5, 2, 4, 0, 3, 6, 1]
    assert permutation(8, seed=1, epoch=2).tolist() == [5, 4, 6, 0, 2, 3, 1, 7]


def test_the_global_stream_plays_no_part() -> None:
    data = counting(20)
    first = Batches(data, 3, 4)(7)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = Batches(data, 3, 4)(7)
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(torch.get_rng_state(), before)


def test_none_is_the_whole_set_in_order() -> None:
    data = counting(5)
    batches = Batches(data, 0, None)
    assert batches.per_epoch == 1
    for step in (0, 3):
        found = batches(step)
        assert found.inputs.flatten().tolist() == [0, 1, 2, 3, 4]
        assert found.targets.flatten().tolist() == [0, -1, -2, -3, -4]
        assert (found.epoch, found.index) == (step, 0)


def test_images_come_normalised_with_their_classes() -> None:
    data = load("fashion-mnist")
    found = Batches(data, 0, 128)(50)
    assert (found.epoch, found.index) == (1, 50 - 6000 // 128)
    chosen = permutation(6000, seed=0, epoch=1)[found.index * 128 : (found.index + 1) * 128]
    assert torch.equal(found.inputs, data.inputs(data.train_inputs[chosen]))
    assert torch.equal(found.targets, data.train_targets[chosen])
    assert found.targets.dtype == torch.int64


def test_changing_a_batch_changes_no_later_one() -> None:
    data = counting(6)
    batches = Batches(data, 0, 3)
    expected = batches(0).inputs.clone()
    batches(0).inputs.zero_()
    batches(0).targets.zero_()
    assert torch.equal(batches(0).inputs, expected)


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_a_batch_has_between_one_and_all_samples(batch_size: int) -> None:
    message = f"^batch_size = {batch_size}: a batch has between 1 and 10 samples, all of counting; "
    with pytest.raises(UsageError, match=message + "give a batch size in that range"):
        Batches(counting(10), 0, batch_size)


def test_a_negative_step_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^step = -1: steps are numbered from 0; give a step from"
    ):
        Batches(counting(10), 0, 5)(-1)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^seed = -2: a seed is a whole number from 0"):
        Batches(counting(10), -2, 5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_batches_and_never_waits() -> None:
    data = load("fashion-mnist")
    here, there = Batches(data, 0, 128), Batches(data.to("cuda"), 0, 128)
    found = []
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = [there(step) for step in (0, 1, 46, 47, 0)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for step, moved in zip((0, 1, 46, 47, 0), found, strict=True):
        assert torch.equal(moved.inputs.cpu(), here(step).inputs)
        assert torch.equal(moved.targets.cpu(), here(step).targets)
