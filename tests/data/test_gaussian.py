import numpy as np
import pytest
import torch
from tests.tolerances import EXACT64, FLOAT32, STOCHASTIC

from landscope.data import gaussian
from landscope.errors import UsageError


def test_is_the_papers_size_and_on_the_cpu() -> None:
    data = gaussian.load(0)
    for tensor in (data.train_inputs, data.train_targets, data.test_inputs, data.test_targets):
        assert tensor.shape == (1000, 10)
        assert tensor.dtype == torch.float32
    assert data.classes == ()


def test_targets_are_the_matrix_times_the_inputs() -> None:
    data = gaussian.load(3, dtype=torch.float64)
    matrix = gaussian.target_matrix(3, dtype=torch.float64)
    for inputs, targets in (
        (data.train_inputs, data.train_targets),
        (data.test_inputs, data.test_targets),
    ):
        expected = np.einsum("ij,nj->ni", matrix.numpy(), inputs.numpy())
        EXACT64.check(targets.numpy(), expected)


def test_a_matrix_of_ones_own() -> None:
    matrix = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    data = gaussian.load(0, samples=7, dimension=2, matrix=matrix)
    assert torch.equal(data.train_targets[:, 0], 2 * data.train_inputs[:, 1])
    assert torch.equal(data.train_targets[:, 1], torch.zeros(7))


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
    entries = gaussian.target_matrix(0, dimension=300, dtype=torch.float64).numpy()
    test = STOCHASTIC(n=90_000, sigmas=4.0)
    test.check(entries, mean=0.0, variance=1.0)
    test.check(entries**2, mean=1.0, variance=2.0)


def test_types_agree_up_to_rounding() -> None:
    single, double = gaussian.load(4), gaussian.load(4, dtype=torch.float64)
    assert torch.equal(single.train_inputs, double.train_inputs.float())
    FLOAT32.check(single.train_targets.numpy(), double.train_targets.numpy())


def test_a_seed_fixes_the_data_and_leaves_the_global_stream_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = gaussian.load(1), gaussian.load(1), gaussian.load(2)
    assert torch.equal(first.train_targets, again.train_targets)
    assert torch.equal(first.test_inputs, again.test_inputs)
    assert not torch.equal(first.train_inputs, other.train_inputs)
    assert not torch.equal(gaussian.target_matrix(1), gaussian.target_matrix(2))
    assert torch.equal(torch.get_rng_state(), before)


def test_inputs_do_not_repeat_the_matrix() -> None:
    matrix = gaussian.target_matrix(0, dtype=torch.float64)
    inputs = gaussian.load(0, dtype=torch.float64).train_inputs
    assert not torch.isin(matrix, inputs).any()


@pytest.mark.parametrize("name", ["samples", "dimension"])
@pytest.mark.parametrize("value", [0, -3])
def test_sizes_are_positive(name: str, value: int) -> None:
    message = f"^{name} = {value}: {name} is a positive number; give {name} of at least 1$"
    with pytest.raises(UsageError, match=message):
        gaussian.load(0, **{name: value})


def test_the_matrix_fits_the_dimension() -> None:
    message = r"^matrix has shape \(2, 2\): A maps 10 features to as many; give a .* \(10, 10\)"
    with pytest.raises(UsageError, match=message):
        gaussian.load(0, matrix=torch.eye(2))


def test_a_dimension_of_zero_has_no_matrix() -> None:
    with pytest.raises(UsageError, match=r"^dimension = 0: dimension is a positive number"):
        gaussian.target_matrix(0, dimension=0)
