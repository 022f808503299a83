"""The paper's own answer: batch norm makes the landscape smoother (section 3, figure 4)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from landscope.quantities import PAPER_LINE, RANDOM_LINE, Line, Quantity
from landscope.report.content import Answer, Number, Verdict, not_run
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.statistics import (
    Values,
    find_all_ended,
    first_divergence,
    largest,
    median,
    on_grid,
    spread,
    tell_divergence,
)
from landscope.studies.santurkar2018.experiments import DLN_LR, VGG_LR, Family
from landscope.text import amount, change

ID = "why"
QUESTION = "So why does it work: is the landscape smoother with batch norm?"
SOURCE = "Santurkar et al. 2018, section 3 and figure 4"

_FAMILIES: tuple[tuple[Family, str, float], ...] = (
    ("vgg", "VGG", VGG_LR),
    ("dln", "deep linear network", DLN_LR),
)


@dataclass(frozen=True)
class _Comparison:
    """One number without and with batch norm: smaller is smoother."""

    label: str
    plain: float
    batch: float


@dataclass(frozen=True)
class _Measure:
    """One of the paper's three measures at each measurement; infinite where it overflowed."""

    name: str
    unit: str
    plain: Values
    batch: Values

    def comparisons(self) -> list[_Comparison]:
        """At the median and at the worst look; none where a run has nothing to compare."""
        if not (self.plain.size and self.batch.size):
            return []
        return [
            _Comparison("median", median(self.plain), median(self.batch)),
            _Comparison("worst look", float(self.plain.max()), float(self.batch.max())),
        ]

    def sentence(self, setting: str) -> str:
        if not self.comparisons():
            return f"{setting}, {self.name}: nothing to compare, a run has no measurement of it."
        middle, worst = self.comparisons()
        return (
            f"{setting}, {self.name}: median {amount(middle.plain)} without and "
            f"{amount(middle.batch)} with batch norm ({change(middle.plain, middle.batch)}); at "
            f"worst {amount(worst.plain)} and {amount(worst.batch)} "
            f"({change(worst.plain, worst.batch)})."
        )


@dataclass(frozen=True)
class _Setting:
    """A network with and without batch norm, and what was measured along its gradients."""

    name: str
    lr: float
    runs: tuple[RunRecords, RunRecords]
    measures: tuple[_Measure, ...]

    def comparisons(self) -> list[_Comparison]:
        return [each for measure in self.measures for each in measure.comparisons()]

    def numbers(self) -> Iterator[Number]:
        for measure in self.measures:
            for each in measure.comparisons():
                for value, run in zip((each.plain, each.batch), self.runs, strict=True):
                    yield Number(f"{measure.name}, {each.label}", value, measure.unit, run.id)


def smoothness(study: StudyRecords) -> Answer:
    """Holds if all measures are smaller with batch norm, at the median and at the worst look.

    Fails if all are larger, both ways; else undecided. A network that is stuck has a flat landscape
    around it, which is why the median alone must not decide. A measurement at which the loss or the
    gradient overflowed is worse than any other.
    """
    settings = [setting for where in _FAMILIES if (setting := _setting(study, *where))]
    if not settings:
        missing = "the landscape along the gradient of a network with and without batch norm"
        return not_run(ID, QUESTION, SOURCE, missing, figure=4)
    verdict, headline = _decide(settings)
    return Answer(
        ID,
        QUESTION,
        verdict,
        headline,
        (
            *(m.sentence(setting.name) for setting in settings for m in setting.measures),
            *(_tell_edge(setting) for setting in settings),
            *(text for setting in settings for text in _tell_random(setting)),
            *(
                text
                for setting in settings
                for text in tell_divergence(setting.runs, "the steps before that are compared")
            ),
            (
                "Rule: variation of the loss, change of the gradient and effective beta are all "
                "smaller with batch norm, at the median of the steps measured and at the worst. A "
                "network that is stuck has a flat landscape too, so read them beside the training "
                "curves."
            ),
        ),
        tuple(number for setting in settings for number in setting.numbers()),
        SOURCE,
    )


