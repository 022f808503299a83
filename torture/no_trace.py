"""The whole grid of trainings with and without probes, compared byte by byte.

The grid is that of the tests, of which `make test` takes a part; here all of it is run and counted:
{SGD with momentum, AdamW} x {batch, layer, group, none} x {dropout, none} x {fp32, bf16} x
{accumulation 1, 4} x {eager, compiled}, each probe alone and all together, and the paper's loop.
"""

import re
import subprocess
import sys

from benchmarks.provenance import ROOT
from torture.bars import Least, Most
from torture.row import Form, Found

_FILES = {
    "any training, under a scope": "tests/scope/test_no_trace.py",
    "the paper's training": "tests/probes/test_no_trace.py",
    "each measurement, called by hand": "tests/measures/test_no_trace.py",
}
_LEAST = 100
_SHORT = "sgd-batch-eager-1 or nothing"


def run(form: Form) -> Found:
    """Run the grid's tests and count them."""
    rows: list[dict[str, str | int | float]] = []
    failures: list[dict[str, object]] = []
    for what, file in _FILES.items():
        chosen = ["-k", _SHORT] if form.short else []
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file, *chosen],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        told = done.stdout.strip().splitlines()[-1:]
        counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", " ".join(told))}
        failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
        rows.append({"what": what, "comparisons": counts.get("passed", 0), "that differ": failed})
        if failed or done.returncode not in (0, 5):  # 5: the short form has none of these
            failures.append({"what": what, "said": done.stdout[-500:]})
    total = sum(int(row["comparisons"]) for row in rows)
    different = sum(int(row["that differ"]) for row in rows) or len(failures)
    return Found(
        rows,
        [
            Most("comparisons with a byte that differs", different, 0),
            Least("comparisons", total, 1 if form.short else _LEAST),
        ],
        failures,
    )
