"""Warnings that are errors around a training: what is measured never raises into it."""

import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for
from torch import Tensor, nn

import landscope
from landscope.objective.global_state import no_modes, no_warning_raises
from landscope.probes.gradient import Gradient
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import StepView
from landscope.reading import Reading


@pytest.fixture(autouse=True)
def shown() -> Iterator[list[warnings.WarningMessage]]:
    """What is shown, where all warnings are errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        yield caught


def train(model: nn.Module, updates: int = 3, loss: object = loss_fn, **settings: object):
    optimizer = optimizer_for(Kind(), model)
    scope = landscope.Scope(model, loss, optimizer, **{"every": 1, "probes": "cheap", **settings})
    for inputs, targets in batches(updates):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
    return scope


def test_what_cannot_be_measured_is_said_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    each = nn.CrossEntropyLoss(reduction="none")
    scope = train(network(Kind()), loss=each)
    assert scope.steps == 3
    assert "loss_fn gave shape (8,)" in capsys.readouterr().err


def test_a_misuse_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    scope = train(network(Kind()))
    scope.after()
    assert capsys.readouterr().err == (
        "landscope: after() came without before(): there is nothing to measure\n"
    )


def test_a_writer_that_fails_while_measuring_is_shown_as_a_warning(
    shown: list[warnings.WarningMessage],
) -> None:
    class Broken:
        def write(self, _: Reading) -> None:
            raise OSError("full")

        def close(self) -> None:
            pass

    scope = train(network(Kind()), to=Broken())
    assert scope.steps == 3
    assert [str(one.message) for one in shown] == [
        "landscope: Broken failed and gets no more readings (OSError: full); the training goes on"
    ]


def test_a_probe_that_fails_is_shown_as_a_warning(shown: list[warnings.WarningMessage]) -> None:
    class Broken(Gradient):
        def read(self, view: StepView) -> list[Reading]:
            raise ArithmeticError(f"odd at {view.step}")

    scope = train(network(Kind()), probes=[Broken(EverySteps(1))])
    assert scope.steps == 3
    first, last = (str(one.message) for one in shown)
    assert "(ArithmeticError: odd at 0); it is tried again, and the training goes on" in first
    assert "is switched off (ArithmeticError: odd at 2); the training goes on" in last


class Warns(nn.Module):
    """A network that warns in the passes of measurements, and not in the training's own."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network(Kind())

    def forward(self, inputs: Tensor) -> Tensor:
        if next(self.parameters()) is not OWN[0]:
            warnings.warn("odd weights", RuntimeWarning, stacklevel=1)
        return self.net(inputs)


OWN: list[nn.Parameter] = []


def test_a_warning_within_a_measurement_spoils_no_reading(
    shown: list[warnings.WarningMessage],
) -> None:
    model = Warns()
    OWN[:] = model.parameters()
    scope = train(model)
    assert shown  # it did warn
    losses = [r for r in scope.readings if r.key == "gradient/loss"]
    assert [r.step for r in losses] == [0, 1, 2]
    assert not [r for r in scope.readings if r.quantity == "failed"]


def test_the_trainings_own_warnings_still_raise() -> None:
    scope = train(network(Kind()))
    with pytest.raises(RuntimeWarning, match="of the training"), scope.step(None, None):
        warnings.warn("of the training", RuntimeWarning, stacklevel=1)


def test_filters_are_as_they_were_after_threads_that_overlap() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Barrier(2), threading.Event()

    def first() -> None:
        with no_modes():
            inside.wait()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    with no_modes():
        inside.wait()
        leave.set()
        thread.join()
        assert all(action != "error" for action, *_ in warnings.filters)
    assert list(warnings.filters) == before


def test_filters_that_raise_nothing_are_not_touched() -> None:
    with warnings.catch_warnings():
        warnings.resetwarnings()
        known = warnings.filters
        with no_warning_raises():
            assert warnings.filters is known


def test_standard_error_that_is_gone_ends_nothing() -> None:
    script = (
        "import sys, warnings, torch, landscope\n"
        "warnings.simplefilter('error')\n"
        "net = torch.nn.Linear(6, 3); opt = torch.optim.SGD(net.parameters(), 0.1)\n"
        "scope = landscope.Scope(net, torch.nn.functional.cross_entropy, opt)\n"
        "sys.stderr = None\n"
        "scope.after()\n"
        "print('trained')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "trained\n"
