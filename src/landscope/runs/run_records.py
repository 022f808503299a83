"""The records of a run: its manifest and its readings, by probe, quantity and layer."""

import math
import os
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from landscope.errors import RecordError
from landscope.quantities import SCOPE, TRAINING, Quantity
from landscope.reading import Reading
from landscope.runs.folder import RunFolder
from landscope.runs.manifest import RunManifest, read_as
from landscope.runs.outcome import UNFINISHED, Outcome
from landscope.runs.replay import EMPTY, Replay, replay

_Settings = TypeVar("_Settings", bound=BaseModel)


class Subject(NamedTuple):
    """What a series of readings is about; ``layer`` is None for the whole network."""

    probe: str
    quantity: str
    layer: str | None

    def __str__(self) -> str:
        text = f"{self.quantity} by {self.probe}"
        return text if self.layer is None else f"{text} at layer {self.layer}"


class RunRecords:
    """One run: what it was made with, and its readings.

    Made so, it is in memory alone; ``read_run`` gives that of a folder.

    Args:
        manifest: What it was made with.
        readings: In the order in which they were made.
        outcome: How it ended.
    """

    def __init__(
        self,
        manifest: RunManifest,
        readings: Iterable[Reading] = (),
        outcome: Outcome = UNFINISHED,
    ) -> None:
        self.manifest = manifest
        self.id: str = manifest.id
        self.layers: list[str] = manifest.layers
        self._given = Replay(tuple(readings), outcome, torn=False)
        self._settings: dict[type[BaseModel], Any] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    @property
    def where(self) -> str:
        """Where its manifest is, for an error."""
        return f"run {self.id}"

    def settings(self, kind: type[_Settings]) -> _Settings:
        """The run's configuration as a type that says which fields it has; read once for each.

        Raises:
            RecordError: A field is missing, or is of another type.
        """
        if kind not in self._settings:
            self._settings[kind] = read_as(kind, self.manifest.config, self.where)
        return self._settings[kind]

    @property
    def outcome(self) -> Outcome:
        """How the run ended; its status is ``"unfinished"`` where no end was recorded."""
        return self._replay.outcome

    @property
    def probes(self) -> tuple[str, ...]:
        """Ids of the probes that a scope was given; none where the manifest does not say."""
        probes = self.manifest.config.get("probes")
        if not isinstance(probes, list):
            return ()
        return tuple(probe for probe in cast(list[object], probes) if isinstance(probe, str))

    @property
    def summary(self) -> str:
        """What it is and how far it got, in a few words."""
        own = (TRAINING.probe, SCOPE.probe)  # a curve's points are no measurements
        steps = {reading.step for reading in self.all_readings if reading.probe not in own}
        return f"{self.id}, {self._end}, {len(steps)} measurement{'s' if len(steps) != 1 else ''}"

    @property
    def _end(self) -> str:
        return str(self.outcome)

    @property
    def torn(self) -> bool:
        """Whether the journal's last line was cut, as after a crash, and is left out."""
        return self._replay.torn

    @property
    def all_readings(self) -> tuple[Reading, ...]:
        """Every reading in the order in which it was written."""
        return self._replay.readings

    @property
    def subjects(self) -> list[Subject]:
        """What there are readings of, in the order of the first of each."""
        return list(self._by_subject)

    def has(self, quantity: Quantity, layer: str | None = None) -> bool:
        """Whether there is any reading of this."""
        return Subject(*quantity.key, layer) in self._by_subject

    def readings(self, quantity: Quantity, layer: str | None = None) -> list[Reading]:
        """The readings of one quantity, by step.

        Args:
            quantity: What was measured.
            layer: Name of the layer; None for the whole network.

        Raises:
            RecordError: There are none.
        """
        wanted = Subject(*quantity.key, layer)
        found = self._by_subject.get(wanted)
        if found is None:
            raise RecordError(
                f"{wanted} of run {self.id}",
                "there is no such reading",
                self._what_there_is(wanted),
            )
        return list(found)

    def series(
        self, quantity: Quantity, layer: str | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The readings of one quantity as arrays.

        Args:
            quantity: What was measured.
            layer: Name of the layer; None for the whole network.

        Returns:
            The steps, of shape ``(readings,)``, and the values, of shape ``(readings,)`` for
            numbers or ``(readings, coordinates)`` for lists. A NaN that stands for a whole list
            fills its row.

        Raises:
            RecordError: There are none, or their lists differ in length.
        """
        readings = self.readings(quantity, layer)
        steps = np.array([reading.step for reading in readings], dtype=np.int64)
        values = [reading.value for reading in readings]
        lengths = {len(value) for value in values if isinstance(value, tuple)}
        if lengths:
            row = max(lengths)
            values = [_as_row(value, row) for value in values]
            if any(len(value) != row for value in values):
                raise RecordError(
                    f"{Subject(*quantity.key, layer)} of run {self.id}",
                    "its readings differ in length and make no table",
                    "take them one by one, with readings()",
                )
        return steps, np.array(values, dtype=np.float64)

    def numbers(
        self, quantity: Quantity, layer: str | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The readings of one quantity of which each is a number: steps and values, a row each.

        Raises:
            RecordError: There are none, or some are lists.
        """
        steps, values = self.series(quantity, layer)
        if values.ndim != 1:
            raise RecordError(
                f"{Subject(*quantity.key, layer)} of run {self.id}",
                "its readings are lists, and each should be one number",
                "restore the journal, or run it again in a new folder",
            )
        return steps, values

    @cached_property
    def _replay(self) -> Replay:
        return self._read()

    def _read(self) -> Replay:
        return self._given

    @cached_property
    def _by_subject(self) -> dict[Subject, list[Reading]]:
        found: defaultdict[Subject, list[Reading]] = defaultdict(list)
        for reading in self._replay.readings:
            found[Subject(reading.probe, reading.quantity, reading.layer)].append(reading)
        for readings in found.values():
            readings.sort(key=lambda reading: reading.step)
        return dict(found)

    def _what_there_is(self, wanted: Subject) -> str:
        """The nearest to what was asked for: its layers, else its quantities, else the probes."""
        subjects = self.subjects
        same = [s for s in subjects if (s.probe, s.quantity) == (wanted.probe, wanted.quantity)]
        if same:
            layers = ["the whole network" if s.layer is None else s.layer for s in same]
            return f"it is there for {', '.join(layers)}"
        quantities = dict.fromkeys(s.quantity for s in subjects if s.probe == wanted.probe)
        if quantities:
            return f"{wanted.probe} gave {', '.join(quantities)}"
        probes = dict.fromkeys(s.probe for s in subjects)
        if probes:
            return f"the run has readings by {', '.join(probes)}"
        return "the run has no readings at all; run it first"


class StoredRun(RunRecords):
    """One run, as it was recorded; the journal is read once, when it is first asked for.

    Args:
        folder: The run's folder.

    Raises:
        RecordError: The manifest is missing, damaged, or newer than this landscope. The journal's
            own errors come from the first use of what it holds.
    """

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder.manifest)
        self.folder = folder

    @property
    def where(self) -> str:
        """The manifest's path."""
        return str(self.folder.manifest_path)

    @property
    def outcome(self) -> Outcome:
        """How the run ended; its status is ``"unfinished"`` where no end was recorded."""
        outcome, failure = super().outcome, self.folder.failure
        if outcome.ended or failure is None:
            return outcome
        where = f", {failure.place}" if failure.place else ""
        return Outcome(
            "interrupted" if failure.interrupted else "failed",
            outcome.step if failure.step is None else failure.step,
            reason=f"{failure.reason}{where}",
        )

    @property
    def _end(self) -> str:
        outcome = self.outcome
        if outcome.status != "unfinished":
            return str(outcome)
        running = self.folder.is_written
        return f"{outcome} ({'still running' if running else 'stopped, and no end was recorded'})"

    def _read(self) -> Replay:
        path = self.folder.journal_path
        return replay(path, self.folder.checksum) if os.path.lexists(path) else EMPTY


def _as_row(value: float | tuple[float, ...], length: int) -> tuple[float, ...]:
    """A list as it is; a list that could not be measured is recorded as one NaN."""
    if isinstance(value, tuple):
        return value
    return (value,) * length if math.isnan(value) else ()


def is_run(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is that of a run, whatever the state that its files are in."""
    return os.path.lexists(RunFolder(path).manifest_path)


def read_run(path: str | os.PathLike[str]) -> StoredRun:
    """The records of the run in a folder.

    Raises:
        RecordError: There is no run, or its manifest is damaged or newer than this landscope.
    """
    return StoredRun(RunFolder(Path(path)))
