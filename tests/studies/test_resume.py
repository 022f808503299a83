"""Stopped anywhere, a run goes on and ends as if it had not been."""

import json
from pathlib import Path

import pytest
import torch
from tests.small_runs import CPU, PROBING, dln, vgg
from tests.stopping import EVERY_STEP, NEVER, Stopped, stopped_at, story

from landscope.errors import RecordError, UsageError
from landscope.runs import RunFolder, RunManifest, read_run
from landscope.runs.recording import Recording
from landscope.studies.comparison.configuration import ComparisonRun
from landscope.studies.comparison.training import ComparisonTraining
from landscope.studies.engine import run
from landscope.studies.machine import Machine
from landscope.studies.santurkar2018.training import PaperTraining

SPARSE = PROBING.model_copy(update={"curve_every": 2, "evaluate_every": 4, "look_every": 3})
RUNS = {
    "noise": vgg(norm="noisy-batch", steps=5, probing=SPARSE),
    "regression": dln(steps=6),
}

OWN = """
import random

import numpy as np
import torch
from torch import nn


class Odd(nn.Module):
    '''Depends on all that a model can: a count, a hidden buffer, and three random streams.'''

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)
        self.norm = nn.BatchNorm1d(8)
        self.calls = 0
        self.register_buffer("hidden", torch.zeros(8), persistent=False)

    def forward(self, inputs):
        if self.training:
            self.calls += 1
        here = nn.functional.dropout(self.norm(self.first(inputs)), 0.2, self.training)
        if self.training:
            self.hidden = self.hidden + here.detach().mean(0)
        scale = 1 + 0.1 * random.random() + 0.1 * np.random.rand() + 0.01 * self.calls
        return self.last(scale * here.relu() + self.hidden)


def make_model():
    return Odd()


def make_batches(seed):
    data = torch.utils.data.TensorDataset(
        torch.randn(24, 6, generator=torch.Generator().manual_seed(seed)),
        torch.arange(24) % 3,
    )
    return torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)


def make_optimizer(model, lr):
    return torch.optim.AdamW(model.parameters(), lr=lr)
"""


@pytest.fixture
def own(tmp_path: Path) -> ComparisonRun:
    file = tmp_path / "own_parts.py"
    file.write_text(OWN)
    return ComparisonRun(
        model=f"{file}:make_model",
        data=f"{file}:make_batches",
        loss=None,
        optimizer=f"{file}:make_optimizer",
        norm="as-is",
        lr=0.01,
        seed=3,
        steps=7,
        every=2,
        insert=False,
    )


def go(
    config, place: Path, every: float = EVERY_STEP, machine: Machine = CPU, accepts: bool = False
) -> Path:
    """Run it in a folder of its own in a place, and give the folder."""
    folder = RunFolder(place / config.id)
    begin = ComparisonTraining if isinstance(config, ComparisonRun) else PaperTraining
    run(
        begin,
        config,
        folder,
        machine,
        lambda _: None,
        checkpoint_every=every,
        accept_changes=accepts,
    )
    return folder.path


def stop(config, place: Path, name: str, count: int) -> Path:
    """Run it up to the call of that number of a method of `Recording`, and give the folder."""
    with stopped_at(name, count), pytest.raises(Stopped):
        go(config, place)
    return place / config.id


def resumed(folder: Path) -> list[int]:
    """The steps at which a run was taken up again."""
    return [part.step for part in RunFolder(folder).manifest.resumed]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_checkpoint_changes_nothing(tmp_path: Path, name: str) -> None:
    alone = go(RUNS[name], tmp_path / "left-alone", NEVER)
    assert story(go(RUNS[name], tmp_path / "kept")) == story(alone)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_stopped_before_each_checkpoint_it_ends_as_if_it_had_not_been(
    tmp_path: Path, name: str
) -> None:
    config = RUNS[name]
    alone = go(config, tmp_path / "left-alone", NEVER)
    for step in range(1, config.steps + 1):
        place = tmp_path / f"stopped-{step}"
        stop(config, place, "save", step)
        folder = go(config, place)
        assert resumed(folder) == ([step - 1] if step > 1 else [])
        assert story(folder) == story(alone)


