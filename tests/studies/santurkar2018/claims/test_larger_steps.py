"""Claim: with batch norm larger learning rates are safe."""

import pytest
from tests.tolerances import EXACT64

from landscope.studies.santurkar2018.claims.speed import larger_steps

from .synthetic import STEPS, Synthetic, accuracy, around, of

LATE = "training accuracy, last tenth"
PLAIN, BATCH = "vgg-none-lr0.5-seed0", "vgg-batch-lr0.5-seed0"


@pytest.mark.parametrize(
    ("plain", "batch", "verdict", "opening"),
    [
        (0.1, 0.8, "holds", "Yes: at"),
        (0.8, 0.1, "fails", "No: at"),
        (0.1, 0.1, "fails", "No: at"),
        (0.8, 0.8, "undecided", "Yes, but not only with it: at"),
    ],
)
def test_it_must_learn_with_batch_norm_and_not_without(
    study: Synthetic, plain: float, batch: float, verdict: str, opening: str
) -> None:
    curves = {PLAIN: around(plain, STEPS, 0), BATCH: around(batch, STEPS, 1)}
    study.run("vgg", "none", 0.5, *accuracy(curves[PLAIN]))
    study.run("vgg", "batch", 0.5, *accuracy(curves[BATCH]))
    answer = larger_steps(study.read())
    assert answer.verdict == verdict
    late = {run: values[-4:].mean() for run, values in curves.items()}
    for run, value in late.items():
        EXACT64.check(of(answer, LATE)[run], value)
    assert answer.headline == (
        f"{opening} a learning rate of 0.5, 5 times the usual one, the training accuracy ends at "
        f"{late[BATCH]:.0%} with batch norm and at {late[PLAIN]:.0%} without."
    )


def test_a_diverged_network_has_not_learnt(study: Synthetic) -> None:
    study.run("vgg", "none", 0.5, *accuracy(around(0.9, STEPS, 0)), diverged=30)
    study.run("vgg", "batch", 0.5, *accuracy(around(0.9, STEPS, 1)))
    answer = larger_steps(study.read())
    assert answer.verdict == "holds"
    assert of(answer, LATE)[PLAIN] == 0.1
    assert f"{PLAIN} diverged at step 30: it counts as a guess" in answer.sentences[0]


def test_batch_norm_that_diverges_fails_and_says_so(study: Synthetic) -> None:
    study.run("vgg", "none", 0.5, *accuracy(around(0.9, STEPS, 0)))
    study.run("vgg", "batch", 0.5, *accuracy(around(0.9, STEPS, 1)), diverged=3)
    answer = larger_steps(study.read())
    assert answer.verdict == "fails"
    assert f"{BATCH} diverged at step 3" in answer.sentences[0]


def test_it_is_not_run_without_the_runs(study: Synthetic) -> None:
    study.run("vgg", "batch", 0.1, *accuracy([0.5]))
    answer = larger_steps(study.read())
    assert answer.verdict == "not run"
    assert "at learning rate 0.5" in answer.sentences[0]
