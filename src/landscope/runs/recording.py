"""Records a run while it trains: one writer, from the first step or from a checkpoint."""

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from landscope.errors import RecordError, StorageError, UsageError
from landscope.reading import Reading
from landscope.runs.checkpoint import Checkpoint, Checkpoints
from landscope.runs.folder import RunFolder
from landscope.runs.journal import Journal
from landscope.runs.lock import Lock
from landscope.runs.manifest import Resumed, RunManifest
from landscope.runs.outcome import Outcome
from landscope.runs.weights import Arrays, write_weights

_SHARE = 0.05  # largest share of a run's time for its checkpoints
_PATIENCE = 5.0  # longest time in seconds for a worker to end after its killed parent


class Recording:
    """Writes a run's manifest, journal, checkpoints and weights; used as a context manager.

    Opening it locks the run. ``newest`` gives the checkpoint from which the run can resume, and
    ``begin`` starts the journal there or from scratch; readings, checkpoints and ``finish`` follow.

    Args:
        folder: The run's; it is made where it is missing.
        manifest: The run's. ``config_digest`` tells one configuration from another, ``code`` one
            state of the user's own files, ``identity`` whatever else changes bits.
        checkpoint_every: Seconds between two checkpoints, at least; more where they would take over
            a twentieth of the time. 0 for one after every step, infinity for none.
        accept_changes: Whether to resume the run with another version, device or number of threads.

    Raises:
        UsageError: The folder holds something else, or a run that was started with other settings.
        RecordError: The run has ended, or its records are damaged.
        StorageError: The folder cannot be written, or another process writes this run.
    """

    def __init__(
        self,
        folder: RunFolder,
        manifest: RunManifest,
        *,
        checkpoint_every: float,
        accept_changes: bool = False,
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._every = checkpoint_every
        self._accepts = accept_changes
        self._checkpoints = Checkpoints(folder.checkpoints_path)
        self._journal: Journal | None = None
        folder.create()
        self._lock = Lock(folder.lock_path, patience=_PATIENCE)
        try:
            folder.check_not_ended(folder.journal_path)
            there = folder.manifest_path.exists()
            self._found = folder.manifest if there else None
            self._check_same()
        except BaseException:
            self._lock.release()
            raise
        self._opened = self._saved_at = time.monotonic()
        self._earlier = 0.0
        self._pause = checkpoint_every

    @property
    def seconds(self) -> float:
        """What the run has taken, the parts before it was stopped included."""
        return self._earlier + time.monotonic() - self._opened

    def newest(self, *, at_most: int) -> Checkpoint | None:
        """The checkpoint from which the run can resume; None if it starts at its first step.

        Args:
            at_most: Bytes that the run's state may have.

        Raises:
            UsageError: The checkpoint was made under something else that changes bits.
            RecordError: There are checkpoints and none of them is whole.
        """
        found = self._found
        if found is None or found.code != self._manifest.code:
            return None  # of other code, the same step would be another one
        checkpoint = self._checkpoints.newest(at_most=at_most)
        changes = self._changes()
        if checkpoint is None or not changes or self._accepts:
            return checkpoint
        (name, (before, now)), *_ = changes.items()
        raise UsageError(
            f"{name} = {now} with run {self._folder.id}, stopped at step {checkpoint.step}",
            f"it was started with {name} = {before}, and its last bits depend on that",
            "resume it as it was started, or give --accept-changes, which is recorded",
        )

    def begin(self, checkpoint: Checkpoint | None) -> None:
        """Starts the journal at the checkpoint or from scratch, and writes the manifest.

        Raises:
            RecordError: The journal is not whole up to the checkpoint.
            StorageError: The disk refuses.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        found, manifest = self._found, self._manifest.changed(begun=now)
        if checkpoint is None:
            self._checkpoints.clear()
        else:
            self._earlier = checkpoint.seconds
            again = Resumed(step=checkpoint.step, when=now, changes=self._changes())
            # Keep what it was started with: a change is reported, and does not become the rule.
            manifest = manifest.changed(
                identity=(found.identity if found else None) or manifest.identity,
                resumed=[*(found.resumed if found else ()), again],
            )
        self._folder.forget_failure()
        self._folder.write_manifest(manifest, lock=self._lock)
        at = checkpoint.mark if checkpoint else None
        self._journal = Journal.create(self._folder, at=at, lock=self._lock)

    def write(self, reading: Reading) -> None:
        """Appends a reading; raises as ``Journal.write`` does."""
        self._open.write(reading)

    @property
    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._saved_at >= self._pause

    def save(self, step: int, values: Any, tensors: Arrays) -> None:
        """Writes a checkpoint of the run between two steps.

        Args:
            step: Steps taken.
            values: JSON values.
            tensors: Arrays by name.

        Raises:
            StorageError: The disk refuses; the checkpoints before are as they were.
        """
        started = time.monotonic()
        mark = self._open.mark()
        self._checkpoints.write(Checkpoint(step, mark, self.seconds, values, tensors))
        self._saved_at = time.monotonic()
        if self._every:
            took = self._saved_at - started
            self._pause = max(self._every, took / _SHARE)

    def no_checkpoints(self) -> None:
        """Note that the run's state cannot be saved: it can only start from its first step."""
        self._pause = math.inf

    def finish(self, outcome: Outcome, weights: Arrays | None = None) -> None:
        """Writes the weights, then the outcome, and drops the checkpoints.

        Raises:
            StorageError: The disk refuses; the run has not ended and can be resumed.
        """
        if weights is not None:
            write_weights(self._folder.weights_path, weights)
        self._open.finish(outcome)
        tidy(self._folder)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._journal is not None:
                self._journal.__exit__(kind, error, traceback)
        finally:
            self._lock.release()

    @property
    def _open(self) -> Journal:
        if self._journal is None:
            raise UsageError(
                f"a reading for run {self._folder.id}", "its journal is not open", "call begin()"
            )
        return self._journal

    def _check_same(self) -> None:
        """Refuses a folder whose run has this one's name and another configuration."""
        found, digest = self._found, self._manifest.config_digest
        if found is not None and found.config_digest not in (None, digest):
            raise RecordError(
                str(self._folder.path),
                "the run in it has another configuration",
                "choose another folder, or delete this one to measure again",
            )

    def _changes(self) -> dict[str, tuple[Any, Any]]:
        return changes(self._found.identity if self._found else {}, self._manifest.identity)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The differences in what changes bits: before, and now.

    What is not recorded for both is not compared.
    """
    return {
        name: (before[name], value)
        for name, value in now.items()
        if name in before and before[name] != value
    }


def tidy(folder: RunFolder) -> None:
    """Drops the checkpoints of a run that has ended; if that fails, they only take space."""
    with suppress(RecordError, StorageError):
        Checkpoints(folder.checkpoints_path).clear()
