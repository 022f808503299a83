"""The head and the tables of a comparison's report, from its records."""

import math
from dataclasses import dataclass

from landscope.figures.curves import early_end
from landscope.norms.names import NORM_LABELS
from landscope.quantities import TRAINING
from landscope.report.overview import Fact, machine, moment
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.configuration import CROSS_ENTROPY
from landscope.studies.comparison.records import (
    Compared,
    ComparedRun,
    ComparisonRecords,
    final_loss,
    losses,
    step_seconds,
)
from landscope.text import full_duration, lr_text, number_text

_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A line of the table of runs; a number that the run has not is a dash."""

    id: str
    norm: str
    lr: str
    seed: str
    first_loss: str
    final_loss: str
    step: str
    outcome: str
    broke_off: bool
    seconds: str


def facts(study: StudyRecords) -> list[Fact]:
    """What was compared, where and when, for the head of the page."""
    manifest, nets = study.manifest, ComparisonRecords(study)
    asked = nets.settings
    return [
        Fact("Model", str(asked.model)),
        Fact("Norms", ", ".join(NORM_LABELS.get(norm, norm) for norm in nets.norms)),
        Fact("Learning rates", ", ".join(map(lr_text, nets.lrs))),
        Fact("Runs", f"{len(study.runs)}, seeds {', '.join(map(str, nets.seeds))}"),
        Fact("Steps", f"{asked.steps}, measured every {asked.every}"),
        Fact("Machine", machine(manifest)),
        Fact("Started", moment(manifest.started)),
        Fact("Wall time", full_duration(manifest.seconds)),
    ]


def settings(study: StudyRecords) -> list[Fact]:
    """The functions of the user's that were called, and what was chosen."""
    asked = study.settings(Compared)
    return [
        Fact("model", str(asked.model)),
        Fact("data", str(asked.data)),
        Fact("loss", asked.loss or CROSS_ENTROPY),
        Fact("optimizer", str(asked.optimizer)),
        Fact("insert", "yes" if asked.insert else "no"),
    ]


def layer_names(study: StudyRecords) -> list[Fact]:
    """For each norm the layers by number, and how many parameters there are."""
    nets = ComparisonRecords(study)
    found: dict[str, Fact] = {}
    for run in study.runs.values():
        norm = run.settings(ComparedRun).norm
        numbered = ", ".join(f"{at} {layer}" for at, layer in enumerate(run.layers, 1))
        parameters = run.manifest.parameters
        size = f"{parameters:,} parameters; " if isinstance(parameters, int) else ""
        found.setdefault(norm, Fact(NORM_LABELS.get(norm, norm), f"{size}{numbered}"))
    return [found[norm] for norm in nets.norms if norm in found]


def run_rows(study: StudyRecords) -> list[ComparedRow]:
    """The table of all runs, by learning rate, then norm as it was asked for, then seed."""
    nets = ComparisonRecords(study)

    def place(run: RunRecords) -> tuple[float, int, int]:
        made = run.settings(ComparedRun)
        at = nets.norms.index(made.norm) if made.norm in nets.norms else len(nets.norms)
        return made.lr, at, made.seed

    return [_row(run) for run in sorted(study.runs.values(), key=place)]


def _row(run: RunRecords) -> ComparedRow:
    made, broke_off = run.settings(ComparedRun), early_end(run.outcome)
    first, last, seconds = _NOTHING, _NOTHING, _NOTHING
    if run.has(TRAINING.train_loss):
        values = losses(run)[1]
        first = number_text(float(values[0])) if values.size else "not finite"
        last = number_text(final_loss(run)) if broke_off is None and values.size else _NOTHING
    if not math.isnan(step_seconds(run)):
        seconds = f"{number_text(1e3 * step_seconds(run))} ms"
    return ComparedRow(
        id=run.id,
        norm=NORM_LABELS.get(made.norm, made.norm),
        lr=lr_text(made.lr),
        seed=str(made.seed),
        first_loss=first,
        final_loss=last,
        step=seconds,
        outcome="finished" if broke_off is None else broke_off.text,
        broke_off=broke_off is not None,
        seconds=full_duration(run.outcome.seconds),
    )
