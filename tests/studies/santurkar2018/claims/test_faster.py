"""Claim: batch norm speeds up training."""

import numpy as np
import pytest
from tests.tolerances import EXACT64

from landscope.studies.santurkar2018.claims.speed import faster

from .synthetic import STEPS, Synthetic, accuracy, around, of

MEAN = "training accuracy, mean over the run"
LATE = "training accuracy, last tenth"
PLAIN, BATCH = "vgg-none-lr0.1-seed0", "vgg-batch-lr0.1-seed0"


def curve(level: float, seed: int) -> np.ndarray:
    return np.linspace(0.1, 1.0, STEPS) * around(level, STEPS, seed)


@pytest.mark.parametrize(
    ("plain", "batch", "verdict", "opening"),
    [(0.4, 0.8, "holds", "Yes"), (0.8, 0.4, "fails", "No"), (0.4, 0.4, "fails", "No")],
)
def test_the_higher_mean_accuracy_decides(
    study: Synthetic, plain: float, batch: float, verdict: str, opening: str
) -> None:
    curves = {PLAIN: curve(plain, 0), BATCH: curve(batch, 0)}
    study.run("vgg", "none", 0.1, *accuracy(curves[PLAIN]))
    study.run("vgg", "batch", 0.1, *accuracy(curves[BATCH]))
    answer = faster(study.read())
    assert answer.verdict == verdict
    for run, values in curves.items():
        EXACT64.check(of(answer, MEAN)[run], values.mean())
        EXACT64.check(of(answer, LATE)[run], values[-4:].mean())
    means = [f"{curves[run].mean():.0%}" for run in (BATCH, PLAIN)]
    assert answer.headline == (
        f"{opening}: averaged over all steps, the training accuracy is {means[0]} with batch norm "
        f"and {means[1]} without."
    )
    tenth = f"{curves[BATCH][:10].mean():.0%} and {curves[PLAIN][:10].mean():.0%} up to step 10;"
    assert tenth in answer.sentences[0]


def test_the_steps_that_a_diverged_run_did_not_take_count_as_a_guess(study: Synthetic) -> None:
    plain, batch = curve(0.9, 1), curve(0.6, 2)
    study.run("vgg", "none", 0.1, *accuracy(plain), diverged=14)
    study.run("vgg", "batch", 0.1, *accuracy(batch))
    answer = faster(study.read())
    EXACT64.check(of(answer, MEAN)[PLAIN], (plain[:15].sum() + 0.1 * 25) / 40)
    assert of(answer, LATE)[PLAIN] == 0.1
    by_step, told, _ = answer.sentences
    # The parts are those of the planned steps, in both runs.
    expected = f"{batch[10:20].mean():.0%} and {plain[10:15].mean():.0%} up to step 20"
    assert expected in by_step
    assert f"{batch[30:].mean():.0%} and diverged up to step 40" in by_step
    assert told == (
        f"{PLAIN} diverged at step 14: the steps that it did not take count as a guess, which is "
        "right in 10%."
    )


def test_a_diverged_run_is_weighed_by_steps_and_not_by_points(study: Synthetic) -> None:
    plain = around(0.5, 8, 3)  # a point every 5 of 40 steps
    study.run("vgg", "none", 0.1, *accuracy(plain, every=5), diverged=20)
    study.run("vgg", "batch", 0.1, *accuracy(plain, every=5))
    means = of(faster(study.read()), MEAN)
    EXACT64.check(means[BATCH], plain.mean())
    # Points at 0, 5, 10, 15 stand for five steps each, that at 20 for one; 19 steps are missing.
    EXACT64.check(means[PLAIN], (5 * plain[:4].sum() + plain[4] + 0.1 * 19) / 40)


def test_a_run_of_fewer_steps_than_parts_is_told_by_its_steps(study: Synthetic) -> None:
    for norm in ("none", "batch"):
        study.run("vgg", norm, 0.1, *accuracy([0.2, 0.4]), steps=2)
    by_step = faster(study.read()).sentences[0]
    assert by_step.endswith("20% and 20% up to step 1; 40% and 40% up to step 2.")


@pytest.mark.parametrize("unfinished", [True, False])
def test_it_is_not_run_until_both_runs_have_ended(study: Synthetic, unfinished: bool) -> None:
    study.run("vgg", "batch", 0.1, *accuracy(curve(0.8, 0)))
    if unfinished:
        study.run("vgg", "none", 0.1, *accuracy(curve(0.1, 0)[:7]), unfinished=True)
    answer = faster(study.read())
    assert answer.verdict == "not run"
    assert answer.headline == "This study has not measured it."
    assert answer.sentences == (
        "It takes the VGG with and without batch norm at learning rate 0.1, run to the end.",
        "`landscope reproduce --figure 1` measures that.",
    )
    assert answer.numbers == ()
