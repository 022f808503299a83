"""What goes wrong around a scope: a clear line, and the training is never the victim."""

import copy
import re
import warnings

import pytest
import torch
from tests.scope.trainings import FEATURES, Kind, batches, hooks_on, loss_fn, network, optimizer_for
from torch import nn

from landscope.cost import Cost
from landscope.errors import UsageError
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.reading import Status
from landscope.scope.destinations import Destinations
from landscope.scope.scope import Scope
from landscope.scope.settings import check_settings


def made(kind=Kind(norm="layer"), **settings):  # noqa: B008 (it is frozen)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    return model, optimizer, Scope(model, loss_fn, optimizer, **{"every": 1, **settings})


def take_a_step(model, optimizer, scope, inputs, targets):
    with scope.step(inputs, targets):
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        optimizer.step()


def failures(scope):
    return [r for r in scope.readings if r.quantity == "failed"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"budget": 0.0, "every": None}, "budget = 0.0: it is the share of the time"),
        ({"budget": 1.5, "every": None}, "above 0 and below 1; give 0.05 for 5 %"),
        ({"every": 0}, "count = 0: a cadence is a positive number of steps"),
        ({"probes": "all"}, "probes = 'all': the presets are cheap, standard, full"),
        ({"probes": ["hessian"]}, "probes[0] = 'hessian': the probes with a name are gradient"),
        ({"probes": ["line", "line"]}, "probes[1] is 'line' again: the records tell probes apart"),
    ],
)
def test_a_setting_without_a_meaning_is_refused_before_the_training(settings, text):
    with pytest.raises(UsageError, match=re.escape(text)):
        made(**settings)


def test_a_norm_mode_that_is_none_is_refused():
    with pytest.raises(UsageError, match="norm_mode = 'eval': batch norms are measured as one of"):
        check_settings(0.05, "eval")


def test_readings_cannot_go_to_what_is_no_writer():
    with pytest.raises(UsageError, match="to = 3: readings go to a folder, or to a writer"):
        Destinations(3, {})


def test_an_optimiser_of_another_model_is_refused():
    model, other = network(Kind()), network(Kind())
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)

    with pytest.raises(UsageError, match="none of them is one of the 10 that Sequential trains"):
        Scope(model, loss_fn, optimizer)


def test_a_model_without_anything_to_train_is_refused():
    model = network(Kind()).requires_grad_(False)

    with pytest.raises(UsageError, match="none of the 10 parameters of Sequential requires"):
        Scope(model, loss_fn, torch.optim.SGD(model.parameters(), lr=0.1))


