"""The paper's own answer: is the landscape smoother with batch norm?"""

import math

import numpy as np
import pytest
from tests.tolerances import EXACT64

from landscope.studies.santurkar2018.claims.smoothness import smoothness

from .synthetic import ETAS, MEASUREMENTS, Synthetic, around, line, of

QUANTITIES = ("variation of the loss", "change of the gradient", "effective beta")
PLAIN, BATCH = "vgg-none-lr0.1-seed0", "vgg-batch-lr0.1-seed0"


def landscape(level: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses and gradient changes by look and step size, and beta by look."""
    shape = (len(MEASUREMENTS), len(ETAS))
    count = len(MEASUREMENTS) * len(ETAS)
    loss = 2.0 + level * np.array(ETAS) * around(1.0, count, seed).reshape(shape)
    change = around(level, count, seed + 1).reshape(shape) * np.array(ETAS)
    return loss, change, around(level, len(MEASUREMENTS), seed + 2)


def measures(drawn: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[np.ndarray]:
    loss, change, beta = drawn
    return [loss.max(axis=1) - loss.min(axis=1), change.max(axis=1), beta]


def write(study: Synthetic, family: str, lr: float, plain: float, batch: float) -> dict[str, list]:
    found = {}
    for seed, (norm, level) in enumerate((("none", plain), ("batch", batch))):
        drawn = landscape(level, seed)
        found[study.run(family, norm, lr, *line(*drawn))] = measures(drawn)
    return found


@pytest.mark.parametrize(
    ("plain", "batch", "verdict", "headline"),
    [
        (9.0, 1.0, "holds", "Yes, by all 12 comparisons. {} smaller at the worst step measured."),
        (1.0, 9.0, "fails", "No, by none of 12 comparisons. {} larger at the worst step measured."),
    ],
)
def test_all_comparisons_must_agree(
    study: Synthetic, plain: float, batch: float, verdict: str, headline: str
) -> None:
    drawn = write(study, "vgg", 0.1, plain, batch) | write(study, "dln", 1e-6, plain, batch)
    answer = smoothness(study.read())
    assert answer.verdict == verdict
    for run, looks in drawn.items():
        for name, values in zip(QUANTITIES, looks, strict=True):
            EXACT64.check(of(answer, f"{name}, median")[run], np.median(values))
            EXACT64.check(of(answer, f"{name}, worst look")[run], values.max())
    worst = sorted(drawn[run][0].max() for run in (PLAIN, BATCH))
    assert answer.headline == headline.format(
        "In the VGG at lr 0.1, with batch norm the variation of the loss along the gradient is "
        f"{worst[1] / worst[0]:.2g} times"
    )
    edges = {run: np.median(drawn[run][2]) * 0.1 for run in (PLAIN, BATCH)}
    assert any(
        f"median {edges[PLAIN]:.3g} without and {edges[BATCH]:.3g} with batch norm. At 2" in text
        for text in answer.sentences
    )


def test_random_directions_are_told_where_they_were_measured(study: Synthetic) -> None:
    write(study, "dln", 1e-6, 9.0, 1.0)
    plain, batch = landscape(3.0, 0), landscape(1.0, 1)
    for norm, drawn in (("none", plain), ("batch", batch)):
        study.run("vgg", norm, 0.1, *line(*drawn), *line(*drawn, probe="line[random]"))
    told = [text for text in smoothness(study.read()).sentences if "random directions" in text]
    assert len(told) == 1
    medians = [np.median(measures(drawn)[2]) for drawn in (plain, batch)]
    assert f"median {medians[0]:.3g} without and {medians[1]:.3g} with batch norm" in told[0]


def test_a_stuck_network_is_flat_at_the_median_and_decides_nothing(study: Synthetic) -> None:
    loss, change, beta = landscape(1.0, 0)
    steep = np.array([[50.0], [1.0], [1.0], [1.0]])
    study.run("vgg", "none", 0.1, *line(0.1 * loss * steep, 0.1 * change * steep, beta))
    study.run("vgg", "batch", 0.1, *line(loss, change, beta))
    answer = smoothness(study.read())
    assert answer.verdict == "undecided"
    plain, batch = (measures((loss * f, change, beta))[0] for f in (0.1 * steep, 1.0))
    # The two tie on beta, at the median and at worst, which is for neither.
    assert answer.headline == (
        "It depends on the measure: by 2 of 6 comparisons the landscape is smoother with batch "
        "norm. In the VGG at lr 0.1, with batch norm the variation of the loss along the gradient "
        f"is {plain.max() / batch.max():.2g} times smaller at the worst step measured, and at the "
        f"median step {np.median(batch) / np.median(plain):.2g} times larger."
    )
    assert "(the same)" in answer.sentences[2]


@pytest.mark.parametrize("overflow", [math.inf, math.nan])
def test_a_look_that_overflows_is_the_worst_of_all(study: Synthetic, overflow: float) -> None:
    drawn = landscape(1.0, 0)
    study.run("vgg", "batch", 0.1, *line(*drawn))
    loss, change, beta = (table.copy() for table in drawn)
    loss[1, -1] = change[1, -1] = beta[1] = overflow
    study.run("vgg", "none", 0.1, *line(loss, change, beta))
    answer = smoothness(study.read())
    for name in QUANTITIES:
        assert of(answer, f"{name}, worst look")[PLAIN] == math.inf
    loss[1, 0], loss[1, -1] = 0.0, math.inf
    spread = loss.max(axis=1) - loss.min(axis=1)
    EXACT64.check(of(answer, "variation of the loss, median")[PLAIN], np.median(spread))
    told = " ".join((answer.headline, *answer.sentences))
    assert "at worst an overflow and" in told
    assert "is smaller at the worst step measured" in told
    assert "nan" not in told
    assert " inf" not in told


def test_two_networks_that_overflow_are_even(study: Synthetic) -> None:
    never = np.full((len(MEASUREMENTS), len(ETAS)), math.inf)
    for norm in ("none", "batch"):
        study.run("vgg", norm, 0.1, *line(never, never, np.full(len(MEASUREMENTS), math.inf)))
    answer = smoothness(study.read())
    assert answer.verdict == "undecided"
    assert answer.headline.startswith("It depends on the measure: by 0 of 6 comparisons")
    assert "is the same at the worst step measured" in answer.headline


def test_a_gradient_of_zero_has_no_beta(study: Synthetic) -> None:
    flat = np.ones((len(MEASUREMENTS), len(ETAS)))
    study.run("vgg", "none", 0.1, *line(flat, 0 * flat, np.full(len(MEASUREMENTS), math.nan)))
    study.run("vgg", "batch", 0.1, *line(*landscape(1.0, 0)))
    answer = smoothness(study.read())
    assert answer.verdict == "fails"  # a landscape that is dead flat is as smooth as can be
    assert of(answer, "effective beta, median") == {}
    assert any("effective beta: nothing to compare" in text for text in answer.sentences)
    assert any("learning rate: nothing to compare" in text for text in answer.sentences)
    assert "by none of 4 comparisons" in answer.headline
    assert "is larger at the worst step measured" in answer.headline


def test_a_diverged_run_is_compared_over_the_looks_before(study: Synthetic) -> None:
    loss, change, beta = landscape(1.0, 0)
    rising = np.array([[1.0], [2.0], [30.0], [60.0]])
    readings = line(loss * rising, change * rising, beta * rising.ravel())
    study.run("vgg", "none", 0.1, *line(loss, change, beta), diverged=15)
    study.run("vgg", "batch", 0.1, *readings)
    answer = smoothness(study.read())
    for name, values in zip(
        QUANTITIES, measures((loss * rising, change * rising, beta * rising.ravel())), strict=True
    ):
        EXACT64.check(of(answer, f"{name}, worst look")[BATCH], values[:2].max())
        EXACT64.check(of(answer, f"{name}, median")[BATCH], np.median(values[:2]))
    assert f"{PLAIN} diverged at step 15: the steps before that are compared." in answer.sentences


def test_runs_that_share_no_look_cannot_be_compared(study: Synthetic) -> None:
    drawn = landscape(1.0, 0)
    study.run("vgg", "none", 0.1, *line(*drawn), diverged=15)
    late = [reading for reading in line(*drawn) if reading.step >= 20]
    study.run("vgg", "batch", 0.1, *late)
    answer = smoothness(study.read())
    assert answer.verdict == "undecided"
    assert answer.headline.startswith("There is no answer")
    assert answer.numbers == ()


def test_lists_that_could_not_be_measured_are_overflows(study: Synthetic) -> None:
    """A list that is recorded as one NaN, as where no coordinate could be measured."""
    loss, change, beta = landscape(1.0, 0)
    study.run("vgg", "batch", 0.1, *line(loss, change, beta))
    broken = [
        type(reading)(reading.step, reading.probe, reading.quantity, math.nan)
        for reading in line(loss, change, beta)
    ]
    study.run("vgg", "none", 0.1, *broken)
    answer = smoothness(study.read())
    assert answer.verdict == "holds"
    assert of(answer, "change of the gradient, median")[PLAIN] == math.inf


def test_it_is_not_run_without_the_lines(study: Synthetic) -> None:
    study.run("vgg", "none", 0.1)
    study.run("vgg", "batch", 0.1, *line(*landscape(1.0, 0)))
    answer = smoothness(study.read())
    assert answer.verdict == "not run"
    assert answer.sentences[1] == "`landscope reproduce --figure 4` measures that."
