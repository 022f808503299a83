"""The three lines, against the public function called by hand at the same steps."""

import itertools
import math

import pytest
import torch
from tests.probes.one_look import at, readings_of, steps_by_hand, values
from tests.small_networks import setting

import landscope
from landscope.errors import UsageError
from landscope.probes.line import FixedLine, PaperLine, RandomLine
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import StepView
from landscope.reading import Status

EVERY = EverySteps(2)
CASES = list(itertools.product(["vgg", "dropout"], ["none", "noisy-batch"]))


def pairs(probe, network, norm, l2_penalty):
    """Each look's readings beside the step, gone over by hand."""
    readings = readings_of(probe, setting(network, norm), steps=3, l2_penalty=l2_penalty)
    hand = list(steps_by_hand(setting(network, norm), steps=3, l2_penalty=l2_penalty))
    assert sorted({reading.step for reading in readings}) == [0, 2]
    return [(at(readings, step.number), step) for step in hand if step.number != 1]


def assert_same(found, line, lr):
    assert values(found, "loss", "gradient_change", "beta") == [
        line.losses,
        line.gradient_changes,
        line.betas,
    ]
    assert values(found, "effective_beta", "beta_lr", "start_loss", "gradient_norm") == [
        line.effective_beta,
        line.effective_beta * lr,
        line.start_loss,
        line.gradient_norm,
    ]


@pytest.mark.parametrize(("network", "norm"), CASES)
@pytest.mark.parametrize("l2_penalty", [0.0, 0.02])
def test_the_papers_line_is_on_multiples_of_the_learning_rate(network, norm, l2_penalty):
    multiples = [0.5, 1.0, 4.0]
    for found, step in pairs(PaperLine(EVERY, multiples), network, norm, l2_penalty):
        etas = [multiple * step.setting.lr for multiple in multiples]

        assert found["loss"].axis.values == tuple(etas)
        assert_same(found, landscope.line(*step.batch, etas=etas), step.setting.lr)


@pytest.mark.parametrize(("network", "norm"), CASES)
def test_the_fixed_line_does_not_depend_on_the_learning_rate(network, norm):
    etas = [0.03, 0.7]
    for found, step in pairs(FixedLine(EVERY, etas), network, norm, 0.02):
        assert found["loss"].axis.values == (0.03, 0.7)
        assert_same(found, landscope.line(*step.batch, etas=etas), step.setting.lr)


@pytest.mark.parametrize(("network", "norm"), CASES)
def test_the_random_line_goes_as_far_as_the_gradient_in_another_direction(network, norm):
    etas, seed = [0.03, 0.7], 5
    for found, step in pairs(RandomLine(EVERY, etas, seed), network, norm, 0.0):
        along = landscope.line(*step.batch, etas=etas)
        direction = landscope.random_direction(
            dict(step.before.named_parameters()),
            length=along.gradient_norm,
            seed=seed * 2**32 + step.number,
        )
        direction = {name: tensor.detach() for name, tensor in direction.items()}

        line = landscope.line(*step.batch, etas=etas, direction=direction)

        assert_same(found, line, step.setting.lr)
        assert found["loss"].value != along.losses


def test_random_directions_are_fresh_at_each_step_and_equal_in_each_run():
    made, again = (
        readings_of(
            RandomLine(EverySteps(1), [1e-9], 5), setting("mlp", "none"), steps=2, l2_penalty=0.0
        )
        for _ in range(2)
    )

    first, second = (at(made, step)["beta"].value for step in (0, 1))
    assert first != second
    assert [at(again, step)["beta"].value for step in (0, 1)] == [first, second]


def test_the_loss_is_told_with_and_without_its_penalty():
    found = at(
        readings_of(FixedLine(EVERY, [0.1, 0.2]), setting("mlp", "batch"), steps=1, l2_penalty=0.5),
        0,
    )

    differences = [
        total - data for total, data in zip(*values(found, "loss", "data_loss"), strict=True)
    ]
    assert min(differences) > 0.01
    batch = "training mode, the step's own batch, 8 samples"
    assert str(found.pop("data_loss").function) == f"{batch}, loss without penalty"
    assert {str(reading.function) for reading in found.values()} == {
        f"{batch}, loss with L2 penalty 0.5"
    }


def test_units_and_axes():
    found = at(
        readings_of(FixedLine(EVERY, [0.1]), setting("mlp", "none"), steps=1, l2_penalty=0.0), 0
    )

    assert {name: reading.unit for name, reading in found.items()} == {
        "loss": "loss",
        "data_loss": "loss",
        "gradient_change": "loss / parameter",
        "beta": "loss / parameter^2",
        "effective_beta": "loss / parameter^2",
        "beta_lr": "1",
        "start_loss": "loss",
        "gradient_norm": "loss / parameter",
    }
    lists = {name for name, reading in found.items() if reading.axis is not None}
    assert lists == {"loss", "data_loss", "gradient_change", "beta"}
    assert {(found[name].axis.name, found[name].axis.unit) for name in lists} == {
        ("eta", "step size")
    }


def test_a_value_that_overflows_says_so():
    """Far out a deep linear network's loss is beyond float64; near by it is not."""
    made = setting("dln", "none")
    found = at(readings_of(FixedLine(EVERY, [1e-3, 1e60]), made, steps=1, l2_penalty=0.0), 0)

    near, far = found["loss"].value
    assert math.isfinite(near)
    assert not math.isfinite(far)
    assert found["loss"].status is Status.NONFINITE
    assert found["effective_beta"].status is Status.NONFINITE
    assert found["start_loss"].status is Status.OK


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PaperLine(EVERY, []), r"etas is empty: .*at least one step size"),
        (lambda: FixedLine(EVERY, [0.1, -0.2]), r"step size -0\.2: .*positive and finite"),
        (lambda: RandomLine(EVERY, [math.inf], 0), r"step size inf: .*positive and finite"),
    ],
)
def test_a_grid_that_is_none_is_refused_before_anything_is_trained(make, message):
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize("make", [PaperLine, FixedLine])
def test_without_a_snapshot_there_is_nothing_to_read(make):
    view = StepView(0, 0.1, torch.ones(()), torch.ones(()), None)
    assert make(EVERY, [0.1]).read(view) == []
    assert torch.is_grad_enabled()
