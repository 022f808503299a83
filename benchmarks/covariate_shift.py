"""The covariate shift of all layers against the floor, two baselines and the training step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import bars, results
from benchmarks.bars import Bar
from benchmarks.clock import Seconds, in_turn, median_ratio
from benchmarks.floor import Count, count
from benchmarks.memory import Peak, bytes_of, peak_memory
from benchmarks.networks import Network
from benchmarks.settings import Settings
from benchmarks.step import Step
from benchmarks.words import giga, mega, spread
from landscope.objective.arithmetic import operations_in

SAMPLES_FOR_EQUALITY = 4
WAYS = ("literal", "frugal", "ours")


@dataclass(frozen=True)
class Row:
    """One network, measured.

    Args:
        network: The network.
        samples: Samples in its batch.
        operations: What each way takes, counted independently.
        ours: What ours takes, by torch's counter.
        seconds: Of "step", "ours", "frugal" and "literal".
        step_memory: Peak of a training step.
        our_memory: Peak of ours.
        parameters: Bytes of one copy of the parameters.
        difference: Largest relative difference from the literal baseline, in float64.
        device: Where it ran.
    """

    network: Network
    samples: int
    operations: Count
    ours: int
    seconds: dict[str, Seconds]
    step_memory: Peak
    our_memory: Peak
    parameters: int
    difference: float
    device: str

    def in_steps(self, way: str) -> float:
        """Seconds of one way in training steps."""
        return median_ratio(self.seconds[way], self.seconds["step"])

    @property
    def time_ratio(self) -> float:
        """Training steps by the clock over training steps of arithmetic at the floor."""
        return self.in_steps("ours") / (self.operations.floor / self.operations.step)

    @property
    def memory_bound(self) -> float:
        """The most that may be alive during a look."""
        return bars.memory_bound(self.step_memory.total, self.parameters)

    @property
    def bars(self) -> dict[str, Bar]:
        """Each bar; the time's only where it is set for the device and the batch."""
        found = [
            Bar("arithmetic", self.ours / self.operations.floor, bars.ARITHMETIC),
            Bar("memory", self.our_memory.total, self.memory_bound),
            Bar("equality", self.difference, bars.EQUALITY),
        ]
        if self.device == "cpu":
            found.append(Bar("time", self.time_ratio, bars.TIME_ON_CPU))
        elif self.samples >= bars.GPU_SAMPLES:
            found.append(Bar("time", self.time_ratio, bars.TIME_ON_GPU))
        return {bar.name: bar for bar in found}

    def as_record(self) -> dict[str, Any]:
        """As the results hold it."""
        return {
            "network": self.network.name,
            "norm": self.network.norm,
            "layers": len(self.operations.layers),
            "samples": self.samples,
            "operations": {
                "step": self.operations.step,
                "literal": self.operations.literal,
                "frugal": self.operations.frugal,
                "floor": self.operations.floor,
                "floor from the second layer": self.operations.floor_from_second,
                "ours": self.ours,
            },
            "seconds": {name: list(seconds.all) for name, seconds in self.seconds.items()},
            "in steps": {way: self.in_steps(way) for way in WAYS},
            "time ratio": self.time_ratio,
            "bytes": {
                "step": {"base": self.step_memory.base, "above": self.step_memory.above},
                "ours": {"base": self.our_memory.base, "above": self.our_memory.above},
                "parameters": self.parameters,
                "bound": self.memory_bound,
            },
            "difference in float64": self.difference,
            "bars": [bar.as_record() for bar in self.bars.values()],
        }


