"""Checkpoints: whole or not there, the one before kept, in the order that a power cut allows."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from landscope.errors import RecordError, StorageError
from landscope.runs import disk
from landscope.runs.checkpoint import Checkpoint, Checkpoints
from landscope.runs.line import Mark
from torture.faults import InPlace

LIMIT = 2**20


def at(step: int, size: int = 8) -> Checkpoint:
    tensors = {"weight": np.full((size, 2), step, np.float32), "count": np.array(step)}
    return Checkpoint(step, Mark(step, 10 * step, 7), 0.5 * step, {"step": [step, None]}, tensors)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints")


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "checkpoints").iterdir())


def test_the_newest_is_read_as_it_was_written(checkpoints: Checkpoints) -> None:
    assert checkpoints.newest(at_most=LIMIT) is None
    for step in (1, 2, 3):
        checkpoints.write(at(step))
    found = checkpoints.newest(at_most=LIMIT)
    assert found is not None
    assert (found.step, found.mark, found.seconds) == (3, Mark(3, 30, 7), 1.5)
    assert found.values == {"step": [3, None]}
    for name, array in at(3).tensors.items():
        assert found.tensors[name].dtype == array.dtype
        assert (found.tensors[name] == array).all()


def test_the_one_before_is_kept_and_no_older_one(checkpoints: Checkpoints, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoints.write(at(step))
    (tmp_path / "checkpoints" / ".step-9-0a1b2c3d.tmp").mkdir()  # of a writer that was killed
    checkpoints.write(at(4))
    assert [name.rpartition("-")[0] or name for name in names(tmp_path)] == [
        "latest.json",
        "step-3",
        "step-4",
    ]


def test_cleared_there_is_none(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.clear()
    checkpoints.write(at(1))
    checkpoints.clear()
    assert checkpoints.newest(at_most=LIMIT) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["manifest.json", "values.json", "tensors.safetensors"])
def test_a_damaged_one_gives_way_to_the_one_before(
    checkpoints: Checkpoints, tmp_path: Path, file: str
) -> None:
    checkpoints.write(at(1))
    checkpoints.write(at(2))
    (newest,) = tmp_path.glob(f"checkpoints/step-2-*/{file}")
    newest.write_bytes(newest.read_bytes()[:-2])
    found = checkpoints.newest(at_most=LIMIT)
    assert found is not None
    assert found.step == 1
    checkpoints.write(at(3))
    found = checkpoints.newest(at_most=LIMIT)
    assert found is not None
    assert found.step == 3


REFUSALS = {
    "cut": (lambda b: b[:-1], r"tensors\.safetensors: it has \d+ bytes and should have \d+"),
    "longer": (lambda b: b + b"0", r"tensors\.safetensors: it has \d+ bytes and should have \d+"),
    "changed": (lambda b: b[:-1] + b"~", r"tensors\.safetensors: it does not match its checksum"),
}


@pytest.mark.parametrize("damage", REFUSALS)
def test_where_none_is_whole_the_file_is_named(
    checkpoints: Checkpoints, tmp_path: Path, damage: str
) -> None:
    change, rule = REFUSALS[damage]
    checkpoints.write(at(1))
    (tensors,) = tmp_path.glob("checkpoints/step-1-*/tensors.safetensors")
    tensors.write_bytes(change(tensors.read_bytes()))
    with pytest.raises(RecordError, match=rule + "; delete the run's folder to start it again"):
        checkpoints.newest(at_most=LIMIT)


def test_what_says_that_it_is_too_large_is_not_read(checkpoints: Checkpoints) -> None:
    checkpoints.write(at(1, size=1000))
    rule = r"it says that it has \d+ bytes, and this run's state has at most 4000"
    with pytest.raises(RecordError, match=rule):
        checkpoints.newest(at_most=4000)


def test_a_pointer_cannot_lead_elsewhere(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.write(at(1))
    pointer = tmp_path / "checkpoints" / "latest.json"
    given = json.loads(pointer.read_text())
    for name in ("../../elsewhere", "/etc", "step-1", "step-1-0a1b2c3d/../x"):
        disk_text = json.dumps({**given, "latest": name})
        pointer.write_text(disk_text)
        with pytest.raises(RecordError, match=r"latest\.json"):
            checkpoints.newest(at_most=LIMIT)


def test_a_folder_that_is_a_link_elsewhere_is_neither_read_nor_written(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    Checkpoints(elsewhere).write(at(1))
    before = sorted(elsewhere.rglob("*"))
    (tmp_path / "checkpoints").symlink_to(elsewhere)
    for use in (lambda: checkpoints.newest(at_most=LIMIT), lambda: checkpoints.write(at(2))):
        with pytest.raises(RecordError, match="it is a link out of its folder"):
            use()
    with pytest.raises(RecordError, match="it is a link out of its folder"):
        checkpoints.clear()
    assert sorted(elsewhere.rglob("*")) == before


def test_a_disk_that_refuses_leaves_those_before(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.write(at(1))
    calls = 0
    for failing in range(1, 8):
        calls = 0

        def refuse(descriptor: int, failing: int = failing) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", refuse)
        # A folder that cannot be synced is no reason to refuse, as some file systems cannot.
        with suppress(StorageError):
            checkpoints.write(at(2))
        found = checkpoints.newest(at_most=LIMIT)
        assert found is not None
        assert found.step in (1, 2)
    assert calls >= 5


def test_a_folder_that_vanishes_after_any_sync_is_told_as_such(
    checkpoints: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0

    def vanish(_: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            shutil.rmtree(tmp_path / "checkpoints")

    monkeypatch.setattr(os, "fsync", vanish)
    told = 0
    for left in range(1, 9):
        last = left
        try:
            checkpoints.write(at(2))
        except StorageError:
            told += 1
        if left > 0:  # there are no more syncs
            break
    assert last > 6
    assert told >= last - 2


def order_of_calls(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What one write does, as the disk sees it: syncs, renames, and what they are of."""
    told: list[str] = []
    sync, rename, replace = os.fsync, Path.rename, Path.replace

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        told.append(f"sync {path.name.split('-')[0].split('.json')[0].lstrip('.')}")
        sync(descriptor)

    def move(method: Any, word: str) -> Any:
        def moved(self: Path, target: Path) -> Path:
            told.append(f"{word} {target.name.split('-')[0]}")
            return method(self, target)

        return moved

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", move(rename, "rename"))
    monkeypatch.setattr(Path, "replace", move(replace, "replace"))
    checkpoints.write(at(2))
    monkeypatch.undo()
    return told


