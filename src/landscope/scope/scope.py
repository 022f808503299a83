"""The scope: measures the landscape of any training, with three lines around its step."""

import sys
import time
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NoReturn

import torch
from torch import nn

from landscope.cost import Work
from landscope.errors import CapturedWeightsError, UsageError
from landscope.objective.batch import IN_BATCH
from landscope.objective.batch_statistics import follows_batches
from landscope.objective.checks import Samples, check_samples
from landscope.objective.norm_mode import NormMode
from landscope.objective.objective import LossFn
from landscope.objective.parameters import Parameters, trainable
from landscope.objective.processes import check_optimizers, check_whole, rank
from landscope.objective.random_state import devices_of
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps, WhenPlanned
from landscope.probes.table import CHEAP, PROBES, chosen
from landscope.quantities import SCOPE
from landscope.reading import Provenance, Reading
from landscope.report.run import Reviewed
from landscope.scope.budget import Budget, Clock
from landscope.scope.destinations import Destination, Destinations
from landscope.scope.ending import Ending
from landscope.scope.failures import Failures
from landscope.scope.instrument import Instrument, is_ours
from landscope.scope.measurement import Measurer
from landscope.scope.observation import Observation
from landscope.scope.processes import Processes
from landscope.scope.settings import (
    check_owned,
    check_penalty,
    check_settings,
    check_training,
    manifest_of,
    network_of,
    optimizers_of,
)
from landscope.scope.unseen import Unseen
from landscope.scope.warn import Complaints
from landscope.scope.watch import Block, Watch

_WALL = Provenance(note="wall time of this process, from the third update on")


