"""The budget, with a clock of its own: how looks are chosen and what share of time they take."""

import pytest

from landscope.probes.schedule import WhenPlanned
from landscope.scope.budget import Budget

STEP = 0.01


class Simulation:
    """A training whose probes take what they take."""

    def __init__(self, share, costs, *, wrong=1.0, step=lambda _: STEP, usual=lambda _: STEP):
        # The gradient, a step, is no probe's own; and the cheap probes take two forward passes.
        declared = {name: wrong * cost for name, cost in {"cheap": 2 / 3, **costs}.items()}
        self._begin(share, {"cheap": 2.5, **costs}, declared, ["cheap"])
        self.step, self.usual = step, usual

    @classmethod
    def standard(cls, share, *, seconds=0.1, slower=1.0):
        """With the standard probes of a convolutional network of four layers, as measured."""
        self = cls.__new__(cls)
        costs = {name: slower * taken for name, (_, taken) in STANDARD.items()}
        declared = {name: steps for name, (steps, _) in STANDARD.items()}
        self._begin(share, costs, declared, ["gradient", "update"], modules=30)
        self.step = self.usual = lambda _: seconds
        self.unit = seconds
        self.shared = slower * 1.1 * seconds
        return self

    def _begin(self, share, costs, declared, always, modules=60):
        self.costs = costs
        self.plans = {name: WhenPlanned() for name in costs}
        self.budget = Budget(share, self.plans, always, declared, modules=modules)
        self.unit = STEP  # of what a probe takes
        self.shared = 0.0  # the gradient, where it is not in what the cheap ones take
        self.looks = []
        self.total = self.measuring = 0.0

    def run(self, steps, first=0):
        for number in range(first, first + steps):
            taken = {
                name: self.costs[name] * self.unit
                for name, plan in self.plans.items()
                if plan.due(number)
            }
            training = self.step(number)
            measuring = sum(taken.values(), self.shared if taken else 0.0)
            self.total += training + measuring
            self.measuring += measuring
            self.looks += [(number, name) for name in taken]
            self.budget.passed(number, training, self.usual(number), measuring, taken)
        return self

    @property
    def share(self):
        return self.measuring / self.total

    def count(self, name):
        return sum(found == name for _, found in self.looks)


STANDARD = {  # training steps that are declared, and that it takes
    "gradient": (0.0, 0.05),
    "update": (0.73, 0.84),
    "step_size": (3.18, 3.2),
    "line": (4.0, 3.9),
    "noise_scale": (1.0, 0.9),
    "norm_health": (0.36, 0.27),
    "covariate_shift": (1.82, 1.4),
    "input_drift": (1.09, 1.1),
}
TYPICAL = {"step_size": 3.0, "noise": 2.0, "line": 4.0, "shift": 12.0}


# One per cent of 500 steps are 5, and the cheapest look takes 2.5: it comes once or twice.
@pytest.mark.parametrize(
    ("share", "steps"),
    [(0.01, 600), (0.01, 2_000), (0.01, 10_000), (0.05, 500), (0.05, 5_000), (0.2, 500)],
)
def test_the_share_is_kept(share, steps):
    simulation = Simulation(share, TYPICAL).run(steps)

    assert 0.5 * share <= simulation.share <= 1.1 * share


def test_a_slow_begin_does_not_put_off_the_first_look():
    """On a busy machine the first update may take three times as long as those that follow."""
    usual = lambda number: STEP * (1 + 2 * 0.7**number)  # noqa: E731 (a moving average)
    simulation = Simulation(0.01, TYPICAL, usual=usual).run(600)

    assert 0.005 <= simulation.share <= 0.011


@pytest.mark.parametrize("wrong", [0.3, 3.0])
def test_the_share_is_kept_where_the_declared_costs_are_wrong(wrong):
    simulation = Simulation(0.05, TYPICAL, wrong=wrong).run(2_000)

    assert 0.025 <= simulation.share <= 0.055


def test_whenever_it_ends_over_half_of_the_budget_is_used_once_it_could_be():
    simulation = Simulation(0.05, TYPICAL)
    shares = [simulation.run(1, first=number).share for number in range(5_000)]

    assert min(shares[200:]) >= 0.025


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_what_the_cheap_probes_took_says_what_the_others_will(share):
    """Python weighs four times the arithmetic, in all of them: no first look comes too early."""
    simulation = Simulation(share, TYPICAL)
    simulation.costs = {name: 4 * cost for name, cost in {"cheap": 1.67, **TYPICAL}.items()}
    shares = [simulation.run(1, first=number).share for number in range(6_000)]

    # Once the share is worth more than a few looks, whose price nobody knew at the first.
    assert max(shares[int(10 / share) :]) <= 1.1 * share
    assert min(shares[int(30 / share) :]) >= 0.5 * share
    assert simulation.count("noise") > 0


