"""The report of a study of the paper, and its runs in the terminal, from its records."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from landscope.norms.names import NORM_LABELS
from landscope.quantities import TRAINING, Quantity
from landscope.report.content import (
    NOTHING,
    Fact,
    StudyPage,
    numbered,
    run_line,
    where_and_when,
)
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.kind import TextTable
from landscope.studies.santurkar2018.experiments import PaperFamily, PaperRun, PaperStudy
from landscope.text import lr_text, number_text

_FAMILIES = {"vgg": "VGG", "dln": "Deep linear net"}
_COLUMNS = (
    "Family",
    "Norm",
    "lr",
    "Steps",
    "Training accuracy",
    "Test accuracy",
    "Training loss",
)


def page(study: StudyRecords) -> StudyPage:
    """What was run, where and when, by family, then step size, then norm."""
    return StudyPage(
        words=Path(__file__).with_name("page.html").read_text("utf-8"),
        facts=_facts(study),
        settings=_settings(study),
        layer_names=_layer_names(study),
        columns=_COLUMNS,
        names=2,
        runs=[run_line(run, _cells(run)) for run in sorted(study.runs.values(), key=_place)],
    )


def table(study: StudyRecords) -> TextTable:
    """A line for each run."""
    headings = ("run", "outcome", "train loss", "train acc.", "test acc.", "seconds")
    return TextTable(headings, 2, [_text_row(run) for run in study.runs.values()])


def _facts(study: StudyRecords) -> list[Fact]:
    preset = study.settings(PaperStudy).preset
    told = [
        Fact("Preset", preset.name),
        *(
            Fact(name, _size(preset.family(key), len(runs)))
            for key, name in _FAMILIES.items()
            if (runs := _of_family(study, key))
        ),
        Fact("Runs", f"{len(study.runs)}, seed {study.manifest.seed}"),
        *where_and_when(study.manifest),
    ]
    return [*told, Fact("In short", preset.summary)] if preset.summary else told


def _settings(study: StudyRecords) -> list[Fact]:
    """The settings of each family: what the paper leaves open is chosen here."""
    preset = study.settings(PaperStudy).preset
    return [
        Fact(f"{name}: {setting.replace('_', ' ')}", _setting_text(value))
        for key, name in _FAMILIES.items()
        for setting, value in _flat(preset.family(key).model_dump(exclude_unset=True))
    ]


def _layer_names(study: StudyRecords) -> list[Fact]:
    """For each family the layers by number, as the first of its runs names them."""
    return [
        Fact(name, numbered(run.layers))
        for key, name in _FAMILIES.items()
        for run in _of_family(study, key)[:1]
    ]


def _place(run: RunRecords) -> tuple[int, float, int, str]:
    """By family, then step size, then norm in the order of the legend."""
    made, families, norms = run.settings(PaperRun), list(_FAMILIES), list(NORM_LABELS)
    return (
        families.index(made.family) if made.family in families else len(families),
        -(made.lr or 0.0),
        norms.index(made.norm) if made.norm in norms else len(norms),
        run.id,
    )


def _cells(run: RunRecords) -> tuple[str, ...]:
    made = run.settings(PaperRun)
    norm, family = str(made.norm), str(made.family)
    return (
        _FAMILIES.get(family, family),
        NORM_LABELS.get(norm, norm),
        NOTHING if made.lr is None else lr_text(made.lr),
        NOTHING if made.steps is None else str(made.steps),
        _last(run, TRAINING.train_accuracy, 100.0, " %"),
        _last(run, TRAINING.test_accuracy, 100.0, " %"),
        _last(run, TRAINING.train_loss, 1.0, ""),
    )


def _last(run: RunRecords, quantity: Quantity, factor: float, unit: str) -> str:
    """The last reading; of a single batch where it is the training's."""
    if not run.has(quantity):
        return NOTHING
    _, values = run.numbers(quantity)
    last = float(values[-1])
    return f"{number_text(factor * last)}{unit}" if math.isfinite(last) else "not finite"


def _of_family(study: StudyRecords, family: str) -> list[RunRecords]:
    return [run for run in study.runs.values() if run.settings(PaperRun).family == family]


def _size(family: PaperFamily, runs: int) -> str:
    batches = "full batch" if family.batch_size is None else f"batches of {family.batch_size}"
    return f"{family.model} on {family.data}, {family.steps} steps, {batches}, {runs} runs"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, Any]", value), f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", value


def _setting_text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_setting_text(each) for each in cast("list[object]", value))
    return "all" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _text_row(run: RunRecords) -> tuple[str, ...]:
    outcome = run.outcome
    ended = f"diverged at step {outcome.step}" if outcome.status == "diverged" else outcome.status
    return (
        run.id,
        ended,
        _mean_of_last(run, TRAINING.train_loss, "{:.4g}", 1),
        _mean_of_last(run, TRAINING.train_accuracy, "{:.1%}", 20),
        _mean_of_last(run, TRAINING.test_accuracy, "{:.1%}", 1),
        "" if outcome.seconds is None else f"{outcome.seconds:.1f}",
    )


def _mean_of_last(run: RunRecords, quantity: Quantity, form: str, points: int) -> str:
    if not run.has(quantity):
        return ""
    _, values = run.numbers(quantity)
    return form.format(float(np.mean(values[-points:])))
