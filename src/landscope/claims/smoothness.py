"""The paper's own answer: batch norm makes the landscape smoother (section 3, figure 4)."""

from dataclasses import dataclass

import numpy as np

from landscope.claims.answer import Answer, Number, Verdict, not_run
from landscope.claims.statistics import Values, finite, median, spread
from landscope.records.run_records import RunRecords
from landscope.records.study_records import StudyRecords
from landscope.study.config import Family
from landscope.study.santurkar2018 import DLN_LR, VGG_LR

ID = "why"
QUESTION = "So why does it work: is the landscape smoother with batch norm?"
SOURCE = "Santurkar et al. 2018, section 3 and figure 4"

_LINE = "line[paper]"
_FAMILIES: tuple[tuple[Family, str, float], ...] = (("vgg", "VGG", VGG_LR), ("dln", "DLN", DLN_LR))


@dataclass(frozen=True)
class _Measure:
    """One of the paper's three measures of a run, at each look: smaller is smoother."""

    name: str
    unit: str
    plain: Values
    batch: Values

    def ratios(self) -> tuple[float, float]:
        """Without over with batch norm: of the medians, and of the worst looks."""
        return (
            median(self.plain) / median(self.batch),
            float(self.plain.max() / self.batch.max()),
        )

    def sentence(self, setting: str) -> str:
        middle, worst = self.ratios()
        return (
            f"{setting}, {self.name}: median {median(self.plain):.3g} without and "
            f"{median(self.batch):.3g} with batch norm ({middle:.2g} times); at the worst look "
            f"{self.plain.max():.3g} and {self.batch.max():.3g} ({worst:.2g} times)."
        )


def smoothness(study: StudyRecords) -> Answer:
    """Holds if all measures are smaller with batch norm, at the median and at the worst look.

    Fails if all are larger, both ways; else undecided. A network that is stuck has a flat
    landscape around it, which is why the median alone must not decide.
    """
    settings = {
        f"{name} at lr {lr:g}": runs
        for family, name, lr in _FAMILIES
        if (runs := _runs(study, family, lr))
    }
    if not settings:
        return not_run(ID, QUESTION, SOURCE, "the landscape along the gradient with and without BN")
    measured = {setting: _measures(*runs) for setting, runs in settings.items()}
    ratios = [ratio for three in measured.values() for m in three for ratio in m.ratios()]
    smoother = sum(ratio > 1 for ratio in ratios)
    verdict: Verdict = (
        "holds" if smoother == len(ratios) else "fails" if smoother == 0 else "undecided"
    )
    return Answer(
        ID,
        QUESTION,
        verdict,
        _headline(verdict, smoother, len(ratios), measured),
        (
            *(m.sentence(setting) for setting, three in measured.items() for m in three),
            *(_edge(setting, runs) for setting, runs in settings.items()),
            (
                "Rule: loss variation, gradient predictiveness and effective beta are all smaller "
                "with batch norm, at the median look and at the worst. A network that is stuck has "
                "a flat landscape too, so read them beside the training curves."
            ),
        ),
        tuple(
            Number(f"{m.name}, {label}", value, m.unit, run.id)
            for setting, three in measured.items()
            for m in three
            for values, run in zip((m.plain, m.batch), settings[setting], strict=True)
            for label, value in (("median", median(values)), ("worst look", float(values.max())))
        ),
        SOURCE,
    )


def _runs(study: StudyRecords, family: Family, lr: float) -> tuple[RunRecords, RunRecords] | None:
    wanted = [{"family": family, "norm": norm, "lr": lr} for norm in ("none", "batch")]
    if not all(study.has(**fields) for fields in wanted):
        return None
    plain, batch = (study.find(**fields) for fields in wanted)
    measured = all(run.has(_LINE, "effective_beta") for run in (plain, batch))
    return (plain, batch) if measured else None


def _measures(plain: RunRecords, batch: RunRecords) -> list[_Measure]:
    def largest(run: RunRecords, quantity: str) -> Values:
        _, values = run.series(_LINE, quantity)
        return np.asarray(values.max(axis=1) if values.ndim == 2 else values, dtype=np.float64)

    return [
        _Measure(
            "variation of the loss",
            "loss",
            finite(spread(plain, _LINE, "loss")),
            finite(spread(batch, _LINE, "loss")),
        ),
        _Measure(
            "change of the gradient",
            "loss / parameter",
            finite(largest(plain, "gradient_change")),
            finite(largest(batch, "gradient_change")),
        ),
        _Measure(
            "effective beta",
            "loss / parameter^2",
            finite(largest(plain, "effective_beta")),
            finite(largest(batch, "effective_beta")),
        ),
    ]


def _headline(verdict: Verdict, smoother: int, of: int, measured: dict[str, list[_Measure]]) -> str:
    setting, three = next(iter(measured.items()))
    _, worst = three[0].ratios()
    if verdict == "holds":
        return (
            f"It is smoother by all {of} comparisons: in the {setting}, the loss along the "
            f"gradient varies up to {worst:.2g} times as much without batch norm."
        )
    if verdict == "fails":
        return f"It is not smoother by any of {of} comparisons."
    return (
        f"By {smoother} of {of} comparisons it is smoother: in the {setting}, the loss along the "
        f"gradient varies up to {worst:.2g} times as much without batch norm at the worst look, "
        f"{three[0].ratios()[0]:.2g} times at the median."
    )


def _edge(setting: str, runs: tuple[RunRecords, RunRecords]) -> str:
    plain, batch = (median(finite(run.series(_LINE, "beta_lr")[1])) for run in runs)
    return (
        f"{setting}, effective beta times lr: median {plain:.2g} without and {batch:.2g} with "
        "batch norm; 2 is the edge of stability."
    )