class Scope(Reviewed):
    """Measures the landscape of a training while it runs, without changing a bit of it.

    ::

        scope = landscope.Scope(model, loss_fn, optimizer, budget=0.05, to="runs/mine")
        for inputs, targets in loader:
            with scope.step(inputs, targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()

    Errors in measuring never reach the training: they are recorded, with a warning.

    A folder records how the training ended: by an error in a block, or by one that ended the
    program. For an error that the program catches outside a block, or ``sys.exit(1)`` there, put
    ``with scope:`` around the loop or call :meth:`close` in an ``except``; otherwise the training
    is recorded as finished.

    Args:
        model: The network, as the loop calls it.
        loss_fn: The loss that is minimised: ``loss_fn(outputs, targets)``, or ``loss_fn(model,
            batch)`` if :meth:`step` is given a whole batch. A scalar; without the scale of a
            ``GradScaler`` and without division by the number of accumulated batches.
        optimizer: Makes the updates, which are observed, not assumed. A list if several optimisers
            train the network; None if the loop updates it by hand, once in each block. Two networks
            that train against each other have a scope and a block each.
        probes: A preset by price, ``"cheap"``, ``"standard"`` or ``"full"``, or a list of names of
            :data:`~landscope.probes.table.PROBES` and of your own probes. The latter measure by
            their own schedules, and their time is counted.
        every: Updates from one measurement to the next, for all probes; None to let the budget
            decide.
        budget: Share of the time that the probes may take, between 0 and 1. The first two updates
            are not counted.
        to: Where readings go, besides :attr:`readings`: a new folder, a writer, or a list of these.
        norm_mode: The function as which batch norms are measured: with the statistics of the
            ``"batch"``, as in training; with these held ``"frozen"``; or with the ``"running"``
            statistics.
        scaler: The ``GradScaler`` of a training in float16.
        first_step: Number of the first update, if a training resumes from a checkpoint. A folder
            then keeps the readings from before that update, and new ones follow.
        batch_dim: Dimension of each tensor of a batch that holds the samples: 1 if time comes
            first. For a tensor with fewer dimensions it is the last.
        samples: ``"dependent"`` if the loss couples the samples of a batch, as a contrastive or
            graph loss does. Half a batch then has a different loss, and measurements on half
            batches are skipped.
        l2_penalty: lambda, where the loop itself adds ``lambda/2 ||W||^2`` over the weights that
            are trained, without biases, scales and shifts, to what ``loss_fn`` gives.
        live: Whether to show the measurements in a table in the terminal, on standard error.

    Raises:
        UsageError: A setting is invalid, or the optimiser trains no parameter of the model.
        LandscopeError: The folder is taken, or cannot be written.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: LossFn,
        optimizer: Any,
        *,
        probes: str | Sequence[str | Probe] = "standard",
        every: int | None = None,
        budget: float = 0.05,
        to: Destination | Sequence[Destination] | None = None,
        norm_mode: NormMode = "batch",
        scaler: Any = None,
        first_step: int = 0,
        batch_dim: int = 0,
        samples: Samples = "independent",
        l2_penalty: float = 0.0,
        live: bool = False,
    ) -> None:
        check_settings(budget, every, norm_mode, first_step)
        check_penalty(l2_penalty)
        check_samples(batch_dim, samples)
        check_training(model, loss_fn, optimizer, scaler)
        check_whole(model)
        check_optimizers(optimizers_of(optimizer))
        self._model = network_of(model)
        optimizers = optimizers_of(optimizer)
        check_owned(self._model, optimizers)
        self._plans: dict[str, WhenPlanned] = {}
        self._probes = [self._made(probe, every) for probe in chosen(probes)]
        self._asked = None if every else budget
        self._budget = self._new_budget() if every is None else None
        self._clock = Clock(self._budget)
        self._readings: list[Reading] = []
        manifest = manifest_of(
            self._model, self._probes, every=every, budget=self._asked, norm_mode=norm_mode
        )
        # With several processes only the first measures and writes.
        here = to if rank() == 0 else None
        self._to = Destinations(here, manifest, live=live and rank() == 0, first_step=first_step)
        self._write = _writing(self._readings, self._to)
        self._unseen = Unseen(self._model, self._write)
        self._ending = Ending(self._to, self._unseen, first_step)
        # Users need not close a scope: it closes itself when it is deleted or Python ends.
        self._finish = weakref.finalize(self, self._ending.end)
        self._instrument = Instrument(
            self._probes,
            self._write,
            self._probe_failed,
            lambda probe, step, error: self._failures.of_reading(probe.id, step, error),
            lambda probe: self._failures.sits_out(probe),
        )
        self._measurer = Measurer(
            self._model,
            norm_mode,
            self._instrument,
            self._write,
            batch_dim=batch_dim,
            samples=samples,
            l2_penalty=l2_penalty,
        )
        complaints = Complaints()
        self._watch = Watch(
            model,
            self._model,
            loss_fn,
            optimizers,
            scaler,
            self._unseen,
            complaints,
            self._updated,
        )
        self._block = Block(self._watch, self._ending)
        self._steps = first_step
        self._last_measured: int | None = None
        self._complaints = complaints
        self._failures = Failures(complaints, self._write)
        self._processes = Processes(self._instrument, self._failures, self._budget, self._write)
        self._processes.note(first_step)
        self._plan()

    def step(self, inputs: Any, targets: Any = IN_BATCH) -> Block:
        """A block around the training on one batch, with or without the optimiser's step.

        If the optimiser steps after several blocks, these make one update.

        Args:
            inputs: The batch: a tensor, a tuple of arguments or a mapping of keywords for the
                model; or anything, if no targets are given.
            targets: Its targets; omit them if ``loss_fn`` takes the model and the batch.
        """
        self._see_processes()
        self._block.batch = (inputs, targets)
        return self._block

    def before(self, inputs: Any, targets: Any = IN_BATCH) -> None:
        """What :meth:`step` does on entry, for loops where a block does not fit."""
        self._see_processes()
        if self._watch.inside:
            self._watch.abandon()
            self._complaints.once(
                "before() came twice without after(): the batch between is not measured"
            )
        self._ending.goes_on()
        self._watch.enter(inputs, targets)

    def after(self) -> None:
        """What :meth:`step` does on exit."""
        if not self._watch.inside:
            self._complaints.once("after() came without before(): there is nothing to measure")
            return
        self._watch.leave(failed=False)

    @property
    def steps(self) -> int:
        """Number of updates so far, which is the number of the next update."""
        return self._steps

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings so far, in the order in which they were made."""
        return tuple(self._readings)

    @property
    def share(self) -> float:
        """Share of the time that was spent on measuring; the first two updates do not count."""
        return self._clock.share

    def state_dict(self) -> dict[str, Any]:
        """The state from which a scope of the same probes resumes with a checkpoint.

        Plain values and tensors, to be saved with the states of the model and the optimiser. It
        does not contain the readings: those are where ``to`` put them.

        Raises:
            UsageError: An update has begun and has not ended.
        """
        if self._watch.pending:
            raise UsageError(
                f"the state of a scope in the middle of update {self._steps}",
                "what it has seen of an update so far cannot be kept",
                "take it after the optimiser's step, outside the block",
            )
        return {
            "steps": self._steps,
            "last_look": self._last_measured,
            "previous": self._watch.previous,
            # What several processes leave out, one process may read after it resumes.
            "probes": {**self._instrument.state_dict(), **dict.fromkeys(self._processes.left_out)},
            **self._failures.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume where another scope was when it gave its ``state_dict``.

        Raises:
            UsageError: It had other probes.
        """
        left_out = self._processes.left_out
        self._instrument.load_state_dict(
            {name: kept for name, kept in state["probes"].items() if name not in left_out}
        )
        self._steps, self._last_measured = state["steps"], state["last_look"]
        self._failures.load_state_dict(state)
        previous = state["previous"]
        own = trainable(self._model)
        self._watch.previous = previous and {
            name: tensor.to(own[name].device) for name, tensor in previous.items()
        }
        self._plan()

    def close(self) -> None:
        """End the measuring, and write what was measured.

        Called in a ``finally`` or an ``except``, it records the error that ended the training.
        """
        self._close(sys.exception())

    def _close(self, error: BaseException | None) -> None:
        self._ending.close(error)
        self._watch.abandon()
        self._watch.measures = self._watch.keeps = False
        self._instrument.switch_off()
        self._finish()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Scope":
        # A copy of an object that holds a scope, as an average of the weights makes, has no
        # journal.
        return self

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            f"a pickle of {self!r}",
            "a scope belongs to the process and the training for which it was made",
            "save its state_dict() with the checkpoint, and make a new Scope there",
        )

    def __enter__(self) -> "Scope":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close(error)

    def _see_processes(self) -> None:
        if self._processes.forked:
            self._watch.measures = self._watch.keeps = False
            self._processes.stay_out()
        elif self._watch.measures and self._processes.joined:
            self._plan()

    @property
    def _probe_ids(self) -> tuple[str, ...]:
        return tuple(probe.id for probe in self._probes)

    @property
    def _summary(self) -> str:
        name = type(self._model).__name__
        if self._processes.summary:
            return f"{name}, {self._processes.summary}"
        taken = len({reading.step for reading in self._readings if reading.probe != SCOPE.probe})
        parts = (
            name,
            f"{self._steps} update{'s' * (self._steps != 1)}",
            f"{taken} measurement{'s' * (taken != 1)}",
            f"{100 * self.share:.2g} % of the time",
            self._unseen.summary,
        )
        return ", ".join(filter(None, parts))

    def _made(self, probe: str | Probe, every: int | None) -> Probe:
        if isinstance(probe, Probe):
            return probe
        if every is not None:
            return PROBES[probe].builder(EverySteps(every))
        plan = WhenPlanned()
        made = PROBES[probe].builder(plan)
        self._plans[made.id] = plan
        return made

    def _new_budget(self) -> Budget:
        modules = list(self._model.modules())
        bearers = sum(p.ndim >= 2 for p in trainable(self._model).values())
        batch_norms = any(map(follows_batches, modules))
        work = Work.even(max(1, bearers), 1, batch_norms=batch_norms)
        steps = {probe.id: probe.cost(work).in_steps(work) for probe in self._probes}
        always = [plan for plan in self._plans if plan in CHEAP]
        return Budget(self._asked or 0.0, self._plans, always, steps, len(modules))

    def _updated(
        self, observation: Observation | None, previous: Parameters | None, unharmed: bool
    ) -> None:
        self._ending.updated = True
        measuring, taken = 0.0, None
        if observation is not None:
            measuring = observation.seconds
            if self._watch.measures and unharmed and not observation.skipped:
                _synchronize(self._model)
                start = time.perf_counter()
                taken = self._read(observation, previous)
                _synchronize(self._model)
                measuring += time.perf_counter() - start
        self._clock.passed(self._steps, measuring, taken)
        if taken is not None:
            self._account(measuring)
        self._steps += 1
        self._plan()

    def _read(self, observation: Observation, previous: Parameters | None) -> dict[str, float]:
        known = len(self._readings)
        try:
            taken = self._measurer.at(self._steps, observation, previous)
        except CapturedWeightsError as error:
            # The loss reaches the model in a way that the search did not find. Measured on the
            # model itself it may be right; if it still holds weights of its own, it is refused.
            if self._watch.shadow:
                self._watch.shadow = False
                return {}
            self._failures.of_measurement(self._steps, error)
            return {}
        except Exception as error:
            self._failures.of_measurement(self._steps, error)
            return {}
        wrote = {reading.probe for reading in self._readings[known:]}
        for probe in taken.keys() - wrote - self._failures.now:
            self._write(SCOPE.nothing_to_read.at(self._steps, 1.0, layer=probe))
        self._failures.measured(taken)
        return taken

    def _probe_failed(self, probe: Probe, step: int, error: Exception) -> bool:
        again = self._failures.of_probe(probe.id, step, error, own=not is_ours(probe))
        if not again and self._budget is not None:
            self._budget.leave_out(probe.id)
        return again

    def _account(self, measuring: float) -> None:
        """Record the time of the measurement."""
        between = None if self._last_measured is None else float(self._steps - self._last_measured)
        self._last_measured = self._steps
        for quantity, value in (
            (SCOPE.share, self.share),
            (SCOPE.asked_share, self._asked),
            (SCOPE.look_seconds, measuring),
            (SCOPE.step_seconds, self._clock.step_seconds),
            (SCOPE.steps_between, between),
        ):
            if value is not None:
                self._write(quantity.at(self._steps, value, function=_WALL))

    def _plan(self) -> None:
        self._ending.step = self._unseen.step = self._steps
        due = self._instrument.due(self._steps)
        if due and self._processes.joined:
            self._processes.note(self._steps)
            due = self._instrument.due(self._steps)
        self._watch.measures = due and not self._failures.sits_out("scope")
        self._watch.keeps = self._instrument.due_with_previous(self._steps + 1)


def _writing(readings: list[Reading], to: Destinations) -> Callable[[Reading], None]:
    """Takes readings without a reference to the scope, so the finaliser does not keep it alive."""

    def write(reading: Reading) -> None:
        readings.append(reading)
        to.write(reading)

    return write


def _synchronize(model: nn.Module) -> None:
    """Wait for the training's queued work, so that a measurement is charged for its own time."""
    for device in devices_of(model):
        if device.type in ("cuda", "mps", "xpu"):
            torch.get_device_module(device).synchronize()
