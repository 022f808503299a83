"""One training of the paper: its network, its data and its probes, and the curves beside them."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from landscope.cost import ProbeCost
from landscope.data import gaussian, load
from landscope.data.batches import Batches
from landscope.data.dataset import Dataset
from landscope.errors import LandscopeError, UsageError
from landscope.measures.batch_norm_theory import BatchNorm
from landscope.models.dln import DLN
from landscope.models.table import build, pre_activation
from landscope.objective.arithmetic import work_of
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.objective.random_state import seed_streams
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.distribution import Distribution, Watched
from landscope.probes.line import FixedLine, PaperLine, RandomLine
from landscope.probes.optimum import NearestOptimum
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.theory import Theory
from landscope.reading import OWN_BATCH, Reading
from landscope.scope.scope import Scope
from landscope.studies.kind import Diverged, Training
from landscope.studies.machine import Machine
from landscope.studies.measuring import Heard, quietly
from landscope.studies.santurkar2018.experiments import Experiment
from landscope.studies.santurkar2018.losses import Curves, descend, evaluate, loss_for
from landscope.studies.training_state import ModelState, Streams

_FEW = 2  # samples of a batch from which only shares of arithmetic are wanted; norms need two


class PaperTraining(Training):
    """One network of the paper as it is at its first step, with its probes.

    Args:
        run: What to train.
        machine: Where.
        data_dir: Folder with data sets that are not bundled; None to fetch them.

    Raises:
        UsageError: A layer or a probe does not fit the network.
        DataError: The data are missing or damaged.
    """

    def __init__(self, run: Experiment, machine: Machine, data_dir: Path | None = None) -> None:
        # The order of batches and the initial weights have streams of their own; what draws from
        # the global one is noise in the network.
        seed_streams(run.seed)
        self.run = run
        self.dataset = _dataset(run.data, data_dir, run.seed).to(machine.device)
        self.model = _model(run, self.dataset).to(machine.device)
        self.loss = loss_for(run.family)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=run.lr)
        self.batches = Batches(self.dataset, run.seed, run.batch_size)
        self._batch = self.batches(0)
        self.objective = Objective.now(
            self.model.train(), self.loss.function, self._batch.inputs, self._batch.targets
        )
        order = execution_order(self.objective, trainable(self.model))
        self.layers = [layer.name for layer in order]
        _check_probes(run, self.model, self.layers)
        self.probes = _probes(run, self.model, self.dataset, self.layers)

    @contextmanager
    def measured(self, write: Callable[[Reading], None]) -> Generator[None]:
        """A scope with the run's probes, and the curves, write."""
        run, every = self.run, self.run.probing
        self._curves = Curves(every.curve_every, write)
        self._heard = Heard(lambda reading: write(self._placed(reading)), strict=True)
        self._scope = Scope(
            self.model,
            self.loss.function,
            self.optimizer,
            probes=self.probes,
            every=every.look_every,
            to=self._heard,
            l2_penalty=run.l2_penalty,
        )
        with quietly(self._scope):
            yield

    def parts(self) -> dict[str, Any]:
        """Plain gradient descent carries nothing else from step to step."""
        return {
            "model": ModelState(self.model),
            "scope": self._scope,
            "curves": self._curves,
            "streams": Streams(self.model),
        }

    def steps(self, start: int) -> Iterator[int]:
        """Train, let the probes read, and test at its times; raises Diverged."""
        run, curves = self.run, self._curves
        if self.loss.classifies and start == 0:
            curves.test(0, *evaluate(self.model, self.dataset, self.loss))
        self.model.train()
        for step in range(start, run.steps):
            self._batch, done = self.batches(step), step + 1
            measuring = any(probe.schedule.due(step) for probe in self.probes)
            testing = self.loss.classifies and self._is_tested(done)
            with self._scope.step(self._batch.inputs, self._batch.targets):
                found = descend(self.model, self._batch, self.loss, self.optimizer, run.l2_penalty)
                # In the block, at whose end the probes read: nothing is measured on a network of
                # which it is not known whether it has diverged.
                self._check(curves.follow(step, found, settle=measuring or testing))
            self._heard.check()
            if testing:
                curves.test(done, *evaluate(self.model, self.dataset, self.loss))
            yield done
        self._check(curves.settle())

    def end(self, step: int) -> dict[str, Any]:
        """The weights."""
        del step
        return {name: tensor.cpu().numpy() for name, tensor in self.model.state_dict().items()}

    def _placed(self, reading: Reading) -> Reading:
        """A reading that says which batch of which epoch the step's own is."""
        function = reading.function
        if function.batch != OWN_BATCH:
            return reading
        place = (self._batch.index, self._batch.epoch)
        return replace(reading, function=replace(function, batch="", place=place))

    def _is_tested(self, done: int) -> bool:
        return done % self.run.probing.evaluate_every == 0 or done == self.run.steps

    def _check(self, diverged: int | None) -> None:
        if diverged == 0:
            raise LandscopeError(
                f"the loss of {self.run.id} is not finite at step 0",
                "a training starts from finite numbers",
                "check the data for NaN, or choose another seed",
            )
        if diverged is not None:
            raise Diverged(diverged)


