"""One run of a comparison: the user's own model in an ordinary loop, with a scope around a step."""

import math
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscope.errors import LandscopeError
from landscope.reading import Provenance, Reading, Status
from landscope.runs.folder import RunFolder
from landscope.runs.manifest import RunManifest, describe_versions, manifest_of
from landscope.runs.outcome import Outcome
from landscope.runs.recording import Recording
from landscope.scope.scope import Scope
from landscope.studies.comparison.configuration import ComparisonRun
from landscope.studies.comparison.import_path import code_digests
from landscope.studies.comparison.model import (
    state_checksum,
    weights_checksum,
)
from landscope.studies.comparison.parts import OwnParts, set_up
from landscope.studies.keeping import Keeping
from landscope.studies.machine import Machine
from landscope.studies.progress import Progress, Report
from landscope.studies.resume import keep, resume
from landscope.studies.training_state import ModelState, Streams, TrainingState

PROBES = ("gradient", "update", "step_size", "line", "covariate_shift")
"""What is measured of every norm, by the names of the table of probes."""

_REPORT_SECONDS = 0.2
_LOSS = Provenance(mode="training", batch="the step's batch")
_TIME = Provenance(note="zero_grad, loss, backward and step; the device waited for")


def run_comparison(
    config: ComparisonRun,
    folder: RunFolder,
    machine: Machine,
    report: Report,
    keeping: Keeping | None = None,
) -> Outcome:
    """Train the user's model with one norm under a scope, and leave its records in the folder.

    A training whose loss stops being finite ends there: its outcome is "diverged", with the step.
    One that was stopped goes on from its last checkpoint; where the state of the user's objects
    does not come back to the bit, it begins again.

    Args:
        config: What to run.
        folder: Where its records go; a run that has ended there is never overwritten.
        machine: Where to run it.
        report: Is told how far the run is, a few times a second.
        keeping: How it is kept against being stopped.

    Raises:
        LandscopeError: The user's functions or the disk do not allow the run.
    """
    report(Progress(config.id, "setting up", 0, config.steps))
    with machine.prepared():
        parts = set_up(config, machine)
        manifest = _manifest(config, parts, machine)
        with Recording(folder, manifest, keeping or Keeping()) as recording, ExitStack() as scopes:

            def watched(parts: OwnParts) -> _Watched:
                made = _watched(config, parts, recording)
                scopes.enter_context(made.scope)
                return made

            training, start = resume(
                recording,
                watched(parts),
                lambda training: training.state,
                lambda: watched(set_up(config, machine)),
            )
            ended = _train(config, training, start, recording, report)
            scopes.close()
            _note_end(training, ended.step)
            outcome = Outcome(ended.status, ended.step, recording.seconds)
            recording.finish(outcome)
    report(Progress(config.id, ended.status, config.steps, config.steps))
    return outcome


@dataclass(frozen=True)
class _Watched(OwnParts):
    """The same with the scope around its steps."""

    scope: Scope
    kept: "_Kept"

    @property
    def state(self) -> TrainingState:
        """All that the coming steps depend on."""
        return TrainingState(
            {
                "model": ModelState(self.model),
                "optimizer": self.optimizer,
                "batches": self.batches,
                "scope": self.scope,
                "streams": Streams(self.model),
            }
        )


class _Kept:
    """Writes a scope's readings to the journal, and keeps the error that a scope swallows."""

    def __init__(self, journal: Recording) -> None:
        self._journal = journal
        self._error: LandscopeError | None = None
        self.looks = 0

    def write(self, reading: Reading) -> None:
        """Append one reading; a disk that refuses is told by ``check``."""
        self.looks += reading.probe != "training"
        try:
            self._journal.write(reading)
        except LandscopeError as error:
            self._error = error
            raise

    def close(self) -> None:
        """Nothing: the run ends its journal itself."""

    def check(self) -> None:
        """Raise what writing has met with."""
        if self._error is not None:
            raise self._error


def _watched(config: ComparisonRun, parts: OwnParts, recording: Recording) -> _Watched:
    kept = _Kept(recording)
    scope = Scope(
        parts.model,
        parts.loss.of_scope,
        parts.optimizer,
        probes=list(PROBES),
        every=config.every,
        to=kept,
    )
    return _Watched(**vars(parts), scope=scope, kept=kept)


def _train(
    config: ComparisonRun, parts: _Watched, start: int, recording: Recording, report: Report
) -> Outcome:
    batches, scope, kept = parts.batches, parts.scope, parts.kept
    reported, state = time.monotonic(), parts.state
    with warnings.catch_warnings():
        # What a scope warns of stands in the records as well.
        warnings.filterwarnings("ignore", message="landscope: ")
        for step in range(start, config.steps):
            batch = batches.next()
            looks = kept.looks
            with scope.step(*parts.loss.parts(batch)):
                loss, seconds = _step(parts, batch)
            looked = kept.looks > looks
            _note(kept, step, loss, None if looked else seconds, batches.checksum)
            kept.check()
            if not math.isfinite(loss):
                return Outcome("diverged", step)
            keep(recording, state, step + 1)
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                report(Progress(config.id, "training", step + 1, config.steps))
    return Outcome("finished", config.steps)


def _step(parts: OwnParts, batch: Any) -> tuple[float, float]:
    """One step of training: its loss, and its wall time in seconds."""
    wait = _waiter(parts.model)
    wait()
    start = time.perf_counter()
    parts.optimizer.zero_grad()
    loss = parts.loss(parts.model, batch)
    loss.backward()
    parts.optimizer.step()
    wait()
    return float(loss.detach()), time.perf_counter() - start


def _waiter(model: nn.Module) -> Any:
    device = next(model.parameters()).device
    if device.type == "cpu":
        return lambda: None
    return torch.get_device_module(device).synchronize


def _note(kept: _Kept, step: int, loss: float, seconds: float | None, checksum: int) -> None:
    status = Status.OK if math.isfinite(loss) else Status.NONFINITE
    kept.write(Reading(step, "training", "train_loss", loss, "loss", status=status, function=_LOSS))
    if seconds is not None:
        kept.write(Reading(step, "training", "step_seconds", seconds, "s", function=_TIME))
    else:
        kept.write(Reading(step, "training", "batches_checksum", float(checksum)))


def _note_end(parts: _Watched, step: int | None) -> None:
    """The weights themselves are not kept: their checksum tells whether two runs ended alike."""
    checksum = float(state_checksum(parts.model))
    parts.kept.write(Reading(step or 0, "training", "weights_checksum", checksum))


def _manifest(config: ComparisonRun, parts: OwnParts, machine: Machine) -> RunManifest:
    versions = describe_versions()
    fields = {
        "format": 1,
        "id": config.id,
        "config": config.model_dump(mode="json"),
        "layers": parts.layers,
        "seed": config.seed,
        "initial_weights": weights_checksum(parts.model),
        "parameters": sum(parameter.numel() for parameter in parts.model.parameters()),
        "device": machine.device,
        "threads": machine.threads,
        "config_digest": config.digest,
        "code": code_digests(config.functions),
        "identity": {**machine.identity, "landscope": versions["landscope"]},
        **versions,
    }
    return manifest_of(RunManifest, fields)
