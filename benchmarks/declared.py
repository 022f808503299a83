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
from benchmarks.counter import counted
from benchmarks.floor import count
from benchmarks.networks import Network
from benchmarks.settings import Settings
from benchmarks.step import Step
from landscope.landscape.arithmetic import work_of
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.distribution import Distribution, Watched
from landscope.probes.line import PaperLine
from landscope.probes.optimum import NearestOptimum
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.theory import Theory
from landscope.training.step_view import Snapshot, StepView

EVERY = EverySteps(1)
MULTIPLES = (0.5, 1.0, 2.0, 4.0)
PART_OF_BATCH = 8  # some probes take fifty steps, and the ratio is the same on a smaller batch


@dataclass(frozen=True)
class Row:
    """One probe on one network; arithmetic in training steps.

    Args:
        network: The network.
        samples: Samples in its batch.
        probe: Id of the probe.
        declared: What it declares.
        counted: What torch counts of a look.
        seconds: Of "step" and "look".
    """

    network: Network
    samples: int
    probe: str
    declared: float
    counted: float
    seconds: dict[str, Seconds]

    @property
    def in_steps(self) -> float:
        """Seconds of a look in training steps."""
        return median_ratio(self.seconds["look"], self.seconds["step"])

    @property
    def bar(self) -> Bar:
        """A declaration is a promise: no look takes more."""
        return Bar("declared", self.counted / self.declared, bars.DECLARED)

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
            "bars": [self.bar.as_record()],
        }


def measure(network: Network, settings: Settings) -> list[Row]:
    """Every probe that has something to read in one network."""
    samples = settings.samples or max(2, network.samples // PART_OF_BATCH)
    step = Step.taken(network, samples, device=settings.device)
    view = _view(step)
    operations = count(step.layers).step
    rows: list[Row] = []
    for probe in _probes(network, step):
        look = partial(probe.read, view)
        rows.append(
            Row(
                network=network,
                samples=samples,
                probe=probe.id,
                declared=_declared(probe, step) / operations,
                counted=counted(look) / operations,
                seconds=in_turn(
                    {"step": step.train, "look": look},
                    rounds=settings.rounds,
                    seconds=settings.seconds / 20,
                    device=settings.device,
                ),
            )
        )
    return rows


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
    shot = Snapshot(step.objective, step.before, step.after, step.gradient, "")
    return StepView(0, step.network.lr, loss, data_loss, None, shot)


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
        caption="Declared and counted are arithmetic; the last column is by the clock.",
    )
    shown.add_column("network / norm")
    shown.add_column("probe")
    for heading in ("samples", "declared", "counted", "counted / declared", "", "by the clock"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            row.network.title,
            row.probe.replace("[", r"\["),
            str(row.samples),
            f"{row.declared:.2f}",
            f"{row.counted:.2f}",
            f"{row.bar.value:.2f}",
            row.bar.in_words,
            f"{row.in_steps:.2f}",
        )
    return shown
