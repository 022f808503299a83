"""The records of a study: its manifest and its runs, by id and by configuration."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from landscope.errors import RecordError
from landscope.runs.folder import StudyFolder
from landscope.runs.run_records import RunRecords
from landscope.runs.shape import SHAPES, check_shape

_T = TypeVar("_T")


class StudyRecords:
    """One study, as it was recorded, finished or not.

    Args:
        folder: The study's folder.

    Raises:
        RecordError: The manifest of the study or of a run is missing, damaged, or newer than this
            landscope, or a run's id is not its folder's name.
    """

    def __init__(self, folder: StudyFolder) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] = folder.manifest
        self._has_shape = False
        self.runs: dict[str, RunRecords] = {}
        for run_folder in folder.runs():
            run = RunRecords(run_folder)
            if run.id != run_folder.id:
                raise RecordError(
                    str(run_folder.path),
                    f"the run in it has the id {run.id}",
                    "give the folder its run's id again, or remove the copy",
                )
            self.runs[run.id] = run

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder.path)!r}, runs={list(self.runs)})"

    def of_kind(self, table: Mapping[str, _T]) -> _T:
        """The row of a table for studies of this kind, by the name in the manifest.

        Raises:
            RecordError: The table has no such kind, or a manifest does not hold what one of a
                study of this kind does.
        """
        kind = str(self.manifest["study"])
        if kind not in table:
            raise RecordError(
                f"study {kind!r} in {self.folder.path}",
                f"this landscope shows studies of the kinds {', '.join(table)}",
                "install the landscope that wrote it",
            )
        self._check_shape(kind)
        return table[kind]

    def _check_shape(self, kind: str) -> None:
        """What draws and judges relies on these types; a mere export takes whatever there is."""
        shape = SHAPES.get(kind)
        if shape is None or self._has_shape:
            return
        check_shape(self.folder.manifest_path, shape.study, self.manifest)
        for run in self.runs.values():
            check_shape(run.folder.manifest_path, shape.config, run.config)
        self._has_shape = True

    def has(self, **config: object) -> bool:
        """Whether any run has these fields in its configuration."""
        return bool(self._matching(config))

    def find(self, **config: object) -> RunRecords:
        """The one run that has these fields in its configuration.

        Raises:
            RecordError: None has, or more than one.
        """
        matching = self._matching(config)
        wanted = ", ".join(f"{name}={value!r}" for name, value in config.items())
        if not matching:
            raise RecordError(
                f"run with {wanted}", "the study has no such run", self._what_there_is(config)
            )
        if len(matching) > 1:
            ids = ", ".join(run.id for run in matching)
            raise RecordError(
                f"run with {wanted}", f"the study has several: {ids}", "say more of its fields"
            )
        return matching[0]

    def _matching(self, config: dict[str, object]) -> list[RunRecords]:
        return [run for run in self.runs.values() if _agrees(run.config, config)]

    def _what_there_is(self, config: dict[str, object]) -> str:
        if not self.runs:
            return "it has no runs at all; run it first"
        there: list[str] = []
        for name in config:
            values = [repr(run.config[name]) for run in self.runs.values() if name in run.config]
            told = ", ".join(dict.fromkeys(values)) or "not in any configuration"
            there.append(f"{name}: {told}")
        return f"it has {'; '.join(there)}"


def _agrees(config: dict[str, Any], wanted: dict[str, object]) -> bool:
    return all(name in config and config[name] == value for name, value in wanted.items())


def read_study(path: str | os.PathLike[str]) -> StudyRecords:
    """The records of the study in a folder.

    Raises:
        RecordError: There is no study, or a manifest in it is damaged or newer than this landscope.
    """
    return StudyRecords(StudyFolder(Path(path)))
