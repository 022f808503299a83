"""Question 2 of the paper: does batch norm reduce internal covariate shift at all?"""

import math
from dataclasses import dataclass

from landscope.quantities import COVARIATE_SHIFT, Quantity
from landscope.report.content import Answer, Number, Verdict, not_run
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.statistics import (
    find_all_ended,
    first_divergence,
    has_over_layers,
    median,
    over_layers,
    tell_divergence,
)
from landscope.studies.santurkar2018.experiments import (
    DLN_LR,
    DLN_SMALL_LR,
    VGG_LR,
    VGG_SMALL_LR,
    Family,
)
from landscope.text import change

ID = "question-2"
QUESTION = "Question 2: does batch norm reduce internal covariate shift?"
SOURCE = "Santurkar et al. 2018, section 2.2, Definition 2.1 and figure 3"

_PAIRS: tuple[tuple[Family, str, float], ...] = (
    ("vgg", "VGG", VGG_LR),
    ("vgg", "VGG", VGG_SMALL_LR),
    ("dln", "deep linear network", DLN_LR),
    ("dln", "deep linear network", DLN_SMALL_LR),
)
_QUANTITIES = (
    (COVARIATE_SHIFT.shift_l2, "||G - G'||"),
    (COVARIATE_SHIFT.shift_relative, "||G - G'|| / ||G||"),
    (COVARIATE_SHIFT.shift_cosine, "cosine of G and G'"),
)


@dataclass(frozen=True)
class _Pair:
    """The shift without and with batch norm, at one learning rate.

    Args:
        name: Of the network and its learning rate.
        runs: The run without batch norm, and the one with it.
        medians: Of each quantity, in the order of the runs; NaN where nothing was finite.
    """

    name: str
    runs: tuple[RunRecords, RunRecords]
    medians: dict[Quantity, tuple[float, float]]

    @property
    def distances(self) -> tuple[float, float]:
        """Median ||G - G'|| without and with batch norm: what the rule compares."""
        return self.medians[COVARIATE_SHIFT.shift_l2]

    @property
    def comparable(self) -> bool:
        return not any(map(math.isnan, self.distances))

    @property
    def reduced(self) -> bool:
        plain, batch = self.distances
        return batch < plain

    def sentence(self) -> str:
        if not self.comparable:
            return f"{self.name}: nothing to compare, a run has no finite measurement of it."
        told = [
            f"{label} is {plain:.3g} without and {batch:.3g} with batch norm"
            for quantity, label in _QUANTITIES
            for plain, batch in [self.medians[quantity]]
            if not (math.isnan(plain) or math.isnan(batch))
        ]
        return f"{self.name}: {'; '.join(told)}."

    def numbers(self) -> list[Number]:
        return [
            Number(f"{label}, median", value, quantity.unit, run.id)
            for quantity, label in _QUANTITIES
            for value, run in zip(self.medians[quantity], self.runs, strict=True)
            if not math.isnan(value)
        ]


def question_2(study: StudyRecords) -> Answer:
    """The paper says no: the shift is not smaller with batch norm, and often larger.

    Holds if in no pair of runs the median shift is smaller with batch norm, fails if it is smaller
    in all of them, else undecided. Medians are over measurements and layers without the first.
    """
    pairs = [pair for where in _PAIRS if (pair := _pair(study, *where))]
    if not pairs:
        missing = "the covariate shift of any network with and without batch norm"
        return not_run(ID, QUESTION, SOURCE, missing, figure=3)
    verdict, headline = _decide([pair for pair in pairs if pair.comparable])
    consequence = "its pair is compared over the steps before that"
    return Answer(
        ID,
        QUESTION,
        verdict,
        headline,
        (
            (
                "A layer's gradient is G before and G' after the layers before it took their "
                "step, on the same batch (Definition 2.1). Medians over the steps measured and "
                "all layers but the first, for which the two are equal:"
            ),
            *(pair.sentence() for pair in pairs),
            *(text for pair in pairs for text in tell_divergence(pair.runs, consequence)),
            "Rule: in no pair of runs is the median ||G - G'|| smaller with batch norm.",
        ),
        tuple(number for pair in pairs for number in pair.numbers()),
        SOURCE,
    )


def _decide(pairs: list[_Pair]) -> tuple[Verdict, str]:
    if not pairs:
        return "undecided", "There is no answer: the shift was never finite in both runs of a pair."
    reduced = sum(pair.reduced for pair in pairs)
    example = f"in the {pairs[0].name} it is {change(*pairs[0].distances)} with batch norm"
    if reduced == 0:
        return "holds", f"No: it is smaller in none of {_pairs_of(pairs)}; {example}."
    if reduced == len(pairs):
        return "fails", f"Yes: it is smaller in each of {_pairs_of(pairs)}; {example}."
    extent = "Mostly not" if 2 * reduced < len(pairs) else "In part"
    return "undecided", (
        f"{extent}: the shift is smaller with batch norm in {reduced} of {_pairs_of(pairs)}; "
        f"{example}."
    )


def _pairs_of(pairs: list[_Pair]) -> str:
    return f"{len(pairs)} pair{'s' if len(pairs) > 1 else ''} of runs"


def _pair(study: StudyRecords, family: Family, name: str, lr: float) -> _Pair | None:
    runs = find_all_ended(study, family, ("none", "batch"), lr)
    if runs is None or not all(has_over_layers(run, COVARIATE_SHIFT.shift_l2) for run in runs):
        return None
    plain, batch = runs
    before = first_divergence(runs)
    medians = {
        quantity: (
            median(over_layers(plain, quantity, before)),
            median(over_layers(batch, quantity, before)),
        )
        for quantity, _ in _QUANTITIES
    }
    return _Pair(f"{name} at lr {lr:g}", (plain, batch), medians)
