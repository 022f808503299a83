"""Every call that writes fails once, the first, then the second, until a command gets through."""

import shutil
from pathlib import Path
from typing import Any

from torture.failing_disk.commands import Command, Told, attempt, temporary_files
from torture.failing_disk.faults import Faults, failing

_MOST = 2000  # calls; no command has so many


def fail_at_each_call(command: Command, number: int, place: Path, step: int = 1) -> dict[str, Any]:
    """What came of it, in numbers and in words.

    Args:
        command: What is done.
        number: What the disk says.
        place: An empty folder.
        step: Calls from one that fails to the next; the first ones fail in any case.
    """
    undisturbed(command, place)
    flaws: list[str] = []
    failed = refused = 0
    for at in (at for at in range(1, _MOST) if at <= 5 or at % step == 0):
        folder = fresh(command, place)
        faults = Faults(folder, at, number)
        with failing(faults):
            told = attempt(command, folder)
        if faults.failed is None:
            break
        failed += 1
        refused += told.code != 0
        found = _after_failure(command, folder, told)
        flaws += [f"call {at}, {faults.failed}: {flaw}" for flaw in found]
    return {"calls": failed, "refused": refused, "flaws": flaws}


def undisturbed(command: Command, place: Path) -> None:
    """Does it once with a good disk; what it leaves is what it should leave ever after.

    Raises:
        RuntimeError: It does not even then.
    """
    folder = fresh(command, place)
    told = attempt(command, folder)
    flaws = command.flaws(folder, True)
    if told.code or told.crash or flaws:
        raise RuntimeError(f"{command.name} fails on a good disk: {told} {flaws}")


def fresh(command: Command, place: Path) -> Path:
    """An empty folder in which the command can begin."""
    folder = place / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command.prepare(folder)
    return folder


def _after_failure(command: Command, folder: Path, told: Told) -> list[str]:
    flaws = judge(told)
    flaws += command.flaws(folder, False)
    again = attempt(command, folder)
    if again.code or again.crash:
        flaws.append(f"it does not go on: {again.text or again.crash}")
    flaws += [f"at the end {flaw}" for flaw in command.flaws(folder, True)]
    flaws += [f"{name} is left behind" for name in temporary_files(folder)]
    return flaws


def judge(told: Told) -> list[str]:
    """What is wrong with how a command that was let down has ended."""
    if told.crash:
        return [f"crashed: {told.crash}"]
    if told.code == 0:  # what only makes a name durable may fail without harm
        return []
    if told.code != 1:
        return [f"exit code {told.code}: {told.text}"]
    value, _, rest = told.text.partition(": ")
    rule, _, remedy = rest.partition("; ")
    return [] if value and rule and remedy else [f"an unclear error: {told.text!r}"]
