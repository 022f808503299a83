"""One run: from a configuration to records. The training yields views, an instrument reads them."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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
from landscope.runs.folder import RunFolder
from landscope.runs.manifest import RunManifest, describe_versions, manifest_of
from landscope.runs.outcome import Outcome
from landscope.runs.recording import Recording
from landscope.scope.instrument import Instrument
from landscope.studies.config import RunConfig
from landscope.studies.keeping import Keeping
from landscope.studies.machine import Machine
from landscope.studies.progress import Progress, Report
from landscope.studies.resume import keep, resume
from landscope.studies.santurkar2018.curves import Curves
from landscope.studies.santurkar2018.evaluation import evaluate
from landscope.studies.santurkar2018.loop import train
from landscope.studies.santurkar2018.losses import Loss, loss_for
from landscope.studies.training_state import ModelState, Streams, TrainingState

_REPORT_SECONDS = 0.2
_FEW = 2  # samples of a batch from which only shares of arithmetic are wanted; norms need two


def run(
    config: RunConfig,
    folder: RunFolder,
    machine: Machine,
    report: Report,
    keeping: Keeping | None = None,
) -> Outcome:
    """Train one network with its probes, and leave its records in the folder.

    A training whose loss stops being finite ends there: its outcome is "diverged", with the step.
    One that was stopped at any instant goes on from its last checkpoint and ends with the same
    weights and readings as if it had not been, but for those that a clock measured.

    Args:
        config: What to run.
        folder: Where its records go; a run that has ended there is never overwritten.
        machine: Where to run it.
        report: Is told how far the run is, a few times a second.
        keeping: How it is kept against being stopped.

    Raises:
        LandscopeError: The configuration, the data or the disk does not allow the run, or the
            loss is not finite at the initial weights.
    """
    report(Progress(config.id, "setting up", 0, config.steps))
    with machine.prepared():
        # Whatever cannot be is refused here, before anything is written.
        parts = _set_up(config, machine)
        manifest = _manifest(config, parts.layers, machine)
        with Recording(folder, manifest, keeping or Keeping()) as recording:
            parts, start = resume(
                recording,
                _watched(config, parts, recording),
                lambda parts: parts.state,
                lambda: _watched(config, _set_up(config, machine), recording),
            )
            ended = _train(config, parts, start, recording, report)
            weights = parts.model.state_dict()
            outcome = Outcome(ended.status, ended.step, recording.seconds)
            recording.finish(outcome, {n: t.cpu().numpy() for n, t in weights.items()})
    report(Progress(config.id, ended.status, config.steps, config.steps))
    return outcome


def predict_costs(config: RunConfig, machine: Machine) -> list[ProbeCost]:
    """What each probe of a run will cost, before it runs: its network does two small passes.

    Raises:
        LandscopeError: As for the run itself.
    """
    few = config.model_copy(update={"batch_size": _FEW})
    with machine.prepared():
        parts = _set_up(few, machine)
        samples = config.batch_size or len(parts.dataset.train_inputs)
        work = work_of(parts.objective, trainable(parts.model), samples)
    return [probe.cost_over(config.steps, work) for probe in parts.probes]


@dataclass(frozen=True)
class _Parts:
    """What is trained and measured; ``layers`` are names in the order of execution."""

    dataset: Dataset
    model: nn.Module
    loss: Loss
    batches: Batches
    objective: Objective
    layers: list[str]
    probes: list[Probe]


@dataclass(frozen=True)
class _Watched(_Parts):
    """The same with what reads and writes."""

    instrument: Instrument
    curves: Curves

    @property
    def state(self) -> TrainingState:
        """All that the coming steps depend on."""
        return TrainingState(
            {
                "model": ModelState(self.model),
                "probes": self.instrument,
                "curves": self.curves,
                "streams": Streams(self.model),
            }
        )


def _set_up(config: RunConfig, machine: Machine) -> _Parts:
    # The order of batches and the initial weights have streams of their own; what draws from the
    # global one is noise in the network.
    seed_streams(config.seed)
    dataset = _dataset(config.data, machine.data_dir, config.seed).to(machine.device)
    model = _model(config, dataset).to(machine.device)
    loss = loss_for(config.family)
    batches = Batches(dataset, config.seed, config.batch_size)
    first = batches(0)
    objective = Objective.now(model.train(), loss.function, first.inputs, first.targets)
    layers = [layer.name for layer in execution_order(objective, trainable(model))]
    _check_probes(config, model, layers)
    probes = _probes(config, model, dataset, layers)
    return _Parts(dataset, model, loss, batches, objective, layers, probes)


def _watched(config: RunConfig, parts: _Parts, recording: Recording) -> _Watched:
    instrument = Instrument(parts.probes, recording.write)
    curves = Curves(config.probing.curve_every, recording.write)
    return _Watched(**vars(parts), instrument=instrument, curves=curves)


def _train(
    config: RunConfig, parts: _Watched, start: int, recording: Recording, report: Report
) -> Outcome:
    model, dataset, loss = parts.model, parts.dataset, parts.loss
    instrument, curves = parts.instrument, parts.curves
    reported, state = time.monotonic(), parts.state
    if loss.classifies and start == 0:
        curves.test(0, *evaluate(model, dataset, loss))
    for view in train(
        model,
        parts.batches,
        loss,
        lr=config.lr,
        steps=config.steps,
        start=start,
        l2_penalty=config.l2_penalty,
        look=instrument.due,
    ):
        looking = instrument.due(view.step)
        done = view.step + 1
        testing = loss.classifies and _is_tested(config, done)
        # Nothing is measured on a network of which it is not known whether it has diverged.
        diverged = curves.follow(view, settle=looking or testing)
        if diverged == 0:
            raise LandscopeError(
                f"the loss of {config.id} is not finite at step 0",
                "a training starts from finite numbers",
                "check the data for NaN, or choose another seed",
            )
        if diverged is not None:
            return Outcome("diverged", diverged)
        if looking:
            instrument.look(view)
        if testing:
            curves.test(done, *evaluate(model, dataset, loss))
        keep(recording, state, done)
        if time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            report(Progress(config.id, "training", done, config.steps))
    diverged = curves.settle()
    return Outcome("finished", config.steps) if diverged is None else Outcome("diverged", diverged)


def _is_tested(config: RunConfig, done: int) -> bool:
    return done % config.probing.evaluate_every == 0 or done == config.steps


@lru_cache(maxsize=2)
def _dataset(name: str, data_dir: Path | None, seed: int) -> Dataset:
    """A data set, read once for all runs of a process: from xz, CIFAR-10 takes many seconds."""
    return load(name, data_dir=data_dir, seed=seed)


def _model(config: RunConfig, dataset: Dataset) -> nn.Module:
    channels = dataset.train_inputs.shape[1]
    return build(
        config.model,
        norm=config.norm,
        seed=config.seed,
        in_channels=channels,
        classes=len(dataset.classes) or None,
    )


def _check_probes(config: RunConfig, model: nn.Module, layers: list[str]) -> None:
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
    config: RunConfig, model: nn.Module, dataset: Dataset, layers: list[str]
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


def _manifest(config: RunConfig, layers: list[str], machine: Machine) -> RunManifest:
    versions = describe_versions()
    fields = {
        "format": 1,
        "id": config.id,
        "config": config.model_dump(mode="json"),
        "layers": layers,
        "seed": config.seed,
        "device": machine.device,
        "threads": machine.threads,
        "config_digest": config.digest,
        "identity": {**machine.identity, "landscope": versions["landscope"]},
        **versions,
    }
    return manifest_of(RunManifest, fields)
