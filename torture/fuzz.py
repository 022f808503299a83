"""Row: coverage-guided fuzzing of the readers of journals and manifests.

Atheris changes inputs as it sees which lines of the readers they reach. Each reader has a process
of its own, which begins with real files; a finding ends it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks.provenance import ROOT
from torture import readers, record_samples
from torture.bars import Least, Most
from torture.row import Form, Found, NotRunError

SHORT_SECONDS = 6.0
READERS: Mapping[str, str] = {name: f"torture.readers:{name}" for name in readers.READERS}
_SAMPLES = {"journal": record_samples.SAMPLES["journal"]}
_SAMPLES |= {"manifest": record_samples.SAMPLES["run manifest"]}
_WORDS = (
    *('"format":1', '"format":2', '"line":1', '"after":"00000000"', '"reading":', '"finish":'),
    *('"value":', '"axis":', '"status":"ok"', '"status":"finished"', '"seconds":', '"step":'),
    *('"NaN"', '"Infinity"', "null", "1e999", "-0.0", "[[[[", "}}}}", '"id":', '"config":'),
    *('"layers":[', '"crc32":', "\\ud800", "NaN"),
)
_KEPT = 4000  # letters of a process's last words


def run(form: Form, targets: Mapping[str, str] = READERS) -> Found:
    """Fuzz each reader for its part of the time.

    Args:
        form: How long in all.
        targets: What to fuzz, each as ``module:function``, by the name of the kind of file.

    Raises:
        NotRunError: There is no atheris here.
    """
    if find_spec("atheris") is None:
        raise NotRunError("atheris is not there; on Linux, pip install 'landscope[fuzz]'")
    seconds = (SHORT_SECONDS if form.short else form.seconds) / len(targets)
    rows: list[dict[str, str | int | float]] = []
    failures: list[dict[str, object]] = []
    for name, target in targets.items():
        row, failed = _fuzz(name, target, form.scratch / name, max(1, round(seconds)))
        rows.append(row)
        failures += failed
    bars = [
        Most("findings", sum(int(row["findings"]) for row in rows), 0),
        Most("processes that ended before their time", sum(map(_ended_early, rows)), 0),
        Least("inputs of each reader", min(int(row["inputs"]) for row in rows), 1),
    ]
    return Found(rows, bars, failures)


def _ended_early(row: Mapping[str, str | int | float]) -> bool:
    return float(row["seconds"]) < float(row["asked"])


def _fuzz(
    name: str, target: str, folder: Path, seconds: int
) -> tuple[dict[str, str | int | float], list[dict[str, object]]]:
    """One reader's line of the table, and its findings."""
    _prepare(name, folder)
    done = subprocess.run(
        [sys.executable, "-m", "torture.harness", target, str(folder), str(seconds)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = done.stderr + done.stdout
    found = sorted((folder / "findings").iterdir())
    failures: list[dict[str, object]] = [
        {"reader": name, "kind": file.name.partition("-")[0], "input": file.read_bytes().hex()}
        for file in found
    ]
    if found or done.returncode:
        failures.append({"reader": name, "exit": done.returncode, "said": said[-_KEPT:]})
    row: dict[str, str | int | float] = {
        "reader": name,
        "asked": seconds,
        "seconds": _number(r"in (\d+) second", said),
        "inputs": _number(r"stat::number_of_executed_units:\s*(\d+)", said),
        "coverage": _number(r"cov: (\d+)", said),
        "corpus": len(list((folder / "corpus").iterdir())),
        "MB at most": _number(r"stat::peak_rss_mb:\s*(\d+)", said),
        "findings": max(len(found), int(done.returncode != 0)),
    }
    return row, failures


def _prepare(name: str, folder: Path) -> None:
    """The files of a reader's folder: seeds from a real record, and words to put in."""
    for part in ("corpus", "findings", "sample"):
        (folder / part).mkdir(parents=True)
    whole = _SAMPLES[name](folder / "sample").path.read_bytes()
    for number, seed in enumerate(readers.seeds(name, whole)):
        (folder / "corpus" / str(number)).write_bytes(seed)
    quoted = (word.replace("\\", "\\\\").replace('"', '\\"') for word in _WORDS)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in quoted), "ascii")


def _number(pattern: str, said: str) -> int:
    """The last number that a process said in these words; 0 where it said none."""
    return int((re.findall(pattern, said) or ["0"])[-1])
