"""The examples of other people's tools run to their end, and print what was measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("example", "steps"),
    [("accelerate_loop.py", 12), ("lightning_callback.py", 6), ("huggingface_trainer.py", 6)],
)
def test_an_example_runs_and_prints_its_last_readings(example, steps, tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, str(steps)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "the training goes on" not in done.stderr  # as a scope says when something fails
    lines = [line.split() for line in done.stdout.splitlines()]
    printed = {words[0]: float(words[1]) for words in lines if words and "/" in words[0]}
    assert {"gradient/loss", "update/step_ratio"} <= set(printed)
    assert 0 < printed["gradient/loss"] < 4
