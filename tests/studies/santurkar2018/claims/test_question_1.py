"""Question 1: is batch norm's effect tied to internal covariate shift?"""

import math

import numpy as np
import pytest
from tests.tolerances import EXACT64

from landscope.reading import Reading
from landscope.studies.santurkar2018.claims.question_1 import question_1

from .synthetic import LAYERS, MEASUREMENTS, STEPS, Synthetic, accuracy, around, of, per_layer

PLAIN, BATCH, NOISY = (f"vgg-{norm}-lr0.1-seed0" for norm in ("none", "batch", "noisy-batch"))
MEAN = "training accuracy, mean over the run"
MOVE = "shift of inputs in a step, median"
KEPT = "share of the advantage kept under noise"


def moves(level: float, seed: int) -> np.ndarray:
    return around(level, len(MEASUREMENTS) * len(LAYERS), seed).reshape(
        len(MEASUREMENTS), len(LAYERS)
    )


def moving(values: np.ndarray) -> list[Reading]:
    return per_layer("distribution", "input_wasserstein_relative", values)


def write(
    study: Synthetic, levels: dict[str, float], shifts: dict[str, float]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Three runs with these accuracies and shifts; gives what was drawn, by run."""
    curves, moved = {}, {}
    for seed, norm in enumerate(("none", "batch", "noisy-batch")):
        run = f"vgg-{norm}-lr0.1-seed0"
        curves[run], moved[run] = around(levels[norm], STEPS, seed), moves(shifts[norm], seed)
        study.run("vgg", norm, 0.1, *accuracy(curves[run]), *moving(moved[run]))
    return curves, moved


SHIFTS = {"none": 0.1, "batch": 0.05, "noisy-batch": 0.5}


@pytest.mark.parametrize(
    ("noisy", "verdict", "headline"),
    [
        (0.7, "holds", "No: {shift}, and still {kept} of batch norm's advantage remains."),
        (0.3, "fails", "It seems so: {shift}, and only {kept} of batch norm's advantage remains."),
        (0.1, "fails", "It seems so: {shift}, and nothing of batch norm's advantage remains."),
    ],
)
def test_the_share_of_the_advantage_that_is_kept_decides(
    study: Synthetic, noisy: float, verdict: str, headline: str
) -> None:
    curves, moved = write(study, {"none": 0.2, "batch": 0.8, "noisy-batch": noisy}, SHIFTS)
    answer = question_1(study.read())
    assert answer.verdict == verdict
    means = {run: values.mean() for run, values in curves.items()}
    # The first layer is left out: nothing trained stands before it.
    medians = {run: np.median(values[:, 1:]) for run, values in moved.items()}
    kept = (means[NOISY] - means[PLAIN]) / (means[BATCH] - means[PLAIN])
    for run in (PLAIN, BATCH, NOISY):
        EXACT64.check(of(answer, MEAN)[run], means[run])
        EXACT64.check(of(answer, MOVE)[run], medians[run])
    EXACT64.check(of(answer, KEPT)[NOISY], kept)
    ratio = medians[NOISY] / medians[PLAIN]
    shift = (
        f"noise makes the layers' inputs shift {ratio:.2g} times as much as those of the standard "
        "network"
    )
    assert answer.headline == headline.format(shift=shift, kept=f"{kept:.0%}")
    first = [f"{values[:10].mean():.0%}" for values in curves.values()]
    assert f"{first[0]}, {first[1]} and {first[2]} up to step 10" in answer.sentences[0]
    assert f"moves by {medians[PLAIN]:.2g} standard deviations" in answer.sentences[1]


def test_without_an_advantage_there_is_nothing_to_lose(study: Synthetic) -> None:
    write(study, {"none": 0.8, "batch": 0.5, "noisy-batch": 0.5}, SHIFTS)
    answer = question_1(study.read())
    assert answer.verdict == "undecided"
    assert "batch norm had no advantage over the standard network" in answer.headline
    assert of(answer, KEPT) == {}


def test_noise_that_does_not_shift_the_inputs_decides_nothing(study: Synthetic) -> None:
    shifts = {"none": 0.5, "batch": 0.5, "noisy-batch": 0.1}
    write(study, {"none": 0.2, "batch": 0.8, "noisy-batch": 0.8}, shifts)
    answer = question_1(study.read())
    assert answer.verdict == "undecided"
    assert answer.headline.startswith("There is no answer: the noise did not make the layers' inp")


def test_a_network_that_stands_still_has_no_ratio(study: Synthetic) -> None:
    shifts = {"none": 0.0, "batch": 0.1, "noisy-batch": 0.1}
    write(study, {"none": 0.2, "batch": 0.8, "noisy-batch": 0.8}, shifts)
    answer = question_1(study.read())
    assert answer.verdict == "holds"
    assert "shift more than those of the standard network" in answer.headline


def test_shifts_that_were_never_finite_decide_nothing(study: Synthetic) -> None:
    shifts = {"none": math.nan, "batch": 0.1, "noisy-batch": 0.1}
    write(study, {"none": 0.2, "batch": 0.8, "noisy-batch": 0.8}, shifts)
    answer = question_1(study.read())
    assert answer.verdict == "undecided"
    assert "was never finite" in answer.headline
    assert PLAIN not in of(answer, MOVE)
    assert "nan" not in " ".join((answer.headline, *answer.sentences))


def test_after_a_divergence_nothing_is_compared(study: Synthetic) -> None:
    drawn = {norm: moves(level, 7) for norm, level in SHIFTS.items()}
    for norm, level in (("none", 0.9), ("batch", 0.6), ("noisy-batch", 0.6)):
        diverged = 15 if norm == "none" else None
        readings = (*accuracy(np.full(STEPS, level)), *moving(drawn[norm]))
        study.run("vgg", norm, 0.1, *readings, diverged=diverged)
    answer = question_1(study.read())
    assert answer.verdict == "holds"
    for norm, values in drawn.items():
        # Looks are at 0, 10, 20, 30: two of them lie before step 15.
        EXACT64.check(of(answer, MOVE)[f"vgg-{norm}-lr0.1-seed0"], np.median(values[:2, 1:]))
    EXACT64.check(of(answer, MEAN)[PLAIN], (0.9 * 16 + 0.1 * 24) / 40)
    assert any(text.startswith(f"{PLAIN} diverged at step 15") for text in answer.sentences)


def test_noise_on_the_standard_network_is_told_beside_it(study: Synthetic) -> None:
    curves, _ = write(study, {"none": 0.4, "batch": 0.8, "noisy-batch": 0.7}, SHIFTS)
    alone = around(0.2, STEPS, 9)
    study.run("vgg", "noise", 0.1, *accuracy(alone))
    told = next(t for t in question_1(study.read()).sentences if t.startswith("The same noise"))
    ends = f"ends at {alone[-4:].mean():.0%}, and at {curves[PLAIN][-4:].mean():.0%} without noise"
    assert ends in told


def test_without_noise_alone_it_is_not_told(study: Synthetic) -> None:
    write(study, {"none": 0.4, "batch": 0.8, "noisy-batch": 0.7}, SHIFTS)
    assert not any(t.startswith("The same noise") for t in question_1(study.read()).sentences)


def test_it_is_not_run_without_the_shifts(study: Synthetic) -> None:
    for norm in ("none", "batch", "noisy-batch"):
        study.run("vgg", norm, 0.1, *accuracy(around(0.5, STEPS, 0)))
    answer = question_1(study.read())
    assert answer.verdict == "not run"
    assert "how the distributions of its layers' inputs move" in answer.sentences[0]
    assert answer.sentences[1] == "`landscope reproduce --figure 2` measures that."
