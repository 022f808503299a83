"""The folders of a study and of its runs: the one place that knows the names of their files."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from zlib import crc32

from landscope.errors import RecordError, UsageError
from landscope.files import expanded
from landscope.runs.disk import check_inside, is_temporary, storing, sync_folder
from landscope.runs.lock import Lock, is_held
from landscope.runs.manifest import (
    RunManifest,
    StudyManifest,
    canonical,
    flaw_of,
    manifest_of,
    read_manifest,
    write_manifest,
)
from landscope.runs.outcome import UNFINISHED, Failure, Outcome, read_failure, write_failure
from landscope.runs.replay import replay_outcome

_PATIENCE = 1.0  # seconds for a holder that was just killed


class RunFolder:
    """The folder of one run; its name is the run's id.

    Args:
        path: Where it is, or shall be. Nothing is touched before ``create``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path)
        self.manifest_path = self.path / "run.json"
        self.journal_path = self.path / "journal.jsonl"
        self.unfinished_journal_path = self.path / "journal.unfinished.jsonl"
        self.weights_path = self.path / "weights.safetensors"
        self.checkpoints_path = self.path / "checkpoints"
        self.failure_path = self.path / "failure.json"
        self.lock_path = self.path / ".lock"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.absolute().name

    def create(self) -> None:
        """Makes the folder, or opens one that is already a run's.

        Raises:
            UsageError: Its name is no run id, or something else is there. Nothing is written.
            StorageError: It cannot be made.
        """
        _check_run_id(self.id)
        own = (
            self.journal_path,
            self.unfinished_journal_path,
            self.weights_path,
            self.checkpoints_path,
            self.failure_path,
            self.lock_path,
        )
        _create(self.path, self.manifest_path, own, "run")

    @property
    def manifest(self) -> RunManifest:
        """The manifest, as it was written.

        Raises:
            RecordError: It is missing, damaged, or was written by a newer landscope.
        """
        return read_manifest(self.manifest_path, RunManifest)

    @property
    def checksum(self) -> int:
        """Tells the run from every other: its journal's first line names it.

        Raises:
            RecordError: As for ``manifest``.
        """
        manifest = self.manifest
        return crc32(canonical({"id": manifest.id, "config": manifest.config}))

    @property
    def is_written(self) -> bool:
        """Whether some process writes the run at this moment."""
        return is_held(self.lock_path)

    def write_manifest(
        self, manifest: RunManifest | Mapping[str, Any], *, lock: Lock | None = None
    ) -> None:
        """Writes the manifest whole, or leaves the one before; it comes before the journal.

        Args:
            manifest: The manifest, or its fields as plain values.
            lock: The run's, where it is held already.

        Raises:
            RecordError: The run has ended; nothing of it is overwritten.
            UsageError: It is no run's manifest, or that of a run with another id.
            StorageError: The folder cannot be written, or the run's journal is being written.
        """
        if not isinstance(manifest, RunManifest):
            manifest = manifest_of(RunManifest, manifest, self.manifest_path.name)
        if manifest.id != self.id:
            raise UsageError(
                f"id = {manifest.id!r}",
                f"a run's id is the name of its folder, {self.id!r}",
                "give both the same name",
            )
        held = nullcontext() if lock else Lock(self.lock_path)
        with held:  # another writer's readings keep the manifest they came from
            self.check_not_ended(self.manifest_path)
            write_manifest(self.manifest_path, manifest)

    def check_not_ended(self, path: Path) -> None:
        """Refuses to write one of the run's files once the run has ended.

        Raises:
            RecordError: The run has ended; or its journal cannot be read.
        """
        if self.outcome().ended:
            raise RecordError(
                str(path),
                "the run has ended and its records are not overwritten",
                "choose another folder, or delete this one to measure again",
            )

    def note_failure(self, failure: Failure) -> None:
        """Leaves word of why the run could not be done, until it is begun again.

        Raises:
            LandscopeError: The folder is something else's, or cannot be written.
        """
        self.create()
        write_failure(self.failure_path, failure)

    def forget_failure(self) -> None:
        """The run is begun again, whatever became of it before.

        Raises:
            StorageError: The folder cannot be written.
        """
        with storing(self.failure_path):
            self.failure_path.unlink(missing_ok=True)

    @property
    def failure(self) -> Failure | None:
        """Why the run could not be done; None where it was not, or has been begun since.

        Raises:
            RecordError: What says so is damaged.
        """
        return read_failure(self.failure_path) if os.path.lexists(self.failure_path) else None

    def outcome(self) -> Outcome:
        """How the run ended, from its last line without reading the others.

        Raises:
            RecordError: The journal cannot be read.
        """
        if not os.path.lexists(self.journal_path):
            return UNFINISHED
        known = self.checksum if os.path.lexists(self.manifest_path) else None
        return replay_outcome(self.journal_path, known)


