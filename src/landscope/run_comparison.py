"""One run of a comparison: the user's own model in an ordinary loop, with a scope around a step."""

import math
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscope.environment import describe_versions
from landscope.errors import LandscopeError, UsageError
from landscope.landscape.layers import execution_order
from landscope.landscape.objective import Objective
from landscope.landscape.parameters import trainable
from landscope.landscape.random_state import seed_streams
from landscope.machine import Machine
from landscope.progress import Progress, Report
from landscope.reading import Reading, Status
from landscope.records.folder import RunFolder
from landscope.records.outcome import Outcome
from landscope.records.recording import Recording
from landscope.resume import keep, resume
from landscope.scope.scope import Scope
from landscope.study.comparison import AS_IS, ComparisonRun
from landscope.study.import_path import code_digests, tell_error
from landscope.study.keeping import Keeping
from landscope.training.own_batches import OwnBatches
from landscope.training.own_model import (
    OwnFunctions,
    OwnLoss,
    build_own,
    load_functions,
    make_optimizer,
    state_checksum,
    weights_checksum,
)
from landscope.training.state import ModelState, Streams, TrainingState

PROBES = ("gradient", "update", "step_size", "line", "covariate_shift")
"""What is measured of every norm, by the names of the table of probes."""

_REPORT_SECONDS = 0.2
_LOSS = "training mode, the step's batch"
_TIME = "zero_grad, loss, backward and step; the device waited for"


def run_comparison(
    config: ComparisonRun,
    folder: RunFolder,
    machine: Machine,
    report: Report,
    keeping: Keeping | None = None,
) -> Outcome:
    """Train the user's model with one norm under a scope, and leave its records in the folder.

    A training whose loss stops being finite ends there: its outcome is "diverged", with the step.
    One that was stopped goes on from its last checkpoint, as in :func:`landscope.run.run`; where
    the state of the user's objects does not come back to the bit, it begins again.

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
        parts = _set_up(config, machine)
        manifest = _manifest(config, parts, machine)
        with Recording(folder, manifest, keeping or Keeping()) as recording, ExitStack() as scopes:

            def watched(parts: _Parts) -> _Watched:
                made = _watched(config, parts, recording)
                scopes.enter_context(made.scope)
                return made

            training, start = resume(
                recording,
                watched(parts),
                lambda training: training.state,
                lambda: watched(_set_up(config, machine)),
            )
            ended = _train(config, training, start, recording, report)
            scopes.close()
            _note_end(training, ended.step)
            outcome = Outcome(ended.status, ended.step, recording.seconds)
            recording.finish(outcome)
    report(Progress(config.id, ended.status, config.steps, config.steps))
    return outcome


def check_own(configs: Sequence[ComparisonRun], machine: Machine) -> int:
    """Refuse what cannot be trained before anything is written: every norm takes one batch.

    Args:
        configs: One run for each norm, all with the same seed.
        machine: Where the runs will be.

    Returns:
        The processes that the user's loader starts for itself.

    Raises:
        UsageError: A function is missing or fails, a batch does not fit the model, a norm cannot
            be put in, or no norm has a finite loss.
    """
    with machine.prepared():
        # First as it is given: what does not fit then is no norm's fault.
        as_is = configs[0].model_copy(update={"norm": AS_IS})
        parts = _set_up(as_is, machine)
        workers = parts.batches.workers
        _first_loss(as_is, parts)
        losses: list[float] = []
        for config in configs:
            parts = _set_up(config, machine)
            losses.append(_first_loss(config, parts))
    if not any(map(math.isfinite, losses)):
        raise UsageError(
            f"the first loss is {losses[0]} with every norm",
            "a training starts from finite numbers",
            "check the data for NaN",
        )
    return workers


@dataclass(frozen=True)
class _Parts:
    """What a run is made of."""

    functions: OwnFunctions
    model: nn.Module
    loss: OwnLoss
    batches: OwnBatches
    optimizer: Any
    layers: list[str]


@dataclass(frozen=True)
class _Watched(_Parts):
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


def _set_up(config: ComparisonRun, machine: Machine) -> _Parts:
    functions = load_functions(config)
    batches = OwnBatches(functions.make_batches, config.seed, machine.device)
    try:
        batch = batches.peek()
    except LandscopeError:
        raise
    except AssertionError as error:
        raise _loader_refused(error) from error
    except Exception as error:
        raise UsageError(
            config.data, f"it fails with {tell_error(error)}", "mend it and start again"
        ) from error
    loss = OwnLoss(functions.loss)
    loss.parts(batch)
    model = build_own(functions, config, batch, machine.device)
    optimizer = make_optimizer(functions, config, model)
    # What the network draws while it trains is the same for every norm that draws as much.
    seed_streams(config.seed)
    layers = _layers(model, loss, batch)
    return _Parts(functions, model, loss, batches, optimizer, layers)


def _loader_refused(error: AssertionError) -> UsageError:
    """What a DataLoader's processes are told inside of a worker, which may have none."""
    if "daemonic" not in str(error):
        return UsageError("make_batches(seed)", tell_error(error), "mend it and start again")
    return UsageError(
        "make_batches(seed) starts processes of its own",
        "a run in a worker process cannot have any",
        "give --workers 1, or make the DataLoader with num_workers=0",
    )


def _layers(model: nn.Module, loss: OwnLoss, batch: Any) -> list[str]:
    """Names in the order of execution; as the model holds them where that cannot be told."""
    inputs, targets = loss.parts(batch)
    try:
        objective = Objective.now(model, loss.of_scope, inputs, targets)
        return [layer.name for layer in execution_order(objective, trainable(model))]
    except (LandscopeError, RuntimeError):
        matrices = [name for name, p in model.named_parameters() if p.ndim >= 2]
        return [name.rpartition(".")[0] or name for name in matrices]


def _first_loss(config: ComparisonRun, parts: _Parts) -> float:
    """The loss of the first batch, in which the user's functions meet for the first time."""
    batch = parts.batches.next()
    try:
        loss: Any = parts.loss(parts.model, batch)
    except Exception as error:
        raise UsageError(
            f"the first batch of {config.data} with norm {config.norm}",
            f"the loss fails with {tell_error(error)}",
            "mend what does not fit, or name a function loss_fn(model, batch) with --loss",
        ) from error
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
        shape = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise UsageError(
            f"a loss of {shape}",
            "a loss is one number that depends on the parameters",
            "return the mean over the batch, as a tensor that has not been detached",
        )
    return float(loss.detach())


def _watched(config: ComparisonRun, parts: _Parts, recording: Recording) -> _Watched:
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


def _step(parts: _Parts, batch: Any) -> tuple[float, float]:
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


def _manifest(config: ComparisonRun, parts: _Parts, machine: Machine) -> dict[str, object]:
    versions = describe_versions()
    return {
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
