"""One training of a comparison: the user's own model in an ordinary loop, under a scope."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from landscope.errors import LandscopeError, UsageError
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.objective.random_state import seed_streams
from landscope.quantities import TRAINING, Quantity
from landscope.reading import Provenance, Reading, Status
from landscope.scope.scope import Scope
from landscope.studies.comparison.batches import UserBatches
from landscope.studies.comparison.configuration import AS_IS, ComparisonRun
from landscope.studies.comparison.functions import code_digests, load_functions, tell_error
from landscope.studies.comparison.model import (
    UserLoss,
    build_model,
    make_optimizer,
    state_checksum,
    weights_checksum,
)
from landscope.studies.kind import Diverged, Training
from landscope.studies.machine import Machine
from landscope.studies.measuring import Heard, quietly
from landscope.studies.training_state import ModelState, Streams

PROBES = ("gradient", "update", "step_size", "line", "covariate_shift")
"""What is measured of every norm, by the names of the table of probes."""

_LOSS = Provenance(mode="training", batch="the step's batch")
_TIME = Provenance(note="zero_grad, loss, backward and step; the device waited for")


class ComparisonTraining(Training):
    """The user's model with one norm, as it is at its first step.

    Args:
        run: What to train.
        machine: Where.

    Raises:
        UsageError: One of the user's functions does not give what it should.
    """

    def __init__(self, run: ComparisonRun, machine: Machine) -> None:
        self.run = run
        functions = load_functions(run)
        self.batches = UserBatches(functions.make_batches, run.seed, machine.device)
        batch = _first_batch(run, self.batches)
        self.loss = UserLoss(functions.loss)
        self.loss.parts(batch)
        self.model = build_model(functions, run, batch, machine.device)
        self.optimizer = make_optimizer(functions, run, self.model)
        # What the network draws while it trains is the same for every norm that draws as much.
        seed_streams(run.seed)
        self.layers = _layers(self.model, self.loss, batch)

    @property
    def facts(self) -> dict[str, Any]:
        """What tells whether norms were compared from the same weights, with the same code."""
        return {
            "initial_weights": weights_checksum(self.model),
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "code": code_digests(self.run.functions),
        }

    @contextmanager
    def measured(self, write: Callable[[Reading], None]) -> Generator[None]:
        """A scope around the steps; what it warns of is in the records as well."""
        self._writer = Heard(write)
        self._scope = Scope(
            self.model,
            self.loss.of_scope,
            self.optimizer,
            probes=list(PROBES),
            every=self.run.every,
            to=self._writer,
        )
        with quietly(self._scope):
            yield

    def parts(self) -> dict[str, Any]:
        """The model, the user's optimiser and batches, the scope and the random streams."""
        return {
            "model": ModelState(self.model),
            "optimizer": self.optimizer,
            "batches": self.batches,
            "scope": self._scope,
            "streams": Streams(self.model),
        }

    def steps(self, start: int) -> Iterator[int]:
        """Train; a step's time is taken where the probes do not measure; raises Diverged."""
        for step in range(start, self.run.steps):
            batch, known = self.batches.next(), self._writer.measured
            with self._scope.step(*self.loss.parts(batch)):
                loss, seconds = self._step(batch)
            status = Status.OK if math.isfinite(loss) else Status.NONFINITE
            self._note(TRAINING.train_loss, step, loss, status=status, function=_LOSS)
            if self._writer.measured == known:
                self._note(TRAINING.step_seconds, step, seconds, function=_TIME)
            else:
                self._note(TRAINING.batches_checksum, step, float(self.batches.checksum))
            self._writer.check()
            if not math.isfinite(loss):
                raise Diverged(step)
            yield step + 1

    def end(self, step: int) -> None:
        """The weights are not kept: their checksum tells whether two runs ended alike."""
        self._note(TRAINING.weights_checksum, step, float(state_checksum(self.model)))

    def first_loss(self) -> float:
        """The loss of the first batch, in which the user's functions meet for the first time.

        Raises:
            UsageError: They do not fit each other.
        """
        batch = self.batches.next()
        try:
            loss: Any = self.loss(self.model, batch)
        except Exception as error:
            raise UsageError(
                f"the first batch of {self.run.data} with norm {self.run.norm}",
                f"the loss fails with {tell_error(error)}",
                "fix what does not fit, or name a function loss_fn(model, batch) with --loss",
            ) from error
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
            shape = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
            raise UsageError(
                f"a loss of {shape}",
                "a loss is one number that depends on the parameters",
                "return the mean over the batch, as a tensor that has not been detached",
            )
        return float(loss.detach())

    def _step(self, batch: Any) -> tuple[float, float]:
        """One step of training: its loss, and its wall time in seconds."""
        wait = _waiter(self.model)
        wait()
        start = time.perf_counter()
        self.optimizer.zero_grad()
        loss = self.loss(self.model, batch)
        loss.backward()
        self.optimizer.step()
        wait()
        return float(loss.detach()), time.perf_counter() - start

    def _note(self, quantity: Quantity, step: int, value: float, **more: Any) -> None:
        self._writer.write(quantity.at(step, value, **more))


def try_norms(runs: Sequence[ComparisonRun], machine: Machine) -> int:
    """Refuse what cannot be trained before anything is written: every norm takes one batch.

    Args:
        runs: One for each norm, all with the same seed.
        machine: Where the runs will be.

    Returns:
        The processes that the user's loader starts for itself.

    Raises:
        UsageError: A function is missing or fails, a batch does not fit the model, a norm cannot
            be put in, or no norm has a finite loss.
    """
    with machine.prepared():
        # First as it is given: what does not fit then is no norm's fault.
        as_is = ComparisonTraining(runs[0].model_copy(update={"norm": AS_IS}), machine)
        processes = as_is.batches.workers
        as_is.first_loss()
        del as_is  # one model at a time
        losses = [ComparisonTraining(run, machine).first_loss() for run in runs]
    if not any(map(math.isfinite, losses)):
        raise UsageError(
            f"the first loss is {losses[0]} with every norm",
            "a training starts from finite numbers",
            "check the data for NaN",
        )
    return processes


def _first_batch(run: ComparisonRun, batches: UserBatches) -> Any:
    try:
        return batches.peek()
    except LandscopeError:
        raise
    except Exception as error:
        raise UsageError(
            run.data, f"it fails with {tell_error(error)}", "fix it and start again"
        ) from error


def _layers(model: nn.Module, loss: UserLoss, batch: Any) -> list[str]:
    """Names in the order of execution, or in the model's order if that is unknown."""
    inputs, targets = loss.parts(batch)
    try:
        objective = Objective.now(model, loss.of_scope, inputs, targets)
        return [layer.name for layer in execution_order(objective, trainable(model))]
    except (LandscopeError, RuntimeError):
        matrices = [name for name, p in model.named_parameters() if p.ndim >= 2]
        return [name.rpartition(".")[0] or name for name in matrices]


def _waiter(model: nn.Module) -> Callable[[], None]:
    device = next(model.parameters()).device
    if device.type == "cpu":
        return lambda: None
    return torch.get_device_module(device).synchronize
