"""``python -m torture.hostile.planted PLACE``: doors with a fault each, which turn each bar red.

The trials are only worth something if they would notice; a line for each, as the server prints.
"""

import json
import pickle
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from landscope.errors import RecordError
from torture.hostile.case import Case
from torture.hostile.doors import Door
from torture.hostile.honest import listing, write_outside
from torture.hostile.judged import judge
from torture.hostile.names import FOLDER
from torture.hostile.payloads import ANYWHERE
from torture.hostile.trial import attempt

_FILE = "study.json"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _unpickle(folder: Path, _: Path) -> None:
    pickle.loads((folder / _FILE).read_bytes())  # noqa: S301 (the fault)


def _write_through(folder: Path, _: Path) -> None:
    (folder / _FILE / "figure.svg").write_text("x", "utf-8")


def _show_all(folder: Path, _: Path) -> None:
    _say((folder / _FILE).read_text("utf-8"))


def _print_name(folder: Path, _: Path) -> None:
    _say(str(folder))


def _export(_: Path, out: Path) -> None:
    (out / "table.csv").write_text("layer,value\n=1+1,-0.5\n", "utf-8")


def _parse(folder: Path, _: Path) -> None:
    json.loads((folder / _FILE).read_bytes())


def _read(folder: Path, _: Path) -> None:
    (folder / _FILE).read_bytes()


def _refuse_late(folder: Path, _: Path) -> None:
    time.sleep(1.2)
    raise RecordError(str(folder), "it is hostile", "leave it")


FAULTS: Mapping[str, tuple[Door, str]] = {
    "code run": (_unpickle, "pickle"),
    "files outside written": (_write_through, "link to a folder outside"),
    "files outside read": (_show_all, "link to a file outside"),
    "control characters printed": (_print_name, "empty file"),
    "formulas exported": (_export, "empty file"),
    "MiB above an honest folder": (_parse, "five million empty lists"),
    "neither shown nor refused": (_read, "FIFO"),
    "seconds until a refusal": (_refuse_late, "empty file"),
}
"""By the bar that turns red: a door, and what stands in the place of the file that it reads."""


def main() -> None:
    """Prints a line for each fault."""
    root = Path(sys.argv[1])
    for bar, (door, payload) in FAULTS.items():
        shutil.rmtree(root, ignore_errors=True)
        folder, outside, out = root / FOLDER, root / "outside", root / "out"
        for each in (folder, out):
            each.mkdir(parents=True)
        write_outside(outside)
        ANYWHERE[payload](folder / _FILE, outside)
        before = listing(outside, without=folder)
        printed = root / "printed"
        patience = 3 if payload == "FIFO" else 60  # a FIFO is waited for in vain
        outcome = attempt(lambda: door(folder, out), [folder, out], printed, patience)  # noqa: B023
        after = listing(outside, without=folder)
        changed = [path for path in {*before, *after} if before.get(path) != after.get(path)]
        case = Case(payload, "data", lambda *_: None, (bar,))
        row = judge(case, bar, outcome, changed, printed, [folder, out])
        _say(json.dumps({**row, "above": row["peak"]}))


if __name__ == "__main__":
    main()
