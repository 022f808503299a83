"""What each probe declares that a look costs, against what the look takes."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import bars, results
from benchmarks.bars import Bar
from benchmarks.clock import Seconds, in_turn, median_ratio
from benchmarks.floor import count
from benchmarks.memory import bytes_of, peak_memory
from benchmarks.networks import Network
from benchmarks.settings import Settings
from benchmarks.step import Step
from benchmarks.words import mega
from landscope.objective.arithmetic import operations_in, work_of
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.distribution import Distribution, Watched
from landscope.probes.line import PaperLine
from landscope.probes.optimum import NearestOptimum
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.snapshot import Snapshot, StepView
from landscope.probes.theory import Theory
from landscope.reading import Provenance

EVERY = EverySteps(1)
MULTIPLES = (0.5, 1.0, 2.0, 4.0)
PART_OF_BATCH = 8  # some probes take fifty steps, and the ratio is the same on a smaller batch


@dataclass(frozen=True)
class Row:
    """One probe on one network; arithmetic in training steps, memory in bytes.

    Args:
        network: The network.
        samples: Samples in its batch.
        probe: Id of the probe.
        declared: What it declares.
        counted: What torch counts of a look.
        seconds: Of "step" and "look".
        memory: The most that is alive during a look, on a batch of the network's own size.
        memory_bound: The most that may be.
    """

    network: Network
    samples: int
    probe: str
    declared: float
    counted: float
    seconds: dict[str, Seconds]
    memory: int
    memory_bound: float

    @property
    def in_steps(self) -> float:
        """Seconds of a look in training steps."""
        return median_ratio(self.seconds["look"], self.seconds["step"])

    @property
    def bars(self) -> dict[str, Bar]:
        """A declaration is a promise: no look takes more. And none takes too much memory."""
        found = [
            Bar("declared", self.counted / self.declared, bars.DECLARED),
            Bar("memory", self.memory, self.memory_bound),
        ]
        return {bar.name: bar for bar in found}

    def as_record(self) -> dict[str, Any]:
        """As the results hold it."""
        return {
            "network": self.network.name,
            "norm": self.network.norm,
            "samples": self.samples,
            "probe": self.probe,
            "declared in steps": self.declared,
            "counted in steps": self.counted,
            "in steps": self.in_steps,
            "seconds": {name: list(seconds.all) for name, seconds in self.seconds.items()},
            "bytes": {"look": self.memory, "bound": self.memory_bound},
            "bars": [bar.as_record() for bar in self.bars.values()],
        }


def measure(network: Network, settings: Settings) -> list[Row]:
    """Every probe that has something to read in one network."""
    samples = settings.samples or max(2, network.samples // PART_OF_BATCH)
    step = Step.taken(network, samples, device=settings.device)
    view = _view(step)
    operations = count(step.layers).step
    memory, memory_bound = _memory(network, settings)
    rows: list[Row] = []
    for probe in _probes(network, step):
        look = partial(probe.read, view)
        rows.append(
            Row(
                network=network,
                samples=samples,
                probe=probe.id,
                declared=_declared(probe, step) / operations,
                counted=operations_in(look) / operations,
                seconds=in_turn(
                    {"step": step.train, "look": look},
                    rounds=settings.rounds,
                    seconds=settings.seconds / 20,
                    device=settings.device,
                ),
                memory=memory[probe.id],
                memory_bound=memory_bound,
            )
        )
    return rows


def _memory(network: Network, settings: Settings) -> tuple[dict[str, int], float]:
    """Peak bytes of each probe by its id, and the bound, on a batch of the network's own size."""
    step = Step.taken(network, settings.samples_of(network), device=settings.device)
    step.train()
    step.forget_gradients()
    training = peak_memory(step.train, held=step.held_by_training, device=settings.device)
    step.forget_gradients()
    view = _view(step)
    looks = {
        probe.id: peak_memory(
            partial(probe.read, view), held=step.held_by_a_probe, device=settings.device
        ).total
        for probe in _probes(network, step)
    }
    return looks, bars.memory_bound(training.total, bytes_of([step.before]))


def _declared(probe: Probe, step: Step) -> int:
    operations = count(step.layers)
    cost = probe.cost(work_of(step.objective, step.before, len(step.inputs)))
    backward = operations.step - operations.forward
    return round(cost.forward * operations.forward + cost.backward * backward)


def _probes(network: Network, step: Step) -> list[Probe]:
    last = step.layers[-1].name
    found: list[Probe] = [
        PaperLine(EVERY, MULTIPLES),
        CovariateShift(EVERY),
        Distribution(EVERY, [Watched(last, last)], step.inputs, bins=10, seed=0),
    ]
    if network.norm == "batch" and network.name != "resnet-20":
        found.append(Theory(EVERY, units=1))
    if network.name == "dln":
        found.append(NearestOptimum(torch.eye(10, device=step.inputs.device)))
    return found


def _view(step: Step) -> StepView:
    with torch.no_grad():
        loss, data_loss = step.objective.losses(step.before)
    shot = Snapshot(step.objective, step.before, step.after, step.gradient, Provenance())
    return StepView(0, step.network.lr, loss, data_loss, shot)


def run(settings: Settings, console: Console) -> None:
    """Measure all networks that have their norm, print the table and write the results."""
    rows: list[Row] = []
    for network in settings.networks:
        if network.norm == "none":
            continue
        with console.status(f"probes on {network.title}"):
            rows += measure(network, settings)
    path = results.write("declared", [row.as_record() for row in rows], settings)
    console.print(table(rows))
    console.print(f"Written to {path.name}.", style="dim")


def table(rows: list[Row]) -> Table:
    """The table that a person reads."""
    shown = Table(
        title="What probes declare, in training steps, and what they take",
        caption="Declared and counted are arithmetic. Memory is on the network's own batch.",
    )
    shown.add_column("network / norm")
    shown.add_column("probe")
    for heading in (
        *("samples", "declared", "counted", "counted / declared", "", "by the clock"),
        *("MB of a look", "MB of the bound", ""),
    ):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            row.network.title,
            row.probe.replace("[", r"\["),
            str(row.samples),
            f"{row.declared:.2f}",
            f"{row.counted:.2f}",
            f"{row.bars['declared'].value:.2f}",
            row.bars["declared"].in_words,
            f"{row.in_steps:.2f}",
            mega(row.memory),
            mega(row.memory_bound),
            row.bars["memory"].in_words,
        )
    return shown
