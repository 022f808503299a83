"""The examples of other people's tools run to their end, and print what was measured."""

import math

import pytest
from tests.examples.running import printed_by

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("example", "steps"),
    [("accelerate_loop.py", 12), ("lightning_callback.py", 6), ("huggingface_trainer.py", 6)],
)
def test_an_example_runs_and_prints_its_last_readings(example, steps, tmp_path):
    rows = [line.split() for line in printed_by(example, str(steps), folder=tmp_path)]

    printed = {row[0]: float(row[1]) for row in rows if row and "/" in row[0]}
    assert {"gradient/loss", "update/step_ratio", "step_size/sharpness_lr"} <= set(printed)
    assert 0 < printed["gradient/loss"] < 4
    assert all(map(math.isfinite, printed.values()))
