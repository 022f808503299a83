"""What goes wrong around a scope: a clear line, and the training is never the victim."""

import copy
import math
import re
import warnings
from dataclasses import replace

import pytest
import torch
from tests.scope.trainings import FEATURES, Kind, batches, hooks_on, loss_fn, network, optimizer_for
from torch import nn

from landscope.cost import Cost
from landscope.errors import UsageError
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.table import PROBES, chosen
from landscope.reading import Status
from landscope.runs import read_run
from landscope.scope.destinations import Destinations
from landscope.scope.scope import Scope
from landscope.scope.settings import check_settings, check_training


def made(kind=Kind(norm="layer"), **settings):  # noqa: B008 (it is frozen)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    return model, optimizer, Scope(model, loss_fn, optimizer, **{"every": 1, **settings})


def told(action):
    """What warnings an action gives, in their order."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        action()
    return [str(warning.message) for warning in found]


def train(scope, model, optimizer, pairs, *, given=None):
    """Take a step on each batch; the scope is given something else where that is asked for."""
    for inputs, targets in pairs:
        with scope.step(*(given or (inputs, targets))):
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
        ({"first_step": -1}, "first_step = -1: it is the number of updates that the training has"),
        ({"every": 0}, "every = 0: it is the number of updates from one measurement to the next"),
        ({"l2_penalty": -0.1}, "l2_penalty = -0.1: it is lambda of a penalty lambda/2 ||W||^2"),
        ({"l2_penalty": float("nan")}, "at least 0; leave it out where the loss has no penalty"),
        ({"l2_penalty": "1e-4"}, "l2_penalty = '1e-4': it is lambda of a penalty"),
        ({"probes": "all"}, "probes = 'all': the presets are cheap, standard, full"),
        ({"probes": ["hessian"]}, "probes[0] = 'hessian': the probes with a name are gradient"),
        ({"probes": ["line", "line"]}, "probes[1] is 'line' again: the records tell probes apart"),
    ],
)
def test_a_setting_without_a_meaning_is_refused_before_the_training(settings, text):
    with pytest.raises(UsageError, match=re.escape(text)):
        made(**settings)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (("5%", None, "batch", 0), "budget = '5%': it is the share of the time"),
        ((None, 1, "batch", 0), "budget = None: it is the share of the time"),
        ((0.05, 2.5, "batch", 0), "every = 2.5: it is the number of updates from one measurement"),
        (
            (0.05, "often", "batch", 0),
            "every = 'often': it is the number of updates from one measurement",
        ),
        ((0.05, None, "eval", 0), "norm_mode = 'eval': batch norms are measured as one of"),
        ((0.05, None, 3, 0), "norm_mode = 3: batch norms are measured as one of"),
        ((0.05, None, "batch", 1.5), "first_step = 1.5: it is the number of updates"),
    ],
)
def test_a_setting_of_another_kind_is_refused(settings, text):
    with pytest.raises(UsageError, match=re.escape(text)):
        check_settings(*settings)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"model": 3}, "model = 3: it is the network, a torch.nn.Module"),
        ({"loss_fn": "mse"}, "loss_fn = 'mse': it is called with outputs and targets"),
        ({"optimizer": "sgd"}, "optimizer = 'sgd': it is a torch.optim.Optimizer or similar"),
        ({"optimizer": []}, "optimizer = []: it is a torch.optim.Optimizer or similar"),
        ({"optimizer": [3]}, "optimizer = 3: it is a torch.optim.Optimizer or similar"),
        ({"scaler": 2.0}, "scaler = 2.0: it is the GradScaler of a training in float16"),
    ],
)
def test_what_is_no_part_of_a_training_is_refused(change, text):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    given = {"model": model, "loss_fn": loss_fn, "optimizer": optimizer, "scaler": None}
    with pytest.raises(UsageError, match=re.escape(text)):
        check_training(**{**given, **change})


@pytest.mark.parametrize(
    ("probes", "text"),
    [
        (3, "probes = 3: they are the name of a preset, or a list"),
        ([3], "probes[0] = 3: the probes with a name are gradient"),
        (["line", Probe], "probes[1] = <class 'landscope.probes.probe.Probe'>: the probes with a"),
        ([["line"]], "probes[0] = ['line']: the probes with a name are gradient"),
    ],
)
def test_what_is_no_probe_is_refused(probes, text):
    with pytest.raises(UsageError, match=re.escape(text)):
        chosen(probes)


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

    def nested():
        for inputs, targets in batches(2):
            with scope.step(inputs, targets):
                train(scope, model, optimizer, [(inputs, targets)])

    (warning,) = told(nested)
    assert warning.startswith("landscope: a step inside another step is not watched")
    assert scope.steps == 2
    assert not failures(scope)
    assert {r.step for r in scope.readings if r.probe == "gradient"} == {0, 1}


def test_batches_of_other_shapes_are_measured_as_they_come():
    model, optimizer, scope = made(probes="standard")
    for size in (8, 3, 16, 1):
        targets = torch.zeros(size, dtype=torch.int64)
        batch = torch.randn(size, FEATURES), targets
        assert told(lambda batch=batch: train(scope, model, optimizer, [batch])) == []

    assert {r.step for r in scope.readings if r.key == "gradient/loss"} == {0, 1, 2, 3}
    assert not failures(scope)
    (none,) = (r for r in scope.readings if r.key == "noise_scale/efficiency" and r.step == 3)
    assert none.status is Status.SKIPPED  # one sample has no halves


def test_a_loss_that_is_not_finite_is_recorded_and_nothing_else_is_read():
    model, optimizer, scope = made()
    for value in (1.0, float("nan"), float("inf")):
        inputs = torch.full((8, FEATURES), value)
        train(scope, model, optimizer, [(inputs, torch.zeros(8, dtype=torch.int64))])

    assert [(r.status, r.probe, r.quantity) for r in scope.readings if r.step == 1][:1] == [
        (Status.NONFINITE, "gradient", "loss")
    ]
    assert {r.probe for r in scope.readings if r.step >= 1} == {"gradient", "scope"}
    assert not failures(scope)


def test_a_model_that_moves_to_another_type_half_way():
    model, optimizer, scope = made(Kind(norm="batch"), probes="full")
    ((inputs, targets),) = batches(1)
    train(scope, model, optimizer, [(inputs, targets)] * 2)
    model.double()
    train(scope, model, optimizer, [(inputs.double(), targets)] * 2)

    assert {r.step for r in scope.readings if r.key == "gradient/loss"} == {0, 1, 2, 3}
    assert not failures(scope)
    # The drift of the layers' inputs begins anew.
    drifts = [r for r in scope.readings if r.quantity == "input_mean_change_since_start"]
    moved = [any(r.value for r in drifts if r.step == step) for step in range(4)]
    assert moved == [False, True, False, True]


def test_a_batch_that_lies_elsewhere_is_told_and_the_training_goes_on():
    model, optimizer, scope = made(probes="cheap")
    ((inputs, targets),) = batches(1)
    pairs, elsewhere = [(inputs, targets)], (inputs.to("meta"), targets)
    (warning,) = told(lambda: train(scope, model, optimizer, pairs, given=elsewhere))

    assert re.search("scope could not measure step 0 .*inputs are on the meta device", warning)
    (failed,) = failures(scope)
    assert (failed.layer, failed.status, scope.steps) == ("scope", Status.SKIPPED, 1)


def test_what_goes_on_failing_is_tried_less_and_less_and_never_given_up():
    model, optimizer, scope = made(probes="cheap")
    given = ("no tensor", None)
    (warning,) = told(lambda: train(scope, model, optimizer, batches(20), given=given))

    assert "; it is tried again, and the training goes on" in warning
    assert [r.step for r in failures(scope)] == [0, 1, 2, 4, 7, 12]  # 1, 2, 4 are sat out

    assert not told(lambda: train(scope, model, optimizer, batches(3)))
    assert {r.step for r in scope.readings if r.key == "gradient/loss"} == {21, 22}
    # What has read once begins anew.
    told(lambda: train(scope, model, optimizer, batches(3), given=given))
    assert [r.step for r in failures(scope)][6:] == [23, 24, 25]


def test_a_small_batch_now_and_then_ends_no_measurement():
    """The last batch of each epoch, with too few samples for halves under batch norm."""
    model, optimizer, scope = made(Kind(norm="batch"), probes="standard")

    def epochs():
        for size in (8, 2) * 5:
            batch = torch.randn(size, FEATURES), torch.zeros(size, dtype=torch.int64)
            train(scope, model, optimizer, [batch])

    assert told(epochs) == []
    assert not failures(scope)
    read = [r for r in scope.readings if r.key == "noise_scale/noise_scale"]
    assert {r.step for r in read if r.status is Status.SKIPPED} == {1, 3, 5, 7, 9}
    assert {r.step for r in read if r.status is not Status.SKIPPED} == {0, 2, 4, 6, 8}


class Failing(Probe):
    """Fails at its second look."""

    def __init__(self, error):
        super().__init__("failing", EverySteps(1))
        self.error = error
        self.looks = 0

    def cost(self, work):
        del work
        return Cost(0, 0)

    def read(self, view):
        self.looks += 1
        if self.looks >= 2:
            view.snapshot.objective.model.eval()  # whatever it left half done is its own fault
            view.snapshot.objective.model.train()
            raise self.error
        return [self.reading(view, "looks", float(self.looks))]


def test_a_warning_points_at_the_loop():
    model, optimizer, scope = made(probes="cheap")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        train(scope, model, optimizer, batches(1), given=("no tensor", None))

    assert [warning.filename for warning in found] == [__file__]


def test_a_warm_up_from_zero_is_read_once_it_moves():
    model = network(Kind())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10)
    scope = Scope(model, loss_fn, optimizer, every=1, probes="standard")

    def warming():
        for batch in batches(3):
            train(scope, model, optimizer, [batch])
            schedule.step()

    assert not told(warming)
    assert not failures(scope)
    line = [r for r in scope.readings if r.key == "line[paper]/effective_beta"]
    assert [(r.step, r.status) for r in line] == [
        (0, Status.SKIPPED),
        (1, Status.OK),
        (2, Status.OK),
    ]
    assert (
        str(line[0].function) == "the learning rate is 0.0, and the grid consists of its multiples"
    )


@pytest.mark.parametrize(
    ("errors", "looks"),
    [
        ([KeyError("a bug")] * 9, 3),
        ([KeyError("a"), IndexError("b")] * 5, 6),  # 0, 1, 2, 4, 7, 12
        ([torch.OutOfMemoryError("full")] * 9, 6),
        ([UsageError("a batch", "it is too small", "give a larger one")] * 9, 6),
    ],
    ids=["one mistake", "of two kinds", "memory", "refused"],
)
def test_a_probe_of_ones_own_is_switched_off_where_it_has_never_read_and_fails_alike(errors, looks):
    probe = Failing(None)
    given = iter(errors)
    model, optimizer, scope = made(probes=["gradient", probe, "update"])

    def read(view):
        del view
        probe.looks += 1
        raise next(given)

    probe.read = read
    warned = told(lambda: train(scope, model, optimizer, batches(15)))

    assert probe.looks == looks == len(failures(scope))
    assert ["is switched off" in w for w in warned] == ([False, True] if looks == 3 else [False])
    assert len({r.step for r in scope.readings if r.probe == "update"}) == 15


def test_a_probe_of_ones_own_that_has_read_is_not_switched_off():
    probe = Failing(KeyError("a bug"))
    model, optimizer, scope = made(probes=["gradient", probe])
    (warning,) = told(lambda: train(scope, model, optimizer, batches(8)))

    assert "failing could not measure step 1 (KeyError: 'a bug'); it is tried again" in warning
    assert [r.step for r in failures(scope)] == [1, 2, 3, 5]


@pytest.mark.parametrize("name", ["gradient", "update"])
def test_a_probe_of_every_look_that_fails_under_a_budget_leaves_the_others(name, monkeypatch):
    def fail(self, view):
        raise KeyError("a bug")

    monkeypatch.setattr(PROBES[name].builder(EverySteps(1)).__class__, "read", fail)
    model, optimizer, scope = made(every=None, budget=0.9, probes="cheap")
    (warning,) = told(lambda: train(scope, model, optimizer, batches(400)))

    assert f"{name} could not measure step" in warning
    assert max(r.step for r in scope.readings if r.probe != "scope") > failures(scope)[0].step


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (None, "value = None: None is not a number; give one number, as float() makes it"),
        ("high", "value = 'high': 'high' is not a number"),
        (torch.ones(()), r"value = tensor(1.): tensor(1.) is not a number"),
        (True, "value = True: True is not a number"),
        (1j, "value = 1j: 1j is not a number"),
        ((1.0, None), "value = (1.0, None): None is not a number"),
        (10**400, "an integer is too large for a float"),
    ],
    ids=["None", "text", "tensor", "bool", "complex", "in a list", "large"],
)
def test_one_bad_value_is_left_out_and_nothing_else(bad, text, tmp_path):
    class Mixed(Failing):
        def read(self, view):
            value = bad if view.step == 1 else 0.5
            return [self.reading(view, "value", value), self.reading(view, "other", 1.0)]

    taken = []

    class Log:
        write = staticmethod(taken.append)

        def close(self):
            pass

    to = [tmp_path / "run", Log()]
    model, optimizer, scope = made(probes=["gradient", Mixed(None)], to=to)
    (warning,) = told(lambda: train(scope, model, optimizer, batches(4)))
    scope.close()

    assert "failing gave a reading at step 1 that is left out (" in warning
    assert text in warning
    for readings in (scope.readings, taken, read_run(tmp_path / "run").all_readings):
        steps = {
            name: [r.step for r in readings if r.key == f"failing/{name}"]
            for name in ("value", "other")
        }
        assert steps == {"value": [0, 2, 3], "other": [0, 1, 2, 3]}


def test_what_is_no_reading_is_left_out_too_and_a_nan_says_what_it_is():
    class Odd(Failing):
        def read(self, view):
            own = self.reading(view, "value", 1.0)
            yield from (3, None, replace(own, value=math.nan, status=Status.OK))

    model, optimizer, scope = made(probes=[Odd(None)])
    (warning,) = told(lambda: train(scope, model, optimizer, batches(1)))

    assert "left out (3 among the readings of a probe: a probe gives readings; make each" in warning
    assert [r.status for r in scope.readings if r.probe == "failing"] == [Status.NONFINITE]


class Picky:
    """A writer that refuses some readings."""

    def __init__(self, refuses, error):
        self.taken, self.refuses, self.error = [], refuses, error

    def write(self, reading):
        if self.refuses(reading):
            raise self.error
        self.taken.append(reading)

    def close(self):
        pass


def test_a_writer_that_refuses_a_reading_gets_the_others():
    writer = Picky(lambda r: r.quantity == "gradient_norm", TypeError("no such number"))
    model, optimizer, scope = made(probes="cheap", to=writer)
    (warning,) = told(lambda: train(scope, model, optimizer, batches(5)))

    assert warning == (
        "landscope: Picky does not take gradient/gradient_norm at step 0, which is left out "
        "(TypeError: no such number); the training goes on"
    )
    assert {r.step for r in writer.taken} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("error", "warned"),
    [(TypeError("closed"), [False, True]), (OSError("full"), [True])],
    ids=["refuses all", "cannot write"],
)
def test_a_writer_that_takes_nothing_is_left_out(error, warned):
    model, optimizer, scope = made(probes="cheap", to=Picky(lambda _: True, error))
    found = told(lambda: train(scope, model, optimizer, batches(3)))

    assert ["gets no more readings" in warning for warning in found] == warned


def test_a_mistake_of_ours_ends_the_measuring_and_not_the_training(monkeypatch):
    def fail(*_):
        raise KeyError("a bug")

    model, optimizer, scope = made(probes="cheap")
    monkeypatch.setattr(scope._clock, "passed", fail)
    (warning,) = told(lambda: train(scope, model, optimizer, batches(3)))

    assert "measuring failed and ends here (KeyError: 'a bug'); the training goes on" in warning
    assert hooks_on(model, optimizer) == 0


def test_an_interrupt_in_a_probe_goes_through():
    model, optimizer, scope = made(probes=[Failing(KeyboardInterrupt())])
    first, second = batches(2)
    train(scope, model, optimizer, [first])

    with pytest.raises(KeyboardInterrupt):
        train(scope, model, optimizer, [second])


def test_an_error_of_the_training_goes_through_and_leaves_nothing_behind():
    model, optimizer, scope = made(probes="cheap")
    first, second = batches(2)

    def broken():
        with scope.step(*first):
            loss_fn(model(first[0]), first[1]).backward()
            raise ValueError("of the training")

    with pytest.raises(ValueError, match="of the training"):
        broken()

    assert hooks_on(model, optimizer) == 0
    train(scope, model, optimizer, [second])
    assert [r.step for r in scope.readings if r.key == "gradient/loss"] == [0]


def test_before_without_after_and_after_without_before():
    model, optimizer, scope = made(probes="cheap")
    first, second = batches(2)
    scope.before(*first)
    with pytest.warns(UserWarning, match=r"before\(\) came twice without after\(\)"):
        scope.before(*second)
    loss_fn(model(second[0]), second[1]).backward()
    optimizer.step()
    scope.after()
    with pytest.warns(UserWarning, match=r"after\(\) came without before\(\)"):
        scope.after()

    assert scope.steps == 1
    assert hooks_on(model, optimizer) == 0


def test_steps_that_lie_outside_of_the_block_are_missed_aloud():
    _, _, scope = made(probes="cheap")

    def empty():
        for batch in list(batches(1)) * 1001:
            with scope.step(*batch):
                pass

    (warning,) = told(empty)
    assert "no step of the optimiser was seen in 1000 blocks" in warning
    assert {reading.probe for reading in scope.readings} == {"scope"}


def test_a_loss_that_is_not_one_number_is_told():
    model = network(Kind())
    optimizer = optimizer_for(Kind(), model)
    each = nn.CrossEntropyLoss(reduction="none")
    scope = Scope(model, each, optimizer, every=1, probes="cheap")
    (warning,) = told(lambda: train(scope, model, optimizer, batches(1)))

    assert "loss_fn gave shape (8,)" in warning
    assert scope.steps == 1


def test_a_closed_scope_measures_nothing_and_hangs_on_nothing():
    model, optimizer, scope = made(probes="cheap")
    first, second = batches(2)
    train(scope, model, optimizer, [first])
    scope.close()
    known = scope.readings
    train(scope, model, optimizer, [second])
    scope.close()

    assert scope.readings == known
    assert hooks_on(model, optimizer) == 0


def test_a_scope_can_be_made_again_for_a_copy_of_the_model():
    model, optimizer, scope = made(probes="cheap")
    ((inputs, targets),) = batches(1)
    train(scope, model, optimizer, [(inputs, targets)])

    twin = copy.deepcopy(model)
    other = torch.optim.SGD(twin.parameters(), lr=0.1)
    train(Scope(twin, loss_fn, other, every=1), twin, other, [(inputs, targets)])
