"""The clock, the memory, the baselines and the fit: what the benchmark measures with."""

import math

import pytest
import torch
from tests.measures.comparison import assert_exact
from tests.measures.networks import build
from tests.reference.covariate_shift import covariate_shift as reference
from tests.tolerances import EXACT64

from benchmarks.bars import Bar
from benchmarks.baselines import Update, frugal, literal
from benchmarks.clock import Seconds, in_turn, median_ratio
from benchmarks.growth import exponent
from benchmarks.layers import Layer
from benchmarks.memory import bytes_of, peak_memory
from benchmarks.networks import chosen
from landscope.errors import UsageError

MEGABYTE = 1_000_000


def taken(megabytes):
    return torch.empty(megabytes * MEGABYTE, dtype=torch.uint8)


def test_works_are_timed_in_turn_after_a_round_that_does_not_count():
    order = []

    seconds = in_turn(
        {name: lambda name=name: order.append(name) for name in "ab"},
        rounds=3,
        seconds=0,
        device="cpu",
    )

    assert "".join(order) == "ab" * 4
    assert {name: len(taken.all) for name, taken in seconds.items()} == {"a": 3, "b": 3}
    assert all(second > 0 for taken in seconds.values() for second in taken.all)


def test_rounds_go_on_for_as_long_as_was_asked():
    seconds = in_turn({"a": lambda: None}, rounds=1, seconds=0.02, device="cpu")["a"]

    assert len(seconds.all) > 1


def test_a_ratio_is_taken_round_by_round():
    """A round that is slow for both says nothing about either."""
    assert median_ratio(Seconds((2, 20, 3)), Seconds((1, 10, 1))) == 2
    assert (Seconds((3, 1, 2)).median, Seconds((3, 1)).least, Seconds((3, 1)).most) == (2, 1, 3)


def test_the_peak_of_a_known_allocation():
    held = taken(5)

    def work():
        first = taken(1)
        second = taken(2)
        del first  # 3 at once until here
        third = taken(2)
        del second, third

    peak = peak_memory(work, held=[held, {"again": held[:10]}], device="cpu")

    assert (peak.base, peak.above, peak.total) == (5_000_000, 4_000_000, 9_000_000)


def test_memory_that_tensors_share_counts_once():
    block = torch.zeros(8)

    assert bytes_of([block, block[:4], {"more": [torch.zeros(2)]}]) == 40


@pytest.mark.parametrize("baseline", [literal, frugal])
def test_a_baseline_is_definition_2_1_and_leaves_everything_as_it_was(baseline):
    case = build("mlp with batch norm")
    model = case.model
    case.loss_fn(model(case.inputs), case.targets).backward()
    gradient = {name: p.grad for name, p in model.named_parameters()}
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = case.parameters_after_a_step()
    named = {"layers": list(case.layers.values()), "after": after, "seed": 0}
    expected = reference(model, case.loss_fn, case.inputs, case.targets, **named)

    rows = baseline(
        Update(
            model=model,
            loss_fn=case.loss_fn,
            inputs=case.inputs,
            targets=case.targets,
            layers=[Layer(name, model, names) for name, names in case.layers.items()],
            before={name: p.detach().clone() for name, p in model.named_parameters()},
            after=after,
            gradient=gradient,
            buffers={name: buffer.clone() for name, buffer in model.named_buffers()},
        )
    )

    for quantity in ("l2", "relative", "cosine", "gradient_norm"):
        assert_exact(
            [getattr(row, quantity) for row in rows], [getattr(row, quantity) for row in expected]
        )
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.grad is gradient[name] for name, p in model.named_parameters())


def test_the_exponent_of_a_power():
    EXACT64.check(exponent([1, 2, 5, 10], [3 * size**1.5 for size in (1, 2, 5, 10)]), 1.5)


def test_a_bar_is_met_up_to_its_limit_and_never_by_a_value_that_is_no_number():
    assert Bar("arithmetic", 1.02, 1.02).met
    assert not Bar("arithmetic", 1.03, 1.02).met
    assert not Bar("arithmetic", math.nan, 1.02).met


def test_a_network_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"network 'vgg': the networks are vgg-11.*; choose some"):
        chosen(("vgg",))
