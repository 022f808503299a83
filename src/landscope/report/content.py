"""What the page of a study says: facts, the probes, and its runs, as a kind of study gives them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from landscope.figures.curves import early_end
from landscope.runs import RunRecords, StudyManifest, StudyRecords
from landscope.text import full_duration

_FUNCTIONS = 6
"""A probe that measured more functions than this, as with user-made ones, says how many more."""

NOTHING = "-"
"""In the place of a number that a run does not have."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what it is."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line of the table of runs, with a cell for each of the page's columns."""

    id: str
    cells: tuple[str, ...]
    outcome: str
    broke_off: bool
    seconds: str


@dataclass(frozen=True, slots=True)
class StudyPage:
    """What the page of a study says besides its figures and answers.

    Args:
        words: A template that extends ``report.html`` and fills its blocks.
        facts: For the head of the page.
        settings: What was chosen.
        layer_names: The layers of the networks, by number.
        columns: Of the table of runs, between the run's id and its outcome.
        names: How many of these, from the left, are names; the others are numbers.
        runs: Its lines.
    """

    words: str
    facts: Sequence[Fact]
    settings: Sequence[Fact]
    layer_names: Sequence[Fact]
    columns: tuple[str, ...]
    names: int
    runs: Sequence[RunLine]


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """What a probe measured, on which function, and what it took over all runs."""

    probe: str
    quantities: str
    functions: tuple[str, ...]
    seconds: str


def where_and_when(manifest: StudyManifest) -> list[Fact]:
    """The machine with how many runs side by side, when it was begun, and what it took."""
    counts = {"worker": manifest.workers, "thread": manifest.threads}
    told = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count]
    return [
        Fact("Machine", ", ".join([manifest.device or "not recorded", *told])),
        Fact("Started", _moment(manifest.started)),
        Fact("Wall time", full_duration(manifest.seconds)),
    ]


def numbered(layers: Sequence[str]) -> str:
    """Layers with their numbers, from 1."""
    return ", ".join(f"{at} {layer}" for at, layer in enumerate(layers, 1))


def run_line(run: RunRecords, cells: tuple[str, ...]) -> RunLine:
    """The line of a run, with how it ended and what it took."""
    broke_off = early_end(run.outcome)
    outcome = "finished" if broke_off is None else broke_off.text
    seconds = full_duration(run.outcome.seconds)
    return RunLine(run.id, cells, outcome, broke_off is not None, seconds)


def versions(study: StudyRecords) -> list[Fact]:
    """The versions of everything that took part."""
    own = Fact("landscope", study.manifest.landscope or "not recorded")
    others = sorted(study.manifest.versions.items())
    return [own, *(Fact(name, str(value)) for name, value in others)]


def probe_rows(study: StudyRecords) -> list[ProbeRow]:
    """What was measured, on which function, and what it took; in the order of measuring."""
    quantities: dict[str, dict[str, None]] = {}
    functions: dict[str, dict[str, None]] = {}
    seconds: dict[str, dict[tuple[str, int], float]] = {}
    for run in study.runs.values():
        for reading in run.all_readings:
            quantities.setdefault(reading.probe, {})[reading.quantity] = None
            if said := str(reading.function.at_any_step):
                functions.setdefault(reading.probe, {})[said] = None
            # All readings that a probe gives at a step share its seconds.
            spent = seconds.setdefault(reading.probe, {})
            spent[(run.id, reading.step)] = reading.seconds
    return [
        ProbeRow(
            probe,
            ", ".join(map(_in_words, names)),
            _shortened(tuple(functions.get(probe, {}))),
            full_duration(sum(seconds[probe].values())),
        )
        for probe, names in quantities.items()
    ]


def _in_words(quantity: str) -> str:
    """A quantity's name as it is read: ``theorem_4_1_left`` is that of Theorem 4.1."""
    return re.sub(r"(\d)_(\d)", r"\1.\2", quantity).replace("_", " ")


def _shortened(functions: tuple[str, ...]) -> tuple[str, ...]:
    more = len(functions) - _FUNCTIONS
    return functions if more <= 0 else (*functions[:_FUNCTIONS], f"and {more} more")


def _moment(started: object) -> str:
    """A time in ISO 8601 as a reader writes it, without parts of a second."""
    try:
        when = datetime.fromisoformat(str(started))
    except ValueError:
        return "not recorded"
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".strip()