def measure(network: Network, settings: Settings) -> Row:
    """Everything about one network."""
    samples = settings.samples_of(network)
    step = Step.taken(network, samples, device=settings.device)
    # What runs once before the clock and the memory also fills their caches.
    operations, ours = count(step.layers), operations_in(step.ours)
    works = {
        "step": step.train,
        "ours": step.ours,
        "frugal": step.frugal,
        "literal": step.literal,
    }
    seconds = in_turn(
        works, rounds=settings.rounds, seconds=settings.seconds, device=settings.device
    )
    step.forget_gradients()
    step_memory = peak_memory(step.train, held=step.held_by_training, device=settings.device)
    step.forget_gradients()
    our_memory = peak_memory(step.ours, held=step.held_by_a_probe, device=settings.device)
    return Row(
        network=network,
        samples=samples,
        operations=operations,
        ours=ours,
        seconds=seconds,
        step_memory=step_memory,
        our_memory=our_memory,
        parameters=bytes_of([step.before]),
        difference=largest_difference(network, settings.device),
        device=settings.device,
    )


def largest_difference(network: Network, device: str) -> float:
    """The largest relative difference of ours from the literal way in float64, on a small batch.

    Over all layers, of ``||G - G'||``, of it over ``||G||``, and of the cosine.
    """
    step = Step.taken(network, SAMPLES_FOR_EQUALITY, device=device, dtype=torch.float64)
    ours, expected = step.ours(), step.literal()
    if [shift.layer for shift in ours] != [row.layer for row in expected]:
        return math.inf
    return max(
        _difference(getattr(shift, quantity), getattr(row, quantity))
        for shift, row in zip(ours, expected, strict=True)
        for quantity in ("l2", "relative", "cosine", "gradient_norm")
    )


def _difference(found: float, expected: float) -> float:
    if found == expected:
        return 0.0
    return abs(found - expected) / abs(expected) if expected else math.inf


def run(settings: Settings, console: Console) -> None:
    """Measure all networks, print the table and write the results."""
    rows: list[Row] = []
    for network in settings.networks:
        with console.status(f"covariate shift of {network.title}"):
            rows.append(measure(network, settings))
        # After each, so that a run that is cut short keeps what it has.
        path = results.write("covariate_shift", [row.as_record() for row in rows], settings)
    console.print(table(rows))
    console.print(f"Written to {path.name}.", style="dim")


def table(rows: Iterable[Row]) -> Table:
    """The table that a person reads."""
    shown = Table(
        title="Covariate shift of all layers",
        caption=(
            "GFLOP: thousand millions of operations. Times: median (shortest - longest). "
            "Time ratio: (ours / step) by the clock over (floor / step) in arithmetic. "
            "Memory: peak of all that is alive, ours with its snapshot; "
            "bound = 1.5 x step + two copies of the parameters. "
            "Difference: largest relative one from the literal way, in float64. "
            "Frugal: a whole forward pass and a layer's own gradient, for each but the first. "
            "Literal: a whole pass to all weights for each."
        ),
        show_lines=True,
    )
    shown.add_column("network / norm\nlayers, samples")
    for heading in (
        "GFLOP\nliteral",
        "GFLOP\nfrugal",
        "GFLOP\nours",
        "GFLOP\nfloor",
        "ours /\nfloor",
        "time of\nours",
        "time of\na step",
        "literal\nin steps",
        "frugal\nin steps",
        "ours\nin steps",
        "time\nratio",
        "MB of\nours",
        "MB of\na step",
        "MB of\nthe bound",
        "difference",
    ):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(*_cells(row))
    return shown


def _cells(row: Row) -> list[str]:
    operations, seconds, held = row.operations, row.seconds, row.bars
    judged = f"\n{held['time'].in_words}" if "time" in held else ""
    return [
        f"{row.network.title}\n{len(operations.layers)} layers, {row.samples}",
        giga(operations.literal),
        giga(operations.frugal),
        giga(row.ours),
        giga(operations.floor),
        f"{held['arithmetic'].value:.3f}\n{held['arithmetic'].in_words}",
        spread(seconds["ours"]),
        spread(seconds["step"]),
        *(f"{row.in_steps(way):.2f}" for way in WAYS),
        f"{row.time_ratio:.2f}{judged}",
        f"{mega(row.our_memory.total)}\n{held['memory'].in_words}",
        mega(row.step_memory.total),
        mega(row.memory_bound),
        f"{row.difference:.1e}\n{held['equality'].in_words}",
    ]
