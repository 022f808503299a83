"""Every row of the table of probes passes the suite that ships with it; planted faults do not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.testing.planted import Faulty, Slope, suite_of

from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.table import PROBES
from landscope.testing.probes import ProbeConformance

# Theorems about batch norm are measured where there is one.
NETWORKS = {"theory": ("convolutional", "dense")}


@pytest.mark.slow
class TestEveryRow(ProbeConformance):
    @pytest.fixture(autouse=True, params=PROBES)
    def row(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param
        self.networks = NETWORKS.get(self.name, ProbeConformance.networks)

    def build(self, schedule: Schedule) -> Probe:
        return PROBES[self.name].builder(schedule)


class TestSlope(ProbeConformance):
    def build(self, schedule: Schedule) -> Probe:
        return Slope(schedule)


def model_of(view):
    return view.snapshot.objective.standing.live


def moves_a_weight(view, readings):
    next(iter(view.snapshot.after.values())).view(-1)[0].mul_(1 + 2**-20)


def leaves_a_hook(view, readings):
    model_of(view).register_forward_hook(lambda *_: None)


def leaves_a_hook_inside(view, readings):
    list(model_of(view).modules())[1].register_forward_pre_hook(lambda *_: None)


def hooks_a_weight(view, readings):
    with torch.enable_grad():
        next(model_of(view).parameters()).register_hook(lambda _: None)


def evaluates(view, readings):
    list(model_of(view).modules())[-1].eval()


def clears_a_gradient(view, readings):
    next(model_of(view).parameters()).grad = None


def freezes_a_weight(view, readings):
    next(model_of(view).parameters()).requires_grad_(False)


def hooks_the_shadow(view, readings):
    view.snapshot.objective.model.register_forward_hook(lambda *_: None)


def evaluates_the_shadow(view, readings):
    view.snapshot.objective.model.eval()


TRACES = {
    moves_a_weight: "the value of",
    leaves_a_hook: "hooks on the network",
    leaves_a_hook_inside: "hooks on",
    hooks_a_weight: "hooks on",
    evaluates: "the mode of",
    clears_a_gradient: "the .grad of",
    freezes_a_weight: "requires_grad of",
}
LOOK = "test_a_look_changes_nothing_that_it_is_shown"
TRAINING = "test_a_training_under_it_is_the_training_without_it"


@pytest.mark.parametrize(
    ("fault", "said"), TRACES.items(), ids=lambda it: getattr(it, "__name__", "")
)
def test_a_trace_in_the_network_is_found_at_the_look_and_in_the_training(fault, said):
    def make(schedule):
        return Faulty(schedule, fault)

    with pytest.raises(AssertionError, match=f"a measurement of the .* network changed .*{said}"):
        getattr(suite_of(make), LOOK)()
    with pytest.raises(AssertionError, match=r"training the .* network, "):
        getattr(suite_of(make), TRAINING)()


def draws(view, readings):
    torch.rand(())


def draws_from_numpy(view, readings):
    np.random.random()


def moves_a_running_statistic(view, readings):
    for tensor in view.snapshot.objective.buffers.values():
        tensor.add_(1)


def scales_the_gradient(view, readings):
    next(iter(view.snapshot.gradient.values())).mul_(2)


def moves_the_point_before(view, readings):
    next(iter(view.snapshot.before.values())).mul_(2)


SHOWN = {
    draws: "torch's random stream",
    draws_from_numpy: "numpy's random stream",
    moves_a_running_statistic: r"snapshot\.objective\.buffers\['1\.running_mean'\]",
    scales_the_gradient: r"snapshot\.gradient\['0\.weight'\]",
    moves_the_point_before: r"snapshot\.before\['0\.weight'\]",
    hooks_the_shadow: r"snapshot\.objective\.model: hooks on the network",
    evaluates_the_shadow: r"snapshot\.objective\.model: mode of the network",
}


@pytest.mark.parametrize(
    ("fault", "said"), SHOWN.items(), ids=lambda it: getattr(it, "__name__", "")
)
def test_a_change_to_what_all_probes_are_shown_is_found(fault, said):
    with pytest.raises(AssertionError, match=said):
        getattr(suite_of(lambda schedule: Faulty(schedule, fault)), LOOK)()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [(moves_a_running_statistic, "norm_health/"), (scales_the_gradient, "update/loss_ratio")],
)
def test_a_change_to_what_all_probes_are_shown_is_found_beside_them(fault, said):
    suite = suite_of(lambda schedule: Faulty(schedule, fault))

    with pytest.raises(AssertionError, match=f"apart and together differ on convolutional: {said}"):
        suite.test_beside_other_probes_all_read_the_same()


class Counting:
    """A fault that says something else each time, for all probes of its kind."""

    def __init__(self):
        self.looks = 0

    def __call__(self, _, readings):
        self.looks += 1
        return [replace(readings[0], value=float(self.looks))]


@pytest.mark.parametrize(
    "check",
    [
        "test_two_looks_at_one_step_read_the_same",
        pytest.param("test_beside_other_probes_all_read_the_same", marks=pytest.mark.slow),
    ],
)
def test_a_reading_that_depends_on_other_probes_is_found(check):
    fault = Counting()

    with pytest.raises(AssertionError, match="slope/norm at step"):
        getattr(suite_of(lambda schedule: Faulty(schedule, fault)), check)()


def test_the_suite_says_what_to_override_and_refuses_to_test_nothing():
    with pytest.raises(NotImplementedError, match="override build"):
        ProbeConformance().test_readings_say_what_they_are()
    suite = suite_of(Slope)
    suite.networks = ()
    with pytest.raises(AssertionError, match="networks is empty"):
        suite.test_readings_say_what_they_are()


def test_the_suite_leaves_the_streams_of_the_tests_around_it_alone():
    state = torch.get_rng_state()
    suite = suite_of(Slope)
    suite.test_a_training_under_it_is_the_training_without_it()
    suite.test_readings_say_what_they_are()

    assert torch.equal(torch.get_rng_state(), state)
