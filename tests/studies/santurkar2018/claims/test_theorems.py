"""The paper's theory on the networks of a study."""

import math

import numpy as np
import pytest
from tests.tolerances import EXACT64

from landscope.reading import Axis, Reading
from landscope.studies.santurkar2018.claims.theorems import theorems

from .synthetic import Synthetic, around, of

RUN = "vgg-batch-lr0.1-seed0"
MEASUREMENTS = (0, 20)
UNITS = 5


def sides(theorem: str, left: np.ndarray, right: np.ndarray, layer: str = "norm1") -> list[Reading]:
    """Both sides of a theorem: a row for each look, a column for each unit."""
    axis = Axis("unit", "1", tuple(map(float, range(left.shape[1]))))
    return [
        Reading(step, "theory", f"{theorem}_{side}", tuple(row), layer=layer, axis=axis)
        for side, table in (("left", left), ("right", right))
        for step, row in zip(MEASUREMENTS, table.tolist(), strict=True)
    ]


def removed(values: np.ndarray, layer: str = "norm1") -> list[Reading]:
    return [
        Reading(step, "theory", "removed_fraction", tuple(row), layer=layer)
        for step, row in zip(MEASUREMENTS, values.tolist(), strict=True)
    ]


def lemma(layer: str, left: float, right: float, inner: float) -> list[Reading]:
    told = {"left": left, "left_by_row": 0.8 * left, "right": right, "inner": inner}
    return [
        Reading(0, "optimum", f"lemma_4_5_{side}", value, layer=layer)
        for side, value in told.items()
    ]


def table(seed: int) -> np.ndarray:
    return around(1.0, len(MEASUREMENTS) * UNITS, seed).reshape(len(MEASUREMENTS), UNITS)


def expected_gap(*pairs: tuple[np.ndarray, np.ndarray]) -> float:
    """Median over norms and looks of ||left - right|| over the longer of the two."""
    shares = [
        math.dist(a, b) / max(math.hypot(*a), math.hypot(*b))
        for left, right in pairs
        for a, b in zip(left.tolist(), right.tolist(), strict=True)
    ]
    return float(np.median(shares))


@pytest.mark.parametrize(
    ("off", "verdict", "headline"),
    [
        (1e-6, "holds", "Yes: the two sides of Theorem 4.1 and Theorem 4.2 differ by no more than"),
        (1e-2, "fails", "No: the two sides of Theorem 4.1 and Theorem 4.2 differ by 0.01"),
    ],
)
def test_the_two_sides_must_agree(
    study: Synthetic, off: float, verdict: str, headline: str
) -> None:
    first, second, curvature = table(0), table(1), table(2)
    noise = 1 + off * table(3)
    rho = table(4) / 20
    study.run(
        "vgg",
        "batch",
        0.1,
        *sides("theorem_4_1", first, first * noise),
        *sides("theorem_4_1", second, second, "norm2"),
        *sides("theorem_4_2", curvature, curvature * (1 - off)),
        *removed(rho),
    )
    answer = theorems(study.read())
    assert answer.verdict == verdict
    assert answer.headline.startswith(headline)
    EXACT64.check(
        of(answer, "Theorem 4.1, relative gap")[RUN],
        expected_gap((first, first * noise), (second, second)),
    )
    EXACT64.check(
        of(answer, "Theorem 4.2, relative gap")[RUN],
        expected_gap((curvature, curvature * (1 - off))),
    )
    EXACT64.check(of(answer, "rho, median")[RUN], np.median(rho))
    assert f"take away {np.median(rho):.2%} of" in answer.sentences[0]


def test_a_lemma_that_is_broken_fails(study: Synthetic) -> None:
    equal = sides("theorem_4_1", table(0), table(0))
    study.run("dln", "batch", 1e-6, *equal, *lemma("first", 1.2, 1.0, 0.5))
    answer = theorems(study.read())
    assert answer.verdict == "fails"
    assert answer.headline == "No: in Lemma 4.5 the left side is 1.2 times the right."


