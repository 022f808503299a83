"""Question 2: does batch norm reduce internal covariate shift?"""

import math

import numpy as np
import pytest
from tests.tolerances import EXACT64

from landscope.reading import Reading
from landscope.studies.santurkar2018.claims.question_2 import question_2

from .synthetic import LAYERS, MEASUREMENTS, Synthetic, around, of, per_layer

SHIFT = "||G - G'||, median"
COSINE = "cosine of G and G', median"
PAIRS = (("vgg", 0.1), ("vgg", 0.01), ("dln", 1e-6), ("dln", 1e-7))


def table(level: float, seed: int) -> np.ndarray:
    return around(level, len(MEASUREMENTS) * len(LAYERS), seed).reshape(
        len(MEASUREMENTS), len(LAYERS)
    )


def shift(l2: np.ndarray) -> list[Reading]:
    return per_layer("covariate_shift", "shift_l2", l2)


def write(study: Synthetic, levels: dict[tuple[str, float], tuple[float, float]]) -> dict:
    """A pair of runs for each setting; gives the distances that were drawn, by run."""
    drawn = {}
    for number, ((family, lr), pair) in enumerate(levels.items()):
        for norm, level in zip(("none", "batch"), pair, strict=True):
            l2 = table(level, 2 * number + (norm == "batch"))
            cosine = np.cos(l2)
            readings = per_layer("covariate_shift", "shift_cosine", cosine)
            drawn[study.run(family, norm, lr, *shift(l2), *readings)] = l2
    return drawn


@pytest.mark.parametrize(
    ("batch", "verdict", "headline"),
    [
        ((2.0, 2.0, 2.0, 2.0), "holds", "No: it is smaller in none of 4 pairs of runs; in the VGG"),
        ((0.5, 0.5, 0.5, 0.5), "fails", "Yes: it is smaller in each of 4 pairs of runs; in the V"),
        ((2.0, 0.5, 2.0, 2.0), "undecided", "Mostly not: the shift is smaller with batch norm"),
    ],
)
def test_the_pairs_of_runs_decide(
    study: Synthetic, batch: tuple[float, ...], verdict: str, headline: str
) -> None:
    levels = {where: (1.0, level) for where, level in zip(PAIRS, batch, strict=True)}
    drawn = write(study, levels)
    answer = question_2(study.read())
    assert answer.verdict == verdict
    assert answer.headline.startswith(headline)
    assert set(of(answer, SHIFT)) == set(drawn)
    for run, l2 in drawn.items():
        EXACT64.check(of(answer, SHIFT)[run], np.median(l2[:, 1:]))
        EXACT64.check(of(answer, COSINE)[run], np.median(np.cos(l2[:, 1:])))
    plain, with_batch = (np.median(drawn[f"vgg-{n}-lr0.1-seed0"][:, 1:]) for n in ("none", "batch"))
    expected = f"VGG at lr 0.1: ||G - G'|| is {plain:.3g} without and {with_batch:.3g} with batch"
    assert answer.sentences[1].startswith(expected)


def test_equal_shifts_are_not_reduced(study: Synthetic) -> None:
    for norm in ("none", "batch"):
        study.run("vgg", norm, 0.1, *shift(table(1.0, 0)))
    answer = question_2(study.read())
    assert answer.verdict == "holds"
    assert answer.headline == (
        "No: it is smaller in none of 1 pair of runs; in the VGG at lr 0.1 it is the same with "
        "batch norm."
    )


def test_a_quantity_that_is_not_there_is_left_out(study: Synthetic) -> None:
    for norm in ("none", "batch"):
        study.run("vgg", norm, 0.1, *shift(table(1.0, 0)))
    answer = question_2(study.read())
    assert of(answer, COSINE) == {}
    assert "cosine" not in answer.sentences[1]


def test_a_pair_is_compared_before_either_diverged(study: Synthetic) -> None:
    # The landscape of both grows; the one that diverged has no late looks to set against.
    growing = table(1.0, 0) * np.array([[1.0], [2.0], [40.0], [80.0]])
    plain = study.run("vgg", "none", 0.1, *shift(growing), diverged=12)
    batch = study.run("vgg", "batch", 0.1, *shift(0.5 * growing))
    answer = question_2(study.read())
    EXACT64.check(of(answer, SHIFT)[plain], np.median(growing[:2, 1:]))
    EXACT64.check(of(answer, SHIFT)[batch], np.median(0.5 * growing[:2, 1:]))
    assert answer.verdict == "fails"
    assert f"{plain} diverged at step 12: its pair is compared over the steps before that." in (
        answer.sentences
    )


@pytest.mark.parametrize("other", [False, True])
def test_a_pair_without_a_finite_look_has_no_vote(study: Synthetic, other: bool) -> None:
    study.run("vgg", "none", 0.1, *shift(np.full((4, 3), math.nan)))
    study.run("vgg", "batch", 0.1, *shift(table(1.0, 0)))
    if other:
        write(study, {("dln", 1e-6): (2.0, 1.0)})
    answer = question_2(study.read())
    assert answer.verdict == ("fails" if other else "undecided")
    assert answer.sentences[1] == (
        "VGG at lr 0.1: nothing to compare, a run has no finite measurement of it."
    )
    if other:
        assert "in each of 1 pair of runs; in the deep linear network at lr 1e-06" in (
            answer.headline
        )
    else:
        assert answer.headline.startswith("There is no answer")
    assert not any(math.isnan(number.value) for number in answer.numbers)


def test_it_is_not_run_without_a_pair(study: Synthetic) -> None:
    study.run("vgg", "none", 0.1, *shift(table(1.0, 0)))
    study.run("vgg", "batch", 0.1, *shift(table(1.0, 0)), unfinished=True)
    study.run("dln", "none", 1e-6)
    study.run("dln", "batch", 1e-6)
    answer = question_2(study.read())
    assert answer.verdict == "not run"
    assert answer.sentences[1] == "`landscope reproduce --figure 3` measures that."
