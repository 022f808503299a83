import numpy as np
import pytest
import torch
from tests.tolerances import FLOAT32, STOCHASTIC

from landscope.data import gaussian
from landscope.errors import UsageError


def test_is_the_papers_size_and_on_the_cpu() -> None:
    data = gaussian.load(0)
    for tensor in (data.train_inputs, data.train_targets, data.test_inputs, data.test_targets):
        assert tensor.shape == (1000, 10)
        assert tensor.dtype == torch.float32
    assert data.classes == ()


def test_targets_are_the_matrix_times_the_inputs() -> None:
    data, matrix = gaussian.load(3), gaussian.target_matrix(3).double()
    for inputs, targets in (
        (data.train_inputs, data.train_targets),
        (data.test_inputs, data.test_targets),
    ):
        expected = np.einsum("ij,nj->ni", matrix.numpy(), inputs.double().numpy())
        FLOAT32.check(targets.numpy(), expected)


@pytest.mark.parametrize("part", ["train_inputs", "test_inputs"])
def test_inputs_are_standard_normal(part: str) -> None:
    draws = getattr(gaussian.load(0, samples=10_000), part).double().numpy()
    test = STOCHASTIC(n=100_000, sigmas=4.0)
    test.check(draws, mean=0.0, variance=1.0)
    test.check(draws**2, mean=1.0, variance=2.0)
    test.check(draws**4, mean=3.0, variance=96.0)
    # Neighbouring features are independent.
    STOCHASTIC(n=50_000, sigmas=4.0).check(draws[:, ::2] * draws[:, 1::2], mean=0.0, variance=1.0)


def test_matrix_entries_are_standard_normal() -> None:
    entries = torch.stack([gaussian.target_matrix(seed) for seed in range(900)]).double().numpy()
    test = STOCHASTIC(n=90_000, sigmas=4.0)
    test.check(entries, mean=0.0, variance=1.0)
    test.check(entries**2, mean=1.0, variance=2.0)


def test_a_seed_fixes_the_data_and_leaves_the_global_stream_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = gaussian.load(1), gaussian.load(1), gaussian.load(2)
    assert torch.equal(first.train_targets, again.train_targets)
    assert torch.equal(first.test_inputs, again.test_inputs)
    assert not torch.equal(first.train_inputs, other.train_inputs)
    assert not torch.equal(gaussian.target_matrix(1), gaussian.target_matrix(2))
    assert torch.equal(torch.get_rng_state(), before)


def test_inputs_do_not_repeat_the_matrix() -> None:
    assert not torch.isin(gaussian.target_matrix(0), gaussian.load(0).train_inputs).any()


@pytest.mark.parametrize("samples", [0, -3])
def test_sizes_are_positive(samples: int) -> None:
    message = f"^samples = {samples}: samples is a positive number; give samples of at least 1$"
    with pytest.raises(UsageError, match=message):
        gaussian.load(0, samples=samples)
