"""The line for K step sizes against K training steps, and against what else a user would take."""

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
from benchmarks.networks import Network
from benchmarks.peers import PEERS
from benchmarks.settings import Settings
from benchmarks.step import Step
from benchmarks.words import giga, spread
from landscope.measures.line import Line, landscape_along
from landscope.objective.arithmetic import operations_in

MULTIPLES = (1, 2, 3, 4)
"""Step sizes, in learning rates: even, as `loss-landscapes` walks in even steps."""


@dataclass(frozen=True)
class Row:
    """One network, measured.

    Args:
        network: The network.
        samples: Samples in its batch.
        passes: Operations of K forward and backward passes, counted independently.
        ours: Operations of ours, by torch's counter.
        seconds: Of "step", "ours" and each peer that ran.
        errors: Of each peer that did not, what it said.
        differences: Of each peer that ran, the largest relative difference of its losses from ours.
    """

    network: Network
    samples: int
    passes: int
    ours: int
    seconds: dict[str, Seconds]
    errors: dict[str, str]
    differences: dict[str, float]

    def in_steps(self, name: str) -> float:
        """Seconds of one way in training steps."""
        return median_ratio(self.seconds[name], self.seconds["step"])

    @property
    def bar(self) -> Bar:
        """K passes and nothing more."""
        return Bar("arithmetic", self.ours / self.passes, bars.LINE)

    def as_record(self) -> dict[str, Any]:
        """As the results hold it."""
        ways = [name for name in self.seconds if name != "step"]
        return {
            "network": self.network.name,
            "norm": self.network.norm,
            "samples": self.samples,
            "step sizes": len(MULTIPLES),
            "operations": {"passes": self.passes, "ours": self.ours},
            "seconds": {name: list(seconds.all) for name, seconds in self.seconds.items()},
            "in steps": {name: self.in_steps(name) for name in ways},
            "errors": self.errors,
            "differences of the losses": self.differences,
            "bars": [self.bar.as_record()],
        }


def measure(network: Network, settings: Settings) -> Row:
    """Everything about one network."""
    samples = settings.samples_of(network)
    step = Step.taken(network, samples, device=settings.device)
    etas = tuple(network.lr * multiple for multiple in MULTIPLES)
    with torch.no_grad():
        loss, _ = step.objective.losses(step.before)
    ours = partial(_ours, step, etas, loss)
    expected = ours().losses
    errors: dict[str, str] = {}
    differences: dict[str, float] = {}
    works: dict[str, Any] = {"step": step.train, "ours": ours}
    for name, peer in PEERS.items():
        try:
            points = peer(step, etas)
        except Exception as error:  # whatever a peer raises is its row in the table
            errors[name] = f"{type(error).__name__}: {error}".partition("\n")[0]
            continue
        differences[name] = max(
            abs(there - here) / abs(here) for (there, _), here in zip(points, expected, strict=True)
        )
        works[name] = partial(peer, step, etas)
    return Row(
        network=network,
        samples=samples,
        passes=len(etas) * count(step.layers).step,
        ours=operations_in(ours),
        seconds=in_turn(
            works, rounds=settings.rounds, seconds=settings.seconds / 4, device=settings.device
        ),
        errors=errors,
        differences=differences,
    )


def _ours(step: Step, etas: tuple[float, ...], loss: torch.Tensor) -> Line:
    start = (loss, step.gradient)
    return landscape_along(step.objective, step.before, etas=etas, start=start)


def run(settings: Settings, console: Console) -> None:
    """Measure all networks, print the table and write the results."""
    rows: list[Row] = []
    for network in settings.networks:
        with console.status(f"line of {network.title}"):
            rows.append(measure(network, settings))
        path = results.write("line", [row.as_record() for row in rows], settings)
    console.print(table(rows))
    for name, error in rows[0].errors.items():
        console.print(f"{name} could not be measured: {error}", markup=False)
    console.print(f"Written to {path.name}.", style="dim")


def table(rows: list[Row]) -> Table:
    """The table that a person reads."""
    steps = len(MULTIPLES)
    shown = Table(
        title=f"A line of {steps} step sizes, with losses and gradients",
        caption="In steps: seconds over those of a training step, median over the rounds.",
        show_lines=True,
    )
    shown.add_column("network / norm\nsamples")
    ways = ["ours", *PEERS]
    headings = [f"GFLOP of\n{steps} passes", "GFLOP\nours", "ours /\npasses", "time of\nours"]
    for heading in (*headings, *(f"{name}\nin steps" for name in ways)):
        shown.add_column(heading, justify="right")
    for row in rows:
        taken = [f"{row.in_steps(way):.2f}" if way in row.seconds else "error" for way in ways]
        shown.add_row(
            f"{row.network.title}\n{row.samples}",
            giga(row.passes),
            giga(row.ours),
            f"{row.bar.value:.3f}\n{row.bar.in_words}",
            spread(row.seconds["ours"]),
            *taken,
        )
    return shown
