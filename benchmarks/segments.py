"""What `segments=` gives and takes: peak memory against time, for the shift of all layers."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import results
from benchmarks.clock import Seconds, in_turn, median_ratio
from benchmarks.memory import Peak, bytes_of, peak_memory
from benchmarks.networks import Network
from benchmarks.settings import Settings
from benchmarks.step import Step
from benchmarks.words import mega

SEGMENTS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Row:
    """One network, measured.

    Args:
        network: The network.
        samples: Samples in its batch.
        seconds: Of "step", and of ours by its number of segments.
        step_memory: Peak of a training step.
        memory: Peak of ours, by its number of segments.
        snapshot: Bytes that are given to ours and to no training step.
    """

    network: Network
    samples: int
    seconds: dict[str, Seconds]
    step_memory: Peak
    memory: dict[int, Peak]
    snapshot: int

    def in_steps(self, segments: int) -> float:
        """Seconds of ours in training steps."""
        return median_ratio(self.seconds[str(segments)], self.seconds["step"])

    def as_record(self) -> dict[str, Any]:
        """As the results hold it."""
        return {
            "network": self.network.name,
            "norm": self.network.norm,
            "samples": self.samples,
            "seconds": {name: list(seconds.all) for name, seconds in self.seconds.items()},
            "in steps": {str(segments): self.in_steps(segments) for segments in SEGMENTS},
            "bytes": {
                "step": self.step_memory.total,
                "snapshot": self.snapshot,
                **{str(segments): peak.total for segments, peak in self.memory.items()},
            },
        }


def measure(network: Network, settings: Settings) -> Row:
    """Everything about one network."""
    samples = settings.samples_of(network)
    step = Step.taken(network, samples, device=settings.device)
    ours = {segments: partial(step.ours, segments) for segments in SEGMENTS}
    seconds = in_turn(
        {"step": step.train, **{str(segments): work for segments, work in ours.items()}},
        rounds=settings.rounds,
        seconds=settings.seconds / 4,
        device=settings.device,
    )
    step.forget_gradients()
    step_memory = peak_memory(step.train, held=step.held_by_training, device=settings.device)
    step.forget_gradients()
    return Row(
        network=network,
        samples=samples,
        seconds=seconds,
        step_memory=step_memory,
        memory={
            segments: peak_memory(work, held=step.held_by_a_probe, device=settings.device)
            for segments, work in ours.items()
        },
        snapshot=bytes_of(step.held_by_a_probe) - bytes_of(step.held_by_training),
    )


def run(settings: Settings, console: Console) -> None:
    """Measure all networks that have their norm, print the table and write the results."""
    rows: list[Row] = []
    for network in settings.networks:
        if network.norm == "none":
            continue
        with console.status(f"segments of {network.title}"):
            rows.append(measure(network, settings))
        path = results.write("segments", [row.as_record() for row in rows], settings)
    console.print(table(rows))
    console.print(f"Written to {path.name}.", style="dim")


def table(rows: list[Row]) -> Table:
    """The table that a person reads."""
    shown = Table(
        title="Covariate shift in segments: peak memory, and time in training steps",
        caption="All but that of a step hold the snapshot: parameters before and after, gradient.",
    )
    shown.add_column("network / norm")
    for heading in ("samples", "MB of a step", "MB of the snapshot"):
        shown.add_column(heading, justify="right")
    for segments in SEGMENTS:
        shown.add_column(f"MB, {segments}", justify="right")
    for segments in SEGMENTS:
        shown.add_column(f"steps, {segments}", justify="right")
    for row in rows:
        shown.add_row(
            row.network.title,
            str(row.samples),
            mega(row.step_memory.total),
            mega(row.snapshot),
            *(mega(peak.total) for peak in row.memory.values()),
            *(f"{row.in_steps(segments):.2f}" for segments in SEGMENTS),
        )
    return shown
