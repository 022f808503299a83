"""Runs an example as a person would: by a Python of its own, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def printed_by(example: str, *arguments: str, folder: Path, text: str | None = None) -> list[str]:
    """The lines that it prints; it must end well, and complain of nothing in its measuring."""
    around = {key: value for key, value in os.environ.items() if key != "TEXT"}
    own = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, EXAMPLES / example, *arguments],
        cwd=folder,
        env={**around, **own} if text is None else {**around, **own, "TEXT": text},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the training goes on" not in done.stderr  # as a scope says when something fails
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()


def values_by_step(lines: list[str]) -> dict[tuple[int, str], float]:
    """Lines such as ``step 25 gradient/loss 0.5 loss``: the value by step and key."""
    rows = [line.split() for line in lines if line.startswith("step ")]
    return {(int(row[1]), row[2]): float(row[3]) for row in rows}