@pytest.mark.slow
def test_stopped_in_the_midst_of_every_look_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Before every seventh of its readings: within a step, and within a probe."""
    config = RUNS["regression"]
    alone = go(config, tmp_path / "left-alone", NEVER)
    readings = read_run(alone).all_readings
    assert {reading.step for reading in readings} == set(range(config.steps))
    for count in range(1, len(readings) + 1, 7):
        place = tmp_path / f"stopped-{count}"
        stop(config, place, "write", count)
        folder = go(config, place)
        step = readings[count - 1].step
        # A point of the training's curve is written at a later step's begin, to save a wait.
        assert resumed(folder) in ([step] if step else [], [step + 1])
        assert story(folder) == story(alone)


@pytest.mark.slow
def test_the_users_own_training_goes_on_to_the_bit(tmp_path: Path, own: ComparisonRun) -> None:
    """In the middle of an epoch and at its end, whatever the model depends on."""
    alone = go(own, tmp_path / "left-alone", NEVER)
    for step in range(1, own.steps + 1):
        place = tmp_path / f"stopped-{step}"
        stop(own, place, "save", step)
        folder = go(own, place)
        assert resumed(folder) == ([step - 1] if step > 1 else [])
        assert story(folder) == story(alone)


def test_what_does_not_come_back_to_the_bit_begins_again(
    tmp_path: Path, own: ComparisonRun
) -> None:
    """Batches that depend on what the process did before are not those of before."""
    file = tmp_path / "own_parts.py"
    counting = OWN.replace("def make_batches(seed):", "made = []\n\n\ndef make_batches(seed):")
    file.write_text(
        counting.replace("    data =", "    made.append(1)\n    seed += len(made)\n    data =")
    )
    stop(own, tmp_path / "stopped", "save", 6)
    assert resumed(go(own, tmp_path / "stopped")) == []


def test_other_code_is_begun_anew(tmp_path: Path, own: ComparisonRun) -> None:
    folder = RunFolder(stop(own, tmp_path / "stopped", "save", 4))
    folder.write_manifest(folder.manifest.changed(code=["of a file that has changed since"]))
    assert resumed(go(own, tmp_path / "stopped")) == []


def test_a_state_that_only_pickle_could_keep_is_not_kept(
    tmp_path: Path, own: ComparisonRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has no checkpoint, and stopped it begins again."""
    state_dict = torch.optim.AdamW.state_dict
    monkeypatch.setattr(
        torch.optim.AdamW, "state_dict", lambda self: {**state_dict(self), "own": object()}
    )
    alone = go(own, tmp_path / "left-alone")
    folder = stop(own, tmp_path / "stopped", "write", 60)
    assert not RunFolder(folder).checkpoints_path.exists()
    assert story(go(own, tmp_path / "stopped")) == story(alone)


def test_a_run_that_has_ended_keeps_no_checkpoint(tmp_path: Path) -> None:
    folder = go(RUNS["regression"], tmp_path)
    assert not RunFolder(folder).checkpoints_path.exists()


def test_its_seconds_are_those_of_all_its_parts(tmp_path: Path) -> None:
    config = RUNS["regression"]
    folder = stop(config, tmp_path, "save", 4)
    pointer = json.loads((folder / "checkpoints" / "latest.json").read_text())
    taken = json.loads((folder / "checkpoints" / pointer["latest"] / "manifest.json").read_text())
    go(config, tmp_path)
    seconds = read_run(folder).outcome.seconds
    assert seconds is not None
    assert seconds > taken["seconds"] > 0


def test_what_changes_bits_is_refused_until_it_is_accepted_and_then_recorded(
    tmp_path: Path,
) -> None:
    config = RUNS["regression"]
    folder = stop(config, tmp_path, "save", 4)
    two = Machine("cpu", threads=2)
    before = (folder / "journal.jsonl").read_bytes()
    rule = r"threads = 2 .*stopped at step 3: it was started with threads = 1.*--accept-changes"
    with pytest.raises(UsageError, match=rule):
        go(config, tmp_path, machine=two)
    assert (folder / "journal.jsonl").read_bytes() == before

    go(config, tmp_path, machine=two, accepts=True)
    (part,) = RunFolder(folder).manifest.resumed
    assert part.step == 3
    assert part.changes == {"threads": [1, 2]}
    assert RunFolder(folder).manifest.identity["threads"] == 1


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    config = RUNS["regression"]
    alone = go(config, tmp_path / "left-alone", NEVER)
    folder = stop(config, tmp_path, "save", 5)
    newest = max((folder / "checkpoints").glob("step-4-*/tensors.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-1])
    go(config, tmp_path)
    assert resumed(folder) == [3]
    assert story(folder) == story(alone)


def test_where_no_checkpoint_is_whole_nothing_is_thrown_away(tmp_path: Path) -> None:
    config = RUNS["regression"]
    folder = stop(config, tmp_path, "save", 5)
    for values in (folder / "checkpoints").glob("step-*/values.json"):
        values.write_bytes(b"[" + values.read_bytes()[1:])
    rule = r"values\.json: it does not match its checksum; delete the run's folder"
    with pytest.raises(RecordError, match=rule):
        go(config, tmp_path)
    assert read_run(folder).all_readings


def test_a_journal_that_lost_lines_since_is_refused(tmp_path: Path) -> None:
    config = RUNS["regression"]
    folder = stop(config, tmp_path, "save", 5)
    journal = folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:200])
    with pytest.raises(RecordError, match=r"journal\.jsonl, line 1: it is cut or garbled"):
        go(config, tmp_path)


def test_another_configuration_of_the_same_name_is_refused(tmp_path: Path) -> None:
    config = RUNS["regression"]
    stop(config, tmp_path, "save", 2)
    other = config.model_copy(update={"lr": config.lr * (1 + 1e-9)})
    assert other.id == config.id
    with pytest.raises(RecordError, match="the run in it has another configuration"):
        go(other, tmp_path)


def test_a_reading_before_the_beginning_is_refused(tmp_path: Path) -> None:
    manifest = RunManifest(format=1, id="r", config={}, layers=[])
    recording = Recording(RunFolder(tmp_path / "r"), manifest, checkpoint_every=NEVER)
    with recording, pytest.raises(UsageError, match=r"its journal is not open; call begin\(\)"):
        recording.save(0, None, {})