def predict_costs(
    run: Experiment, machine: Machine, data_dir: Path | None = None
) -> list[ProbeCost]:
    """What each probe of a run will cost, before it runs: its network does two small passes.

    Raises:
        LandscopeError: As for the run itself.
    """
    few = run.model_copy(update={"batch_size": _FEW})
    with Machine("cpu", machine.threads).prepared() as cpu:
        training = PaperTraining(few, cpu, data_dir)
        samples = run.batch_size or len(training.dataset.train_inputs)
        work = work_of(training.objective, trainable(training.model), samples)
    return [probe.cost_over(run.steps, work) for probe in training.probes]


def check_data(names: Iterable[str], data_dir: Path | None) -> None:
    """Read data sets once, fetching what is not there, before anything is begun.

    Raises:
        DataError: One is missing or damaged.
    """
    for name in sorted(set(names)):
        load(name, data_dir=data_dir)


@lru_cache(maxsize=2)
def _dataset(name: str, data_dir: Path | None, seed: int) -> Dataset:
    """A data set, read once for all runs of a process: from xz, CIFAR-10 takes many seconds."""
    return load(name, data_dir=data_dir, seed=seed)


def _model(config: Experiment, dataset: Dataset) -> nn.Module:
    channels = dataset.train_inputs.shape[1]
    return build(
        config.model,
        norm=config.norm,
        seed=config.seed,
        in_channels=channels,
        classes=len(dataset.classes) or None,
    )


def _check_probes(config: Experiment, model: nn.Module, layers: list[str]) -> None:
    for number in config.watched:
        if not 1 <= number <= len(layers):
            raise UsageError(
                f"watched layer {number}",
                f"the layers of {config.model} are numbered from 1 to {len(layers)}",
                "choose among them",
            )
    if "theory" in config.probes and not any(isinstance(m, BatchNorm) for m in model.modules()):
        raise UsageError(
            f"probe 'theory' with norm {config.norm!r}",
            "the theorems are about batch norm",
            "leave the probe out, or choose the norm 'batch' or 'noisy-batch'",
        )
    if "optimum" in config.probes and not (isinstance(model, DLN) and config.data == "gaussian"):
        raise UsageError(
            f"probe 'optimum' with {config.model} on {config.data}",
            "an optimum is known of a deep linear network on Gaussian data",
            "leave the probe out, or choose 'dln' and 'gaussian'",
        )


def _probes(
    config: Experiment, model: nn.Module, dataset: Dataset, layers: list[str]
) -> list[Probe]:
    probing = config.probing
    every = EverySteps(probing.look_every)
    probes: list[Probe] = []
    if "distribution" in config.probes:
        watched = [layers[number - 1] for number in config.watched]
        probes.append(
            Distribution(
                every,
                [Watched(layer, pre_activation(model, layer)) for layer in watched],
                _reference(dataset, probing.reference_inputs),
                probing.bins,
                config.seed,
            )
        )
    if "covariate_shift" in config.probes:
        probes.append(CovariateShift(every))
    if "line" in config.probes:
        probes.append(PaperLine(every, probing.multiples))
    if "reference_lines" in config.probes:
        # What the paper's line is compared with: other step sizes, and no direction of its own.
        probes.append(FixedLine(every, probing.fixed_etas))
        probes.append(RandomLine(every, probing.fixed_etas, config.seed))
    if "theory" in config.probes:
        probes.append(Theory(EverySteps(probing.theory_every), probing.theory_units))
    if "optimum" in config.probes:
        probes.append(NearestOptimum(gaussian.target_matrix(config.seed)))
    return probes


def _reference(dataset: Dataset, samples: int) -> Tensor:
    return dataset.inputs(dataset.train_inputs[:samples])