def test_every_probe_looks_and_the_dear_ones_less_often():
    simulation = Simulation(0.05, TYPICAL).run(20_000)
    counts = [simulation.count(name) for name in ("noise", "step_size", "line", "shift")]

    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 10
    # By the root of the costs: 12 against 2 steps.
    assert counts[0] / counts[-1] == pytest.approx(6**0.5, rel=0.25)


def test_a_look_is_known_one_update_ahead():
    simulation = Simulation(0.05, TYPICAL)
    ahead = []
    for number in range(1_000):
        simulation.run(1, first=number)
        ahead += [plan.step - number for plan in simulation.plans.values() if plan.step]

    assert max(ahead) == 2


def test_a_pause_is_no_training():
    """An hour in which nothing was trained is not followed by a burst of looks."""
    plain = Simulation(0.05, TYPICAL).run(1_000)
    # The clock cuts a pause to ten steps before the budget hears of it.
    paused = Simulation(0.05, TYPICAL, step=lambda n: 10 * STEP if n == 500 else STEP).run(1_000)

    assert len(paused.looks) <= len(plain.looks) + 4


def test_a_probe_that_was_left_out_is_waited_for_no_more():
    simulation = Simulation(0.05, {"noise": 2.0, "shift": 400.0}).run(300)
    simulation.budget.leave_out("shift")
    simulation.run(5_000, first=300)

    assert simulation.count("shift") == 0
    assert 0.025 <= simulation.share <= 0.055


def test_one_of_every_look_may_be_left_out_as_well():
    simulation = Simulation(0.05, TYPICAL).run(300)
    simulation.budget.leave_out("cheap")
    del simulation.plans["cheap"]
    known = len(simulation.looks)
    simulation.run(2_000, first=300)

    assert len(simulation.looks) > known


def test_without_a_dear_probe_the_cheap_ones_use_the_budget():
    simulation = Simulation(0.05, {}).run(2_000)

    assert 0.04 <= simulation.share <= 0.055


def test_in_the_first_300_steps_every_standard_probe_measures_once():
    """5 % of 300 steps are worth 15, and each probe once takes 14 in two measurements."""
    simulation = Simulation.standard(0.05).run(300)

    assert {name: simulation.count(name) for name in STANDARD} == {
        name: 2 if name == "gradient" else 1 for name in STANDARD
    }
    assert simulation.looks[0][0] < 170
    assert 0.025 <= simulation.share <= 0.055


def test_what_two_measurements_cannot_see_is_measured_the_cheapest_first():
    """3 % of 300 steps are worth 9: the first measurement comes early, and there will be three."""
    simulation = Simulation.standard(0.03).run(700)
    first = {name: step for step, name in reversed(simulation.looks)}

    assert first.keys() == STANDARD.keys()
    assert first["gradient"] < 170
    by_cost = ["update", "noise_scale", "covariate_shift", "step_size", "line"]
    assert [first[name] for name in by_cost] == sorted(first[name] for name in by_cost)


@pytest.mark.parametrize("slower", [1.0, 1.2])
def test_the_share_is_kept_by_the_standard_probes_whenever_it_ends(slower):
    simulation = Simulation.standard(0.05, slower=slower)
    shares = [simulation.run(1, first=number).share for number in range(5_000)]

    assert min(shares[200:]) >= 0.025
    assert max(shares[50:]) <= 0.06
    for steps in (300, 1_000, 5_000):
        assert 0.025 <= shares[steps - 1] <= 0.055


def test_a_network_whose_steps_are_short_is_first_measured_by_the_gradient_alone():
    """Its measurement is more Python than arithmetic, of which nothing is known before it."""
    together, apart = Simulation.standard(0.05), Simulation.standard(0.05, seconds=0.001)
    for simulation in (together, apart):
        while not simulation.looks:
            simulation.run(1, first=round(simulation.total / simulation.step(0)))

    assert {"gradient", "update"} <= {name for _, name in together.looks}
    assert [name for _, name in apart.looks] == ["gradient"]


def test_a_probe_too_dear_to_measure_yet_does_not_keep_the_others_waiting():
    simulation = Simulation(0.05, {"noise": 2.0, "shift": 40.0}).run(600)

    assert simulation.count("shift") == 0
    assert simulation.count("noise") > 2
    assert simulation.run(3_000, first=600).count("shift") > 0
