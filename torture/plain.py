"""Rows that give plain data, as rows of the table: their trials gathered by what was tried."""

from collections.abc import Mapping, Sequence
from typing import Any

from torture import failing_disk, hostile
from torture.bars import Least, Most
from torture.row import Form, Found

_MIB = 2**20


def hostile_files(form: Form) -> Found:
    """Every hostile folder through every front door."""
    found = hostile.run(form.short)
    rows = _by(found["rows"], "door", _of_door)
    pages: Sequence[Mapping[str, Any]] = found["page"]
    return Found(rows, _bars(found["bars"]), _flawed(found["rows"]) + _flawed(pages))


def failing_disks(form: Form) -> Found:
    """Every failure of a disk, met by every command that writes."""
    found = failing_disk.run(form.short)
    rows = [
        {
            "failure": row["what"],
            "command": row["command"],
            "failures tried": row["calls"],
            "refused with an error": row["refused"],
            "flaws": len(row["flaws"]),
            "not tried, because": row["skipped"],
        }
        for row in found["rows"]
    ]
    failures = [row for row in found["rows"] if row["flaws"]]
    return Found(rows, _bars(found["bars"]), failures[:5])


def _of_door(door: str, trials: Sequence[Mapping[str, Any]]) -> dict[str, str | int | float]:
    refused = [trial for trial in trials if trial["ended"] == "refused"]
    return {
        "front door": door,
        "hostile folders": len(trials),
        "refused": len(refused),
        "shown": sum(trial["ended"] == "shown" for trial in trials),
        "code run": _with(trials, "code"),
        "written outside": _with(trials, "outside"),
        "read outside": _with(trials, "leaks"),
        "control characters": _with(trials, "control"),
        "MiB above an honest folder": round(max(trial["above"] for trial in trials) / _MIB),
        "slowest refusal, seconds": round(max((t["seconds"] for t in refused), default=0.0), 2),
    }


def _with(trials: Sequence[Mapping[str, Any]], flaw: str) -> int:
    return sum(bool(trial[flaw]) for trial in trials)


def _by(trials: Sequence[Mapping[str, Any]], key: str, of: Any) -> list[dict[str, Any]]:
    names = dict.fromkeys(str(trial[key]) for trial in trials)
    return [of(name, [trial for trial in trials if trial[key] == name]) for name in names]


def _flawed(trials: Sequence[Mapping[str, Any]]) -> list[Mapping[str, object]]:
    flaws = ("code", "outside", "leaks", "control", "formulas", "scripts")
    return [t for t in trials if any(t.get(flaw) for flaw in flaws) or t.get("ended") == "crashed"]


def _bars(bars: Sequence[Mapping[str, Any]]) -> list[Most]:
    return [
        (Least if bar.get("least") else Most)(bar["bar"], bar["value"], bar["limit"])
        for bar in bars
    ]
