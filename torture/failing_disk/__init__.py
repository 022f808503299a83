"""The row of the failing disk: nothing is lost, errors are clear, the same command goes on."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torture.failing_disk.commands import Command, attempt, commands
from torture.failing_disk.disks import NoDiskError, fill_up, forbid, vanish
from torture.failing_disk.each_call import fail_at_each_call
from torture.failing_disk.faults import ERRORS

_PAGES = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024, 4096)

__all__ = ["attempt", "commands", "fail_at_each_call", "fill_up", "forbid", "run", "vanish"]


def run(short: bool) -> dict[str, Any]:
    """What a full, broken, read-only, vanished or unreadable disk does to each command.

    Args:
        short: Whether seconds are all that it may take: one error, and some of the calls.

    Returns:
        "bars" and "rows", plain data.
    """
    place = Path(tempfile.mkdtemp())
    try:
        rows = [row for command in commands() for row in _rows(command, place, short)]
        rows.append(_tried("unreadable files", "all", _forbidden))
    finally:
        shutil.rmtree(place)
    return {"bars": bars(rows), "rows": rows}


def bars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bars, over all rows."""
    flaws = sum(len(row["flaws"]) for row in rows)
    tried = sum(row["calls"] for row in rows)
    refused = sum(row["refused"] for row in rows)
    return [
        {"bar": "failures that lost, hid or stopped something", "value": flaws, "limit": 0,
         "met": flaws == 0},
        {"bar": "failures tried", "value": tried, "limit": 30, "met": tried >= 30, "least": True},
        {"bar": "failures that were refused with an error", "value": refused, "limit": 20,
         "met": refused >= 20, "least": True},
    ]  # fmt: skip


def _rows(command: Command, place: Path, short: bool) -> list[dict[str, Any]]:
    errors = {"full": ERRORS["full"]} if short else ERRORS
    step = 60 if short else 1
    pages = list(_PAGES[:3] if short else _PAGES)
    return [
        *(
            _tried(
                f"every call: {name}",
                command.name,
                lambda number=number: fail_at_each_call(command, number, place, step),
            )
            for name, number in errors.items()
        ),
        _tried("a small disk", command.name, lambda: fill_up(command, pages)),
        _tried("a folder that vanishes", command.name, lambda: vanish(command, place, 2 * step)),
    ]


def _forbidden() -> dict[str, Any]:
    _, report, export = commands()
    return forbid(report, [export])


def _tried(what: str, command: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    row = {"what": what, "command": command, "calls": 0, "refused": 0, "flaws": [], "skipped": ""}
    try:
        return {**row, **do()}
    except NoDiskError as error:
        return {**row, "skipped": str(error)}
