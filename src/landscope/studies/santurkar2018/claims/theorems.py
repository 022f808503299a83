"""The paper's theory on the networks of the study: Theorems 4.1 and 4.2, Lemma 4.5."""

import math
from dataclasses import dataclass

import numpy as np

from landscope.quantities import OPTIMUM, THEORY
from landscope.report.content import Answer, Number, Verdict, not_run
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.statistics import Values, finite, median

ID = "theory"
QUESTION = "Does the theory hold on these networks?"
SOURCE = "Santurkar et al. 2018, Theorems 4.1 and 4.2, Lemma 4.5"

AGREEMENT = 1e-3
"""Relative gap up to which two sides that were measured in float32 count as equal."""

_THEOREMS = {
    "Theorem 4.1": (THEORY.theorem_4_1_left, THEORY.theorem_4_1_right),
    "Theorem 4.2": (THEORY.theorem_4_2_left, THEORY.theorem_4_2_right),
}
_LEMMA = (
    OPTIMUM.lemma_4_5_left,
    OPTIMUM.lemma_4_5_left_by_row,
    OPTIMUM.lemma_4_5_right,
    OPTIMUM.lemma_4_5_inner,
)


@dataclass(frozen=True)
class _Gap:
    """How far apart the two sides of a theorem are in a run, as a share of the larger."""

    run: str
    theorem: str
    share: float


@dataclass(frozen=True)
class _Distance:
    """Lemma 4.5 at a layer: squared distance to the nearest optimum, as a share of the bound.

    Args:
        by_scale: Where one scale is free, as in the lemma: its left over its right side.
        by_row: Where the scale of every row is free, as with batch norm.
    """

    by_scale: float
    by_row: float


def theorems(study: StudyRecords) -> Answer:
    """Both theorems are equalities once eps is accounted for, so their sides must agree.

    Holds if at every batch norm the median gap is within float32's rounding, and Lemma 4.5's left
    side never exceeds its right by more; else fails. Undecided if no side was ever finite.
    """
    runs = [run for run in study.runs.values() if run.outcome.ended and _norms(run)]
    if not runs:
        missing = "both sides of the theorems at the batch norms of a network"
        return not_run(ID, QUESTION, SOURCE, missing, figure=4)
    gaps = [
        gap
        for run in runs
        for theorem in _THEOREMS
        if not math.isnan((gap := _Gap(run.id, theorem, _share_apart(run, theorem))).share)
    ]
    removed = {run.id: share for run in runs if not math.isnan(share := _removed(run))}
    lemma = [distance for run in runs for distance in _lemma(run)]
    verdict, headline = _decide(gaps, lemma)
    return Answer(
        ID,
        QUESTION,
        verdict,
        headline,
        (
            *(
                "Batch norm's centring and scaling take away "
                f"{share:.2%} of the squared length of a unit's gradient in {run} (rho, at the "
                "median unit and step)."
                for run, share in removed.items()
            ),
            *_tell_lemma(lemma),
            (
                f"Rule: the median gap between the two sides is at most {AGREEMENT:g} of the "
                "larger, as float32 rounds; in Lemma 4.5 the left side is not the larger by more."
            ),
        ),
        (
            *(Number(f"{gap.theorem}, relative gap", gap.share, "1", gap.run) for gap in gaps),
            *(Number("rho, median", share, "fraction", run) for run, share in removed.items()),
        ),
        SOURCE,
    )


def _decide(gaps: list[_Gap], lemma: list[_Distance]) -> tuple[Verdict, str]:
    if not gaps:
        return "undecided", "There is no answer: no side of the theorems was ever finite."
    worst = max(gap.share for gap in gaps)
    names = dict.fromkeys(gap.theorem for gap in gaps)
    sides = f"the two sides of {' and '.join(names)}"
    if worst > AGREEMENT:
        return "fails", f"No: {sides} differ by {worst:.1g} of the larger, more than rounding does."
    largest = max((distance.by_scale for distance in lemma), default=0.0)
    if largest > 1 + AGREEMENT:
        return "fails", f"No: in Lemma 4.5 the left side is {largest:.3g} times the right."
    return (
        "holds",
        f"Yes: {sides} differ by no more than float32 rounds, {worst:.1g} of the larger.",
    )


def _norms(run: RunRecords) -> list[str]:
    return [
        subject.layer
        for subject in run.subjects
        if (subject.probe, subject.quantity) == THEORY.theorem_4_1_left.key
        and subject.layer is not None
    ]


def _share_apart(run: RunRecords, theorem: str) -> float:
    """Median over norms and measurements of the difference of the sides, relative to the larger.

    Both sides are taken as vectors over the units: a single unit whose gradient is nearly zero
    has no digits to compare. NaN where no measurement has two finite sides of any size.
    """
    shares: list[float] = []
    for norm in _norms(run):
        if all(run.has(side, norm) for side in _THEOREMS[theorem]):
            shares.extend(_shares(*(run.series(side, norm)[1] for side in _THEOREMS[theorem])))
    return median(shares)


def _shares(left: Values, right: Values) -> Values:
    if left.ndim != 2 or left.shape != right.shape:
        return np.empty(0)
    whole = np.isfinite(left).all(axis=1) & np.isfinite(right).all(axis=1)
    left, right = left[whole], right[whole]
    size = np.maximum(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1))
    apart = np.linalg.norm(left - right, axis=1)
    return finite(apart[size > 0] / size[size > 0])


def _removed(run: RunRecords) -> float:
    return median(
        value
        for norm in _norms(run)
        if run.has(THEORY.removed_fraction, norm)
        for value in finite(run.series(THEORY.removed_fraction, norm)[1].ravel())
    )


def _lemma(run: RunRecords) -> list[_Distance]:
    """The layers at which the lemma speaks: those with a positive inner product."""
    found: list[_Distance] = []
    for layer in run.layers:
        if not all(run.has(each, layer) for each in _LEMMA):
            continue
        left, by_row, right, inner = (float(run.numbers(each, layer)[1][0]) for each in _LEMMA)
        if inner > 0 and right > 0 and math.isfinite(left / right) and math.isfinite(by_row):
            found.append(_Distance(left / right, by_row / right))
    return found


def _tell_lemma(distances: list[_Distance]) -> tuple[str, ...]:
    if not distances:
        return ()
    largest = max(distance.by_scale for distance in distances)
    rows = [distance.by_row for distance in distances]
    return (
        (
            f"Lemma 4.5 speaks of {len(distances)} of the deep linear network's layers, with an "
            f"exact optimum as W*: its left side is at most {largest:.6f} times its right. Batch "
            "norm frees the scale of every row, and so the nearest optimum is nearer still: at "
            f"{min(rows):.0%} to {max(rows):.0%} of the squared distance that the lemma allows."
        ),
    )
