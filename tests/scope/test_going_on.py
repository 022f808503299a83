"""A scope that goes on with a training: its state, and the folder of its readings."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import landscope
from landscope.errors import UsageError
from landscope.reading import Reading
from landscope.runs import read_run
from landscope.scope.scope import Scope


class Training:
    """A few updates of a small network, with all that a checkpoint of it needs."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 2)
        )
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.01)

    def scope(self, **settings: Any) -> Scope:
        given = {"probes": "full", "every": 2, **settings}
        return landscope.Scope(self.model, nn.functional.cross_entropy, self.optimizer, **given)

    def go(self, scope: Scope, first: int, last: int) -> None:
        for step in range(first, last):
            stream = torch.Generator().manual_seed(step)
            inputs = torch.randn(16, 4, generator=stream)
            targets = torch.randint(2, (16,), generator=stream)
            with scope.step(inputs, targets):
                self.optimizer.zero_grad()
                nn.functional.cross_entropy(self.model(inputs), targets).backward()
                self.optimizer.step()

    def state(self, scope: Scope) -> Any:
        parts = (self.model, self.optimizer, scope)
        return copy.deepcopy([part.state_dict() for part in parts])

    def load(self, scope: Scope, state: Any) -> None:
        for part, given in zip((self.model, self.optimizer, scope), state, strict=True):
            part.load_state_dict(given)


def told(readings: tuple[Reading, ...]) -> list[tuple[object, ...]]:
    return [
        (r.step, r.probe, r.quantity, r.layer, repr(r.value))
        for r in readings
        if r.probe != "scope" or r.quantity == "steps_between"
    ]


@pytest.mark.parametrize("at", [1, 2, 3, 5])
def test_with_its_state_it_reads_on_what_it_would_have_read(at: int) -> None:
    whole = Training()
    alone = whole.scope()
    whole.go(alone, 0, 8)

    first = Training()
    before = first.scope()
    first.go(before, 0, at)
    second = Training()
    after = second.scope()
    second.load(after, first.state(before))
    assert after.steps == at
    second.go(after, at, 8)
    assert told(before.readings) + told(after.readings) == told(alone.readings)


def test_its_folder_goes_on_too(tmp_path: Path) -> None:
    """After an orderly end, and after a return to an earlier checkpoint."""
    whole = Training()
    alone = whole.scope()
    whole.go(alone, 0, 8)

    first = Training()
    before = first.scope(to=tmp_path / "mine")
    first.go(before, 0, 4)
    state = first.state(before)
    first.go(before, 4, 6)
    before.close()

    second = Training()
    after = second.scope(to=tmp_path / "mine", first_step=4)
    second.load(after, state)
    second.go(after, 4, 8)
    after.close()
    run = read_run(tmp_path / "mine")
    assert told(run.all_readings) == told(alone.readings)
    assert run.outcome.status == "finished"


def test_a_new_folder_begins_at_any_step(tmp_path: Path) -> None:
    training = Training()
    with training.scope(to=tmp_path / "mine", first_step=100) as scope:
        training.go(scope, 0, 2)
    assert {reading.step for reading in read_run(tmp_path / "mine").all_readings} == {100}


def test_within_an_update_there_is_no_state() -> None:
    training = Training()
    scope = training.scope()
    scope.before(torch.zeros(2, 4), torch.zeros(2, dtype=torch.long))
    with pytest.raises(UsageError, match="the state of a scope in the middle of update 0"):
        scope.state_dict()


def test_a_state_of_other_probes_is_refused() -> None:
    training = Training()
    state = training.scope(probes=["gradient", "update"]).state_dict()
    with pytest.raises(UsageError, match="the state of probe 'update': the probes here are grad"):
        training.scope(probes=["gradient"]).load_state_dict(state)
