"""The records of a study: its manifest and its runs, by id and by configuration."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from landscope.errors import RecordError
from landscope.runs.folder import RunFolder, StudyFolder
from landscope.runs.manifest import StudyManifest, read_as
from landscope.runs.run_records import RunRecords, StoredRun

_T = TypeVar("_T")
_Settings = TypeVar("_Settings", bound=BaseModel)


class StudyRecords:
    """One study: what it was begun with, and its runs.

    Made so, it is in memory alone; ``read_study`` gives that of a folder.

    Args:
        manifest: What it was begun with.
        runs: Its runs, finished or not.
    """

    def __init__(self, manifest: StudyManifest, runs: Iterable[RunRecords] = ()) -> None:
        self.manifest = manifest
        self.runs: dict[str, RunRecords] = {run.id: run for run in runs}
        self._settings: dict[type[BaseModel], Any] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.where!r}, runs={list(self.runs)})"

    @property
    def where(self) -> str:
        """Where it is, for an error."""
        return "memory"

    @property
    def _manifest_place(self) -> str:
        return f"a study in {self.where}"

    def settings(self, kind: type[_Settings]) -> _Settings:
        """What the manifest of a kind of study says, as a type; read once for each.

        Raises:
            RecordError: A field is missing, or is of another type.
        """
        if kind not in self._settings:
            self._settings[kind] = read_as(kind, self.manifest.content, self._manifest_place)
        return self._settings[kind]

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
        return [run for run in self.runs.values() if _agrees(run.manifest.config, config)]

    def _what_there_is(self, config: dict[str, object]) -> str:
        if not self.runs:
            return "it has no runs at all; run it first"
        there: list[str] = []
        for name in config:
            configs = [run.manifest.config for run in self.runs.values()]
            values = [repr(config[name]) for config in configs if name in config]
            told = ", ".join(dict.fromkeys(values)) or "not in any configuration"
            there.append(f"{name}: {told}")
        return f"it has {'; '.join(there)}"


class StoredStudy(StudyRecords):
    """One study, as it was recorded, finished or not.

    Args:
        folder: The study's folder.

    Raises:
        RecordError: The manifest of the study or of a run is missing, damaged, or newer than this
            landscope, or a run's id is not its folder's name.
    """

    def __init__(self, folder: StudyFolder) -> None:
        self.folder = folder
        super().__init__(folder.manifest, map(_stored_run, folder.runs()))

    @property
    def where(self) -> str:
        """The folder's path."""
        return str(self.folder.path)

    @property
    def _manifest_place(self) -> str:
        return str(self.folder.manifest_path)


def _stored_run(folder: RunFolder) -> StoredRun:
    run = StoredRun(folder)
    if run.id != folder.id:
        raise RecordError(
            str(folder.path),
            f"the run in it has the id {run.id}",
            "give the folder its run's id again, or remove the copy",
        )
    return run


def _agrees(config: Mapping[str, Any], wanted: dict[str, object]) -> bool:
    return all(name in config and config[name] == value for name, value in wanted.items())


def read_study(path: str | os.PathLike[str]) -> StoredStudy:
    """The records of the study in a folder.

    Raises:
        RecordError: There is no study, or a manifest in it is damaged or newer than this landscope.
    """
    return StoredStudy(StudyFolder(Path(path)))
