"""All answers together: any study gives all of them, and none of them crashes."""

import math
from itertools import product

import numpy as np
import pytest

from landscope.studies.publish import answers
from landscope.studies.santurkar2018.claims import CLAIMS

from .synthetic import ETAS, LAYERS, MEASUREMENTS, STEPS, Synthetic, accuracy, line, per_layer

EVERY_RUN = (
    *(("vgg", norm, lr) for lr in (0.1, 0.5, 0.01) for norm in ("none", "batch")),
    *(("vgg", norm, 0.1) for norm in ("noisy-batch", "noise")),
    *(("dln", norm, lr) for lr in (1e-6, 1e-7) for norm in ("none", "batch")),
)


def test_an_empty_study_answers_that_nothing_was_run(study: Synthetic) -> None:
    found = answers(study.read())
    assert [answer.verdict for answer in found] == ["not run"] * len(CLAIMS)
    assert len({answer.id for answer in found}) == len(CLAIMS)
    for answer in found:
        assert answer.question.endswith("?")
        assert answer.source.startswith("Santurkar et al. 2018")


@pytest.mark.parametrize(
    ("value", "diverged"),
    list(product([0.0, 1.0, math.nan, math.inf], [None, 25])),
)
def test_no_values_crash_an_answer_or_leave_a_nan_in_it(
    study: Synthetic, value: float, diverged: int | None
) -> None:
    tables = np.full((len(MEASUREMENTS), len(LAYERS)), value)
    grid = np.full((len(MEASUREMENTS), len(ETAS)), value)
    for family, norm, lr in EVERY_RUN:
        curve = accuracy(np.full(STEPS, 0.1)) if family == "vgg" else []
        study.run(
            family,
            norm,
            lr,
            *curve,
            *per_layer("distribution", "input_wasserstein_relative", tables),
            *per_layer("covariate_shift", "shift_l2", tables),
            *line(grid, grid, grid[:, 0]),
            diverged=diverged if norm == "none" else None,
        )
    for answer in answers(study.read()):
        text = " ".join((answer.headline, *answer.sentences))
        assert "nan" not in text
        assert " inf" not in text
        assert not any(math.isnan(number.value) for number in answer.numbers)
