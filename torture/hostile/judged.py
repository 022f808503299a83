"""A trial judged: what ran, what was written or shown that should not be."""

import csv
from pathlib import Path
from typing import Any

from torture.hostile.case import Case
from torture.hostile.marks import SECRET
from torture.hostile.trial import Outcome

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def judge(
    case: Case, door: str, outcome: Outcome, changed: list[str], output: Path, made: list[Path]
) -> dict[str, Any]:
    """The row of a trial.

    Args:
        case: The case.
        door: Name of the door.
        outcome: What came of it.
        changed: Paths outside of the study that are not as they were.
        output: What was printed.
        made: Folders in which files may have been written.
    """
    printed = output.read_bytes() if output.exists() else b""
    ended, said = outcome.ended, outcome.said
    lines = printed.decode(errors="replace").splitlines()
    if ended == "refused" and said.startswith("exit code"):
        said = lines[-1] if lines else ""
        ended = ended if "landscope: " in printed.decode(errors="replace") else "crashed"
    ran = list(outcome.code)
    if any(Path(path).name == "canary" for path in changed):
        ran.append("the canary was written")
    return {
        "case": case.name,
        "door": door,
        "ended": ended,
        "said": said[:300],
        "seconds": round(outcome.seconds, 3),
        "peak": outcome.peak,
        "code": ran,
        "outside": [*outcome.writes, *changed],
        "control": control(printed.decode(errors="replace")),
        "leaks": _leaks(printed, made),
        "formulas": _formulas(made),
    }


def control(text: str) -> list[str]:
    """Characters that a terminal would obey, or that turn what is read round."""
    return sorted({f"U+{ord(c):04X}" for c in text if c != "\n" and not c.isprintable()})


def _leaks(printed: bytes, made: list[Path]) -> list[str]:
    """Where the content of a file outside was shown."""
    secret = SECRET.encode()
    found = ["printed"] if secret in printed else []
    for folder in made:
        for path in folder.rglob("*"):
            new = path.is_file() and not path.is_symlink() and path.stat().st_size < 2**26
            if new and secret in path.read_bytes():
                found.append(path.name)
    return found


def _formulas(made: list[Path]) -> list[str]:
    """Cells of an exported table that a spreadsheet would compute."""
    table = made[1] / "table.csv"
    if not table.exists():
        return []
    csv.field_size_limit(2**31)
    with table.open(encoding="utf-8", newline="") as file:
        cells = {cell for row in csv.reader(file) for cell in row}
    return sorted(cell for cell in cells if cell.startswith(_FORMULA) and not _is_number(cell))[:5]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
