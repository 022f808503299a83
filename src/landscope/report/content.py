"""What the page of a study says: answers, facts, the probes and the runs, as a kind gives them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from landscope.figures.curves import early_end
from landscope.runs import RunRecords, StudyManifest, StudyRecords
from landscope.text import full_duration

Verdict = Literal["holds", "fails", "decided", "undecided", "not run"]
"""A claim of the paper holds or fails; which of some norms is best is decided or not."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number behind an answer.

    Args:
        name: What it is.
        value: Its value.
        unit: Its unit; ``"1"`` for a pure number.
        run: Id of the run that it was measured in; several are joined by a comma.
    """

    name: str
    value: float
    unit: str
    run: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a study says to a question. It speaks of its own runs: one seed is no proof.

    Args:
        id: Stable name.
        question: The question.
        verdict: Whether the paper's claim holds in these runs, or a comparison is decided by
            them, by a fixed rule.
        headline: The answer in one sentence with its main number.
        sentences: The evidence and the rule of the verdict.
        numbers: All numbers that the answer rests on.
        source: Where the paper makes the claim, or by which method a comparison is decided.
    """

    id: str
    question: str
    verdict: Verdict
    headline: str
    sentences: tuple[str, ...]
    numbers: tuple[Number, ...]
    source: str


def not_run(id: str, question: str, source: str, missing: str, figure: int) -> Answer:  # noqa: A002
    """The answer of a study that does not have the runs, or the readings, for it.

    Args:
        id: As in ``Answer``.
        question: As in ``Answer``.
        source: As in ``Answer``.
        missing: What the answer takes.
        figure: A figure of the paper that takes the same.
    """
    return Answer(
        id,
        question,
        "not run",
        "This study has not measured it.",
        (
            f"It takes {missing}, run to the end.",
            f"`landscope reproduce --figure {figure}` measures that.",
        ),
        (),
        source,
    )


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