def test_a_step_inside_of_a_step_is_told_once_and_the_outer_one_is_measured():
    model, optimizer, scope = made(probes="cheap")
    with pytest.warns(UserWarning, match="a step inside of a step is not watched") as told:
        for inputs, targets in batches(2):
            with scope.step(inputs, targets), scope.step(inputs, targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()

    assert len(told) == 1
    assert scope.steps == 2
    assert not failures(scope)
    assert {r.step for r in scope.readings if r.probe == "gradient"} == {0, 1}


def test_batches_of_other_shapes_are_measured_as_they_come():
    model, optimizer, scope = made(probes="standard")
    for size in (8, 3, 16, 1):
        targets = torch.zeros(size, dtype=torch.int64)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")  # a batch of 1 has no halves
            take_a_step(model, optimizer, scope, torch.randn(size, FEATURES), targets)

    assert {r.step for r in scope.readings if r.key == "gradient/loss"} == {0, 1, 2, 3}
    assert {r.layer for r in failures(scope)} <= {"noise_scale", "norm_health"}
    assert {r.step for r in failures(scope)} <= {3}


def test_a_loss_that_is_not_finite_is_recorded_and_nothing_else_is_read():
    model, optimizer, scope = made()
    for value in (1.0, float("nan"), float("inf")):
        inputs = torch.full((8, FEATURES), value)
        take_a_step(model, optimizer, scope, inputs, torch.zeros(8, dtype=torch.int64))

    assert [(r.status, r.probe, r.quantity) for r in scope.readings if r.step == 1][:1] == [
        (Status.NONFINITE, "gradient", "loss")
    ]
    assert {r.probe for r in scope.readings if r.step >= 1} == {"gradient", "scope"}
    assert not failures(scope)


def test_a_model_that_moves_to_another_type_half_way():
    model, optimizer, scope = made(Kind(norm="batch"), probes="cheap")
    ((inputs, targets),) = batches(1)
    take_a_step(model, optimizer, scope, inputs, targets)
    model.double()
    take_a_step(model, optimizer, scope, inputs.double(), targets)

    assert {r.step for r in scope.readings if r.key == "gradient/loss"} == {0, 1}


def test_a_batch_that_lies_elsewhere_is_told_and_the_training_goes_on():
    model, optimizer, scope = made(probes="cheap")
    ((inputs, targets),) = batches(1)
    with (
        pytest.warns(UserWarning, match="scope could not measure step 0 .*inputs are on meta"),
        scope.step(inputs.to("meta"), targets),
    ):
        loss_fn(model(inputs), targets).backward()
        optimizer.step()

    (failed,) = failures(scope)
    assert (failed.layer, failed.status, scope.steps) == ("scope", Status.SKIPPED, 1)


def test_what_fails_three_times_in_a_row_is_given_up():
    model, optimizer, scope = made(probes="cheap")
    ((inputs, targets),) = batches(1)
    with pytest.warns(UserWarning) as told:
        for _ in range(5):
            with scope.step("no tensor", targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()

    assert len(failures(scope)) == 3
    assert ["is switched off" in str(w.message) for w in told] == [False, True]


class Failing(Probe):
    """Fails at its second look."""

    def __init__(self, error):
        super().__init__("failing", EverySteps(1))
        self.error = error
        self.looks = 0

    def cost(self, work):
        return Cost(0, 0)

    def read(self, view):
        self.looks += 1
        if self.looks >= 2:
            view.snapshot.objective.model.eval()  # whatever it left half done is its own fault
            view.snapshot.objective.model.train()
            raise self.error
        return [self.reading(view, "looks", float(self.looks))]


def test_a_probe_that_fails_is_switched_off_with_one_warning_and_the_others_go_on():
    probe = Failing(KeyError("a bug"))
    model, optimizer, scope = made(probes=["gradient", probe, "update"])
    with pytest.warns(UserWarning, match="failing failed at step 1 and is switched off") as told:
        for inputs, targets in batches(5):
            take_a_step(model, optimizer, scope, inputs, targets)

    assert (len(told), probe.looks) == (1, 2)
    (failed,) = failures(scope)
    assert (failed.step, failed.layer, failed.function) == (1, "failing", "KeyError: 'a bug'")
    assert len({r.step for r in scope.readings if r.probe == "update"}) == 5


def test_what_a_probe_refuses_on_one_batch_it_may_measure_on_the_next():
    probe = Failing(UsageError("a batch", "it is too small", "give a larger one"))
    model, optimizer, scope = made(probes=[probe])
    with pytest.warns(UserWarning) as told:
        for inputs, targets in batches(6):
            take_a_step(model, optimizer, scope, inputs, targets)

    first, last = (str(warning.message) for warning in told)
    assert first.startswith("landscope: failing could not measure step 1 (UsageError: a batch:")
    assert "failing failed at step 3 and is switched off" in last
    assert [r.step for r in failures(scope)] == [1, 2, 3]


def test_an_interrupt_in_a_probe_goes_through():
    model, optimizer, scope = made(probes=[Failing(KeyboardInterrupt())])
    first, second = batches(2)
    take_a_step(model, optimizer, scope, *first)

    with pytest.raises(KeyboardInterrupt):
        take_a_step(model, optimizer, scope, *second)


def test_an_error_of_the_training_goes_through_and_leaves_nothing_behind():
    model, optimizer, scope = made(probes="cheap")
    first, second = batches(2)
    with pytest.raises(ValueError, match="of the training"), scope.step(*first):
        loss_fn(model(first[0]), first[1]).backward()
        raise ValueError("of the training")

    assert hooks_on(model, optimizer) == 0
    take_a_step(model, optimizer, scope, *second)
    assert [r.step for r in scope.readings if r.key == "gradient/loss"] == [0]


def test_before_without_after_and_after_without_before():
    model, optimizer, scope = made(probes="cheap")
    first, second = batches(2)
    with pytest.warns(UserWarning, match=r"before\(\) came twice without after\(\)"):
        scope.before(*first)
        scope.before(*second)
    loss_fn(model(second[0]), second[1]).backward()
    optimizer.step()
    scope.after()
    with pytest.warns(UserWarning, match=r"after\(\) came without before\(\)"):
        scope.after()

    assert scope.steps == 1
    assert hooks_on(model, optimizer) == 0


def test_steps_that_lie_outside_of_the_block_are_missed_aloud():
    model, optimizer, scope = made(probes="cheap")
    ((inputs, targets),) = batches(1)
    with pytest.warns(UserWarning, match="no step of the optimiser was seen in 1000 blocks"):
        for _ in range(1001):
            with scope.step(inputs, targets):
                pass

    assert scope.readings == ()


def test_a_loss_that_is_not_one_number_is_told():
    model = network(Kind())
    optimizer = optimizer_for(Kind(), model)
    each = nn.CrossEntropyLoss(reduction="none")
    scope = Scope(model, each, optimizer, every=1, probes="cheap")
    ((inputs, targets),) = batches(1)
    with pytest.warns(UserWarning, match=r"loss_fn gave shape \(8,\)"), scope.step(inputs, targets):
        each(model(inputs), targets).mean().backward()
        optimizer.step()

    assert scope.steps == 1


def test_a_closed_scope_measures_nothing_and_hangs_on_nothing():
    model, optimizer, scope = made(probes="cheap")
    first, second = batches(2)
    take_a_step(model, optimizer, scope, *first)
    scope.close()
    known = scope.readings
    take_a_step(model, optimizer, scope, *second)
    scope.close()

    assert scope.readings == known
    assert hooks_on(model, optimizer) == 0


def test_a_scope_can_be_made_again_for_a_copy_of_the_model():
    model, optimizer, scope = made(probes="cheap")
    ((inputs, targets),) = batches(1)
    take_a_step(model, optimizer, scope, inputs, targets)

    twin = copy.deepcopy(model)
    other = torch.optim.SGD(twin.parameters(), lr=0.1)
    take_a_step(twin, other, Scope(twin, loss_fn, other, every=1), inputs, targets)