def _decide(settings: list[_Setting]) -> tuple[Verdict, str]:
    compared = [each for setting in settings for each in setting.comparisons()]
    if not compared:
        return (
            "undecided",
            "There is no answer: there is no step at which both networks were measured.",
        )
    smoother = sum(each.batch < each.plain for each in compared)
    rougher = sum(each.batch > each.plain for each in compared)
    first = next(setting for setting in settings if setting.comparisons())
    middle, worst = first.comparisons()[:2]
    example = f"In the {first.name}, with batch norm the {_first_name(first)} along the gradient is"
    at_worst = f"{change(worst.plain, worst.batch)} at the worst step measured"
    if smoother == len(compared):
        return "holds", f"Yes, by all {len(compared)} comparisons. {example} {at_worst}."
    if rougher == len(compared):
        return "fails", f"No, by none of {len(compared)} comparisons. {example} {at_worst}."
    return "undecided", (
        f"It depends on the measure: by {smoother} of {len(compared)} comparisons the landscape is "
        f"smoother with batch norm. {example} {at_worst}, and at the median step "
        f"{change(middle.plain, middle.batch)}."
    )


def _first_name(setting: _Setting) -> str:
    return next(measure.name for measure in setting.measures if measure.comparisons())


def _setting(study: StudyRecords, family: Family, name: str, lr: float) -> _Setting | None:
    runs = find_all_ended(study, family, ("none", "batch"), lr)
    if runs is None or not all(_measured(run) for run in runs):
        return None
    plain, batch = runs
    before = first_divergence(runs)
    measures = tuple(
        _Measure(
            what,
            quantity.unit,
            _rows(plain, quantity, before),
            _rows(batch, quantity, before),
        )
        for what, quantity in (
            ("variation of the loss", PAPER_LINE.loss),
            ("change of the gradient", PAPER_LINE.gradient_change),
            ("effective beta", PAPER_LINE.effective_beta),
        )
    )
    return _Setting(f"{name} at lr {lr:g}", lr, (plain, batch), measures)


def _measured(run: RunRecords, line: Line = PAPER_LINE) -> bool:
    return all(map(run.has, (line.loss, line.gradient_change, line.effective_beta)))


def _rows(run: RunRecords, quantity: Quantity, before: float, line: Line = PAPER_LINE) -> Values:
    rows = on_grid(run, quantity, before)
    if quantity == line.loss:
        return spread(rows)
    if quantity == line.effective_beta:
        # Where the gradient is exactly zero there is no line to follow, and beta is 0/0.
        changes = on_grid(run, line.gradient_change, before)
        rows = rows[np.isfinite(rows[:, 0]) | ~np.isfinite(changes).all(axis=1)]
    return largest(rows)


def _tell_edge(setting: _Setting) -> str:
    *_, beta = setting.measures
    if not beta.comparisons():
        return f"{setting.name}, effective beta times the learning rate: nothing to compare."
    plain, batch = median(beta.plain) * setting.lr, median(beta.batch) * setting.lr
    return (
        f"{setting.name}, effective beta times the learning rate: median {amount(plain)} without "
        f"and {amount(batch)} with batch norm. At 2, the edge of stability, a step along the "
        "gradient of a quadratic stops going down."
    )


def _tell_random(setting: _Setting) -> tuple[str, ...]:
    """The same along random directions, which the paper says behave like the gradient's."""
    if not all(_measured(run, RANDOM_LINE) for run in setting.runs):
        return ()
    before = first_divergence(setting.runs)
    beta = RANDOM_LINE.effective_beta
    plain, batch = (_rows(run, beta, before, RANDOM_LINE) for run in setting.runs)
    if not (plain.size and batch.size):
        return ()
    return (
        (
            f"{setting.name}, effective beta along random directions as long as the gradient: "
            f"median {amount(median(plain))} without and {amount(median(batch))} with batch norm "
            f"({change(median(plain), median(batch))})."
        ),
    )
