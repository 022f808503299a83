"""``python -m torture.hostile.server PLACE [short]``: does every trial, a JSON line for each.

A process of its own, which has imported everything and read nothing; each trial is a fork of it.
"""

import ctypes
import gc
import json
import os
import shutil
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 (before the forks)
import torch

from torture.hostile.case import Base, Case
from torture.hostile.doors import DOORS
from torture.hostile.honest import listing, write_honest, write_outside
from torture.hostile.judged import judge
from torture.hostile.table import chosen
from torture.hostile.trial import Outcome, attempt

HONEST: tuple[tuple[Base, tuple[str, ...]], ...] = (
    ("paper", tuple(door for door in DOORS if door not in ("--data-dir", "idx"))),
    ("comparison", ("show", "status", "report", "export csv", "export parquet", "read_study")),
    ("data", ("idx", "--data-dir")),
)


def main() -> None:
    """Prints a line a trial."""
    place, short = Path(sys.argv[1]), "short" in sys.argv[2:]
    torch.set_num_threads(1)
    os.environ["MPLCONFIGDIR"] = str(place / "matplotlib")
    bases = place / "bases"
    bases.mkdir()
    honest = write_honest(bases)
    _import_everything(place, honest)
    expected: dict[tuple[str, str], int] = {}
    for base, doors in HONEST:
        case = Case("honest", base, lambda *_: None, doors)
        for row in try_case(case, honest[base], place):
            expected[base, row["door"]] = row["peak"]
            _say({**row, "above": 0})
    # What a fork inherits is not looked through by its collector.
    gc.freeze()
    for case in chosen(short=short):
        for row in try_case(case, honest[case.base], place):
            above = max(0, row["peak"] - expected.get((case.base, row["door"]), 0))
            _say({**row, "above": above})


def try_case(case: Case, base: Path, place: Path) -> Iterable[dict[str, Any]]:
    """A case through each of its doors, in a fresh copy with fresh surroundings."""
    for name in case.doors:
        root, scratch = place / "root", place / "scratch"
        for folder in (root, scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        folder, outside, out = root / case.folder, root / "outside", root / "out"
        shutil.copytree(base, folder)
        out.mkdir()
        write_outside(outside)
        case.plant(folder, outside)
        before = listing(root, without=folder)
        door = DOORS[name]
        output = scratch / "printed"
        outcome = attempt(lambda: door(folder, out), [folder, out], output)  # noqa: B023
        after = listing(root, without=folder)
        yield judge(case, name, outcome, _changed(before, after, out), output, [folder, out])


def _say(row: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(row)}\n")
    sys.stdout.flush()


def _changed(before: dict[str, str], after: dict[str, str], out: Path) -> list[str]:
    return [
        path
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path) and not path.startswith(str(out))
    ]


def _import_everything(place: Path, honest: dict[Base, Path]) -> None:
    """What the doors import when they are opened is imported here, before any fork."""
    told = place / "modules"

    def tell() -> None:
        for base, doors in HONEST:
            for name in doors:
                try:
                    DOORS[name](honest[base], place)
                except (Exception, SystemExit):
                    continue
        told.write_text("\n".join(sys.modules), "utf-8")

    outcome: Outcome = attempt(tell, [place], place / "first", patience=300)
    if outcome.ended != "shown":
        raise SystemExit(f"the honest folders cannot be read: {outcome.said}")
    for name in told.read_text("utf-8").splitlines():
        try:
            import_module(name)
        except ImportError:
            continue
    # The first drawing takes seconds for its fonts; what it frees must not hide what a trial takes.
    DOORS["report"](honest["paper"], place)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main()
