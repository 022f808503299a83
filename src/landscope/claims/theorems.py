"""The paper's theory on the networks of the study: Theorems 4.1 and 4.2, Lemma 4.5."""

import numpy as np

from landscope.claims.answer import Answer, Number, Verdict, not_run
from landscope.claims.statistics import finite, median
from landscope.records.run_records import RunRecords
from landscope.records.study_records import StudyRecords

ID = "theory"
QUESTION = "Does the theory hold on these networks?"
SOURCE = "Santurkar et al. 2018, Theorems 4.1 and 4.2, Lemma 4.5"

_TITLES = {"theorem_4_1": "Theorem 4.1", "theorem_4_2": "Theorem 4.2"}

AGREEMENT = 1e-3
"""Relative gap up to which two sides that were measured in float32 count as equal."""


def theorems(study: StudyRecords) -> Answer:
    """Both theorems are equalities once eps is accounted for, so their sides must agree.

    Holds if at every batch norm the median gap is within float32's rounding, and Lemma 4.5's left
    side never exceeds its right by more; else fails.
    """
    runs = [run for run in study.runs.values() if _norms(run)]
    if not runs:
        return not_run(ID, QUESTION, SOURCE, "the theorems at any batch norm")
    gaps = {(run.id, theorem): _gap(run, theorem) for run in runs for theorem in _TITLES}
    removed = {
        run.id: median(
            value
            for norm in _norms(run)
            for value in finite(run.series("theory", "removed_fraction", norm)[1].ravel())
        )
        for run in runs
    }
    lemma = [share for run in runs for share in _lemma(run)]
    agree = all(gap <= AGREEMENT for gap in gaps.values())
    within = all(share <= 1 + AGREEMENT for share, _ in lemma)
    verdict: Verdict = "holds" if agree and within else "fails"
    worst = max(gaps.values())
    return Answer(
        ID,
        QUESTION,
        verdict,
        f"The two sides of Theorems 4.1 and 4.2 {'agree' if agree else 'do not agree'}: they "
        f"differ by {worst:.1g} of their size, as measured in float32.",
        (
            "The fraction of a layer's gradient that batch norm's centring and scaling remove "
            "(rho) is, at the median unit, "
            + " and ".join(f"{share:.2%} in {run}" for run, share in removed.items())
            + ".",
            *_lemma_sentence(lemma),
            f"Rule: the median relative gap of the two sides is at most {AGREEMENT:g}.",
        ),
        (
            *(
                Number(f"{_TITLES[theorem]}, relative gap", gap, "1", run)
                for (run, theorem), gap in gaps.items()
            ),
            *(Number("rho, median", share, "fraction", run) for run, share in removed.items()),
        ),
        SOURCE,
    )


def _norms(run: RunRecords) -> list[str]:
    return [
        subject.layer
        for subject in run.subjects
        if subject.probe == "theory"
        and subject.quantity == "theorem_4_1_left"
        and subject.layer is not None
    ]


def _gap(run: RunRecords, theorem: str) -> float:
    """Median over norms and looks of the difference of the sides, relative to the larger.

    Both sides are taken as vectors over the units: a single unit whose gradient is nearly zero
    has no digits to compare.
    """
    gaps: list[float] = []
    for norm in _norms(run):
        _, left = run.series("theory", f"{theorem}_left", norm)
        _, right = run.series("theory", f"{theorem}_right", norm)
        size = np.maximum(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1))
        apart = np.linalg.norm(left - right, axis=1)
        gaps.extend(finite(apart[size > 0] / size[size > 0]))
    return median(gaps)


def _lemma(run: RunRecords) -> list[tuple[float, float]]:
    """For each layer at which the lemma speaks: left over right side, by scale and by row."""
    shares: list[tuple[float, float]] = []
    for layer in run.layers:
        if run.has("optimum", "lemma_4_5_left", layer):
            left, by_row, right, inner = (
                float(run.series("optimum", f"lemma_4_5_{side}", layer)[1][0])
                for side in ("left", "left_by_row", "right", "inner")
            )
            if inner > 0:
                shares.append((left / right, by_row / right))
    return shares


def _lemma_sentence(shares: list[tuple[float, float]]) -> tuple[str, ...]:
    if not shares:
        return ()
    apart = max(abs(share - 1) for share, _ in shares)
    rows = [by_row for _, by_row in shares]
    return (
        (
            f"Lemma 4.5 speaks of {len(shares)} layers of the DLN, with an exact optimum as W*: "
            f"its two sides are equal within {apart:.0e}. Batch norm frees the scale of every row, "
            f"and so the nearest optimum is nearer still: at {min(rows):.0%} to {max(rows):.0%} "
            "of the squared distance that the lemma allows."
        ),
    )