def is_safe(told: list[str]) -> bool:
    """Whether a power cut between any two of them leaves a whole checkpoint pointed at."""
    try:
        placed, pointed = told.index("rename step"), told.index("replace latest.json")
    except ValueError:
        return False
    files = [told.index(f"sync {name}") for name in ("values", "tensors.safetensors", "manifest")]
    return (
        max(files) < placed < pointed
        and "sync checkpoints" in told[placed:pointed]
        and "sync checkpoints" in told[pointed:]
    )


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names descriptors by /proc")
@pytest.mark.parametrize("kind", [Checkpoints, InPlace])
def test_all_is_on_the_disk_before_it_is_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Checkpoints]
) -> None:
    """And a writer that forgets it is found out."""
    checkpoints = kind(tmp_path / "checkpoints")
    checkpoints.write(at(1))
    told = order_of_calls(checkpoints, monkeypatch)
    try:
        safe = is_safe(told)
    except ValueError:  # a file is never synced at all
        safe = False
    assert safe == (kind is Checkpoints), told


def test_without_syncs_it_is_not_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.write(at(1))
    told = order_of_calls(checkpoints, monkeypatch)
    assert is_safe(told)
    assert not is_safe([each for each in told if each != "sync checkpoints"])


def test_a_temporary_file_is_no_checkpoint(tmp_path: Path) -> None:
    assert disk.is_temporary(tmp_path / ".step-1-0a1b2c3d.tmp")
