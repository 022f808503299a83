"""The report of a comparison, and its table in the terminal, from its records."""

import math
from pathlib import Path

import numpy as np

from landscope.norms.names import NORM_LABELS
from landscope.quantities import PAPER_LINE, STEP_SIZE, TRAINING
from landscope.report.content import (
    NOTHING,
    Fact,
    StudyPage,
    numbered,
    run_line,
    where_and_when,
)
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.configuration import CROSS_ENTROPY
from landscope.studies.comparison.records import (
    Compared,
    ComparedRun,
    ComparisonRecords,
    diverged,
    final_loss,
    losses,
    median_of_measurements,
    step_seconds,
)
from landscope.studies.kind import TextTable
from landscope.text import lr_text, number_text


def page(study: StudyRecords) -> StudyPage:
    """What was compared, where and when; runs by learning rate, norm and seed."""
    nets = ComparisonRecords(study)

    def place(run: RunRecords) -> tuple[float, int, int]:
        made = run.settings(ComparedRun)
        at = nets.norms.index(made.norm) if made.norm in nets.norms else len(nets.norms)
        return made.lr, at, made.seed

    return StudyPage(
        words=Path(__file__).with_name("page.html").read_text("utf-8"),
        facts=_facts(nets),
        settings=_settings(nets.settings),
        layer_names=_layer_names(nets),
        columns=("Norm", "lr", "Seed", "First loss", "Loss at the end", "A step"),
        names=1,
        runs=[run_line(run, _cells(run)) for run in sorted(study.runs.values(), key=place)],
    )


def table(study: StudyRecords) -> TextTable:
    """A line for each norm at each learning rate, over its seeds."""
    nets = ComparisonRecords(study)
    headings = ("norm", "lr", "loss", "over seeds", "diverged", "safe lr", "beta x lr", "ms/step")
    rows: list[tuple[str, ...]] = []
    for norm in nets.norms:
        for lr in nets.lrs:
            runs = [run for run in nets.there(norm, lr) if run.outcome.ended]
            rows.append((NORM_LABELS.get(norm, norm), f"{lr:g}", *_over_seeds(runs)))
    return TextTable(headings, 1, rows)


def _facts(nets: ComparisonRecords) -> list[Fact]:
    asked, seeds = nets.settings, ", ".join(map(str, nets.seeds))
    return [
        Fact("Model", str(asked.model)),
        Fact("Norms", ", ".join(NORM_LABELS.get(norm, norm) for norm in nets.norms)),
        Fact("Learning rates", ", ".join(map(lr_text, nets.lrs))),
        Fact("Runs", f"{len(nets.study.runs)}, seeds {seeds}"),
        Fact("Steps", f"{asked.steps}, measured every {asked.every}"),
        *where_and_when(nets.study.manifest),
    ]


def _settings(asked: Compared) -> list[Fact]:
    """The functions of the user's that were called, and what was chosen."""
    return [
        Fact("model", str(asked.model)),
        Fact("data", str(asked.data)),
        Fact("loss", asked.loss or CROSS_ENTROPY),
        Fact("optimizer", str(asked.optimizer)),
        Fact("insert", "yes" if asked.insert else "no"),
    ]


def _layer_names(nets: ComparisonRecords) -> list[Fact]:
    """For each norm the layers by number, and how many parameters there are."""
    found: dict[str, Fact] = {}
    for run in nets.study.runs.values():
        norm, parameters = run.settings(ComparedRun).norm, run.manifest.parameters
        size = f"{parameters:,} parameters; " if isinstance(parameters, int) else ""
        found.setdefault(norm, Fact(NORM_LABELS.get(norm, norm), f"{size}{numbered(run.layers)}"))
    return [found[norm] for norm in nets.norms if norm in found]


def _cells(run: RunRecords) -> tuple[str, ...]:
    made = run.settings(ComparedRun)
    first, last, seconds = NOTHING, NOTHING, NOTHING
    if run.has(TRAINING.train_loss):
        values = losses(run)[1]
        first = number_text(float(values[0])) if values.size else "not finite"
        ended = run.outcome.status == "finished" and values.size
        last = number_text(final_loss(run)) if ended else NOTHING
    if not math.isnan(step_seconds(run)):
        seconds = f"{number_text(1e3 * step_seconds(run))} ms"
    norm = NORM_LABELS.get(made.norm, made.norm)
    return norm, lr_text(made.lr), str(made.seed), first, last, seconds


def _over_seeds(runs: list[RunRecords]) -> tuple[str, ...]:
    """Mean of the final loss and its range, how many diverged, and medians; blank where unknown."""
    ends = [loss for run in runs if math.isfinite(loss := final_loss(run))]
    loss = f"{np.mean(ends):.3g}" if ends else ""
    reach = f"{min(ends):.3g} to {max(ends):.3g}" if len(ends) > 1 else ""
    lost = sum(map(diverged, runs))
    medians = [
        [median_of_measurements(run, quantity) for run in runs]
        for quantity in (STEP_SIZE.safe_lr, PAPER_LINE.beta_lr)
    ]
    times = [1e3 * step_seconds(run) for run in runs]
    return (
        loss,
        reach,
        f"{lost} of {len(runs)}",
        *(_median(values) for values in (*medians, times)),
    )


def _median(values: list[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    return f"{np.median(known):.3g}" if known else ""