class StudyFolder:
    """The folder of a study, with a folder for each of its runs.

    Args:
        path: Where it is, or shall be. Nothing is touched before ``create``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path)
        self.manifest_path = self.path / "study.json"
        self.figures = self.path / "figures"
        self.report = self.path / "report.html"
        self.lock_path = self.path / ".lock"
        self._runs = self.path / "runs"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def check(self) -> None:
        """Refuses what ``create`` would refuse of what is there, and touches nothing.

        Raises:
            UsageError: Something else than a study is there.
            RecordError: A study is there whose manifest is damaged or newer than this landscope.
            StorageError: It cannot be looked at.
        """
        _check_free(self.path, self.manifest_path, (self.lock_path,), "study")
        if self.manifest_path.exists():
            _ = self.manifest

    def create(self) -> None:
        """Makes the folder, or opens one that is already a study's.

        Raises:
            UsageError: Something else is there. Nothing is written.
            RecordError: A study is there whose manifest is damaged or newer than this landscope.
            StorageError: It cannot be made.
        """
        self.check()
        _create(self.path, self.manifest_path, (self.lock_path,), "study")

    def lock(self) -> Lock:
        """Holds the study for this process, until the lock is released or the process has died.

        Raises:
            StorageError: Another process is at work on it, or the folder cannot be written.
        """
        rule = "another process is at work on this study"
        return Lock(self.lock_path, rule, patience=_PATIENCE)

    @property
    def is_conducted(self) -> bool:
        """Whether some process is at work on the study at this moment."""
        return is_held(self.lock_path)

    @property
    def manifest(self) -> StudyManifest:
        """The manifest, as it was written.

        Raises:
            RecordError: It is missing, damaged, or was written by a newer landscope.
        """
        return read_manifest(self.manifest_path, StudyManifest)

    def write_manifest(self, manifest: StudyManifest | Mapping[str, Any]) -> None:
        """Writes the manifest whole, or leaves the one before.

        Args:
            manifest: The manifest, or its fields as plain values.

        Raises:
            UsageError: It is no study's manifest.
            StorageError: The folder cannot be written.
        """
        if not isinstance(manifest, StudyManifest):
            manifest = manifest_of(StudyManifest, manifest, self.manifest_path.name)
        write_manifest(self.manifest_path, manifest)

    def run(self, run_id: str) -> RunFolder:
        """The folder of one run, whether it exists or not.

        Raises:
            UsageError: The id cannot name a folder inside this one.
        """
        _check_run_id(run_id)
        return RunFolder(self._runs / run_id)

    def runs(self) -> list[RunFolder]:
        """The folders of the runs that have a manifest, by id.

        Raises:
            RecordError: A folder cannot be read, or is a link to somewhere outside of the study.
        """
        if not os.path.lexists(self._runs):
            return []
        check_inside(self._runs)
        found: list[RunFolder] = []
        try:
            for path in sorted(self._runs.iterdir()):
                run = RunFolder(path)
                if is_temporary(path) or not os.path.lexists(run.manifest_path):
                    continue
                check_inside(path)
                found.append(run)
        except OSError as error:
            raise RecordError(
                str(self._runs),
                f"it cannot be listed ({error.strerror})",
                "check that it is a folder that you may read",
            ) from error
        return found


def _check_run_id(run_id: str) -> None:
    flaw = flaw_of(run_id)
    if flaw is not None:
        raise UsageError(
            f"run id {run_id!r}",
            f"a run's id names a folder, and {flaw}",
            "choose a short name of letters, digits, - and _",
        )


def _create(path: Path, manifest: Path, own: tuple[Path, ...], what: str) -> None:
    """Makes a folder, unless something is there that this folder's owner did not write."""
    _check_free(path, manifest, own, what)
    with storing(path):
        path.mkdir(parents=True, exist_ok=True)
        sync_folder(path.parent)


def _check_free(path: Path, manifest: Path, own: tuple[Path, ...], what: str) -> None:
    with storing(path):
        if path.exists() and not path.is_dir():
            raise UsageError(
                str(path), "it is a file and not a folder", f"choose a new folder for the {what}"
            )
        if path.exists() and not manifest.exists():
            foreign = [entry for entry in path.iterdir() if not _is_own(entry, own)]
            if foreign:
                raise UsageError(
                    str(path),
                    f"the folder is not empty and is not a landscope {what}",
                    "choose a new or an empty folder",
                )


def _is_own(entry: Path, own: tuple[Path, ...]) -> bool:
    return entry in own or is_temporary(entry)