def test_the_lemma_is_silent_without_a_positive_inner_product(study: Synthetic) -> None:
    equal = sides("theorem_4_1", table(0), table(0))
    study.run(
        "dln",
        "batch",
        1e-6,
        *equal,
        *lemma("first", 0.5, 1.0, 0.5),
        *lemma("second", 2.0, 1.0, -0.5),
        *lemma("third", math.nan, 1.0, 0.5),
    )
    answer = theorems(study.read())
    assert answer.verdict == "holds"
    assert "speaks of 1 of the deep linear network's layers" in " ".join(answer.sentences)
    assert "at most 0.500000 times its right" in " ".join(answer.sentences)
    assert "nearer still: at 40% to 40% of the squared distance" in " ".join(answer.sentences)


def test_a_lemma_between_zeros_is_silent(study: Synthetic) -> None:
    equal = sides("theorem_4_1", table(0), table(0))
    study.run("dln", "batch", 1e-6, *equal, *lemma("first", 0.0, 0.0, 0.5))
    answer = theorems(study.read())
    assert answer.verdict == "holds"
    assert "Lemma 4.5 speaks" not in " ".join(answer.sentences)


def test_a_theorem_that_was_measured_at_no_unit_is_left_out(study: Synthetic) -> None:
    none = np.empty((len(MEASUREMENTS), 0))
    study.run(
        "vgg",
        "batch",
        0.1,
        *sides("theorem_4_1", table(0), table(0)),
        *sides("theorem_4_2", none, none),
    )
    answer = theorems(study.read())
    assert answer.verdict == "holds"
    assert answer.headline.startswith("Yes: the two sides of Theorem 4.1 differ by no more")
    assert of(answer, "Theorem 4.2, relative gap") == {}
    assert of(answer, "rho, median") == {}


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_looks_that_are_not_finite_have_no_vote(study: Synthetic, broken: float) -> None:
    left = table(0)
    left[1, 2] = broken
    right = 1.01 * table(0)
    study.run("vgg", "batch", 0.1, *sides("theorem_4_1", left, right))
    answer = theorems(study.read())
    gap = expected_gap((left[:1], right[:1]))
    EXACT64.check(of(answer, "Theorem 4.1, relative gap")[RUN], gap)


def test_sides_that_are_both_zero_have_no_vote(study: Synthetic) -> None:
    dead = np.zeros((len(MEASUREMENTS), UNITS))
    study.run("vgg", "batch", 0.1, *sides("theorem_4_1", dead, dead))
    answer = theorems(study.read())
    assert answer.verdict == "undecided"


def test_theorems_that_were_never_finite_decide_nothing(study: Synthetic) -> None:
    never = np.full((len(MEASUREMENTS), UNITS), math.nan)
    study.run(
        "vgg", "batch", 0.1, *sides("theorem_4_1", never, never), *removed(never), diverged=30
    )
    answer = theorems(study.read())
    assert answer.verdict == "undecided"
    assert answer.headline == "There is no answer: no side of the theorems was ever finite."
    assert answer.numbers == ()
    assert "nan" not in " ".join(answer.sentences)


def test_lists_that_could_not_be_measured_have_no_vote(study: Synthetic) -> None:
    lists = [
        Reading(step, "theory", f"theorem_4_1_{side}", math.nan, layer="norm1")
        for side in ("left", "right")
        for step in MEASUREMENTS
    ]
    study.run("vgg", "batch", 0.1, *lists)
    assert theorems(study.read()).verdict == "undecided"


def test_it_is_not_run_without_a_batch_norm_that_was_measured_to_the_end(
    study: Synthetic,
) -> None:
    equal = sides("theorem_4_1", table(0), table(0))
    study.run("vgg", "none", 0.1)
    study.run("vgg", "batch", 0.1, *equal, unfinished=True)
    answer = theorems(study.read())
    assert answer.verdict == "not run"
    assert answer.sentences[1] == "`landscope reproduce --figure 4` measures that."
