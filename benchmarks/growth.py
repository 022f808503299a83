"""How the cost grows with depth and with the batch: a perceptron, measured and fitted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from torch.nn import functional

from benchmarks import results
from benchmarks.clock import Seconds, in_turn, median_ratio
from benchmarks.floor import Count, count
from benchmarks.growth_figure import draw
from benchmarks.networks import Network, perceptron, vectors
from benchmarks.settings import Settings
from benchmarks.step import Step
from benchmarks.words import spread
from landscope.objective.arithmetic import operations_in

DEPTHS = (5, 10, 20, 50, 100, 200)
BATCHES = (16, 32, 64, 128, 256, 512)
DEPTH = 20
SAMPLES = 64


@dataclass(frozen=True)
class Point:
    """One depth and one batch.

    Args:
        depth: Layers.
        samples: Samples in the batch.
        operations: What each way takes, counted independently.
        ours: What ours takes, by torch's counter.
        seconds: Of "step" and "ours".
    """

    depth: int
    samples: int
    operations: Count
    ours: int
    seconds: dict[str, Seconds]

    def as_record(self) -> dict[str, Any]:
        """As the results hold it; costs in training steps, with their spread over the rounds."""
        step, ours = self.seconds["step"], self.seconds["ours"]
        each = [mine / its for mine, its in zip(ours.all, step.all, strict=True)]
        return {
            "depth": self.depth,
            "samples": self.samples,
            "in steps": median_ratio(ours, step),
            "in steps, least": min(each),
            "in steps, most": max(each),
            "arithmetic in steps": self.ours / self.operations.step,
            "floor in steps": self.operations.floor / self.operations.step,
            "frugal in steps": self.operations.frugal / self.operations.step,
            "seconds": {name: list(taken.all) for name, taken in self.seconds.items()},
        }


@dataclass(frozen=True)
class Sizes:
    """Which points are measured.

    Args:
        depths: Layers, each with ``samples`` samples.
        batches: Samples, each with ``depth`` layers.
        depth: See there.
        samples: See there.
    """

    depths: tuple[int, ...] = DEPTHS
    batches: tuple[int, ...] = BATCHES
    depth: int = DEPTH
    samples: int = SAMPLES


def measure(depth: int, samples: int, settings: Settings) -> Point:
    """One point."""
    network = Network(
        name=f"mlp-{depth}",
        norm="none",
        make=lambda: perceptron(depth, "none"),
        batch=vectors,
        loss_fn=functional.cross_entropy,
        lr=0.05,
        samples=samples,
    )
    step = Step.taken(network, samples, device=settings.device)
    seconds = in_turn(
        {"step": step.train, "ours": step.ours},
        rounds=settings.rounds,
        seconds=settings.seconds / 5,
        device=settings.device,
    )
    return Point(depth, samples, count(step.layers), operations_in(step.ours), seconds)


def exponent(sizes: list[float], costs: list[float]) -> float:
    """The slope of the line of least squares through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def fitted(records: list[dict[str, Any]], size: str) -> dict[str, float]:
    """Exponents of cost = constant x size ^ exponent, for cost in training steps and in seconds."""
    sizes = [float(record[size]) for record in records]
    costs = {
        "in steps": [record["in steps"] for record in records],
        "floor in steps": [record["floor in steps"] for record in records],
        "seconds of ours": [float(np.median(record["seconds"]["ours"])) for record in records],
        "seconds of a step": [float(np.median(record["seconds"]["step"])) for record in records],
    }
    return {name: exponent(sizes, values) for name, values in costs.items()}


def run(settings: Settings, console: Console, *, figure: Path, sizes: Sizes | None = None) -> None:
    """Measure all points, fit the exponents, write the results and draw the figure."""
    sizes = sizes or Sizes()
    by: dict[str, list[Point]] = {"depth": [], "samples": []}
    for depth in sizes.depths:
        with console.status(f"growth: {depth} layers"):
            by["depth"].append(measure(depth, sizes.samples, settings))
    for samples in sizes.batches:
        with console.status(f"growth: {samples} samples"):
            by["samples"].append(measure(sizes.depth, samples, settings))
    records = {size: [point.as_record() for point in points] for size, points in by.items()}
    exponents = {size: fitted(rows, size) for size, rows in records.items()}
    path = results.write(
        "growth", [*records["depth"], *records["samples"]], settings, exponents=exponents
    )
    draw(records, exponents, figure)
    console.print(table(by, exponents))
    console.print(f"Written to {path.name}, drawn in {figure.name}.", style="dim")


def table(by: dict[str, list[Point]], exponents: dict[str, dict[str, float]]) -> Table:
    """The table that a person reads."""
    depth, samples = exponents["depth"], exponents["samples"]
    shown = Table(
        title="Growth of the covariate shift's cost, of a perceptron",
        caption=(
            f"Cost in training steps grows as depth^{depth['in steps']:.2f} "
            f"(the floor: {depth['floor in steps']:.2f}) and batch^{samples['in steps']:.2f} "
            f"({samples['floor in steps']:.2f})."
        ),
    )
    for heading in ("layers", "samples", "ours", "step", "ours in steps", "floor in steps"):
        shown.add_column(heading, justify="right")
    for point in (*by["depth"], *by["samples"]):
        record = point.as_record()
        shown.add_row(
            str(point.depth),
            str(point.samples),
            spread(point.seconds["ours"]).replace("\n", " "),
            spread(point.seconds["step"]).replace("\n", " "),
            f"{record['in steps']:.2f}",
            f"{record['floor in steps']:.2f}",
        )
    return shown
