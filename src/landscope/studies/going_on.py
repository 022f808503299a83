"""A study's manifest: begun once, and the same when the study goes on."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from landscope.errors import UsageError
from landscope.runs.folder import StudyFolder
from landscope.runs.manifest import Change, StudyManifest, describe_versions, manifest_of, read_as
from landscope.runs.recording import changes
from landscope.studies.kind import Kind, RunConfig
from landscope.studies.machine import Machine, Place


def check_same_study(folder: StudyFolder, study: Kind, asked: Mapping[str, Any]) -> None:
    """Refuse to go on with a study that was begun otherwise; touches nothing.

    Args:
        folder: The study's folder, whether it exists or not.
        study: What is asked for.
        asked: What its manifest must have been begun with.

    Raises:
        UsageError: It was begun with something else, has runs that are not asked for, or was run
            with other code.
    """
    if not folder.manifest_path.exists():
        return
    begun, kind = folder.manifest, study.records.study
    fixed = {name: value for name, value in asked.items() if name not in (*study.grows, "code")}
    for name, before in begun.unlike(fixed).items():
        raise UsageError(
            f"{name} = {_brief(name, asked[name], kind, asked)} with the study in {folder.path}",
            f"it was begun with {name} = {_brief(name, before, kind, begun.content)}",
            "give the same to go on with it, or another --out to begin a new one",
        )
    if begun.code != asked.get("code") and any(run.outcome().ended for run in folder.runs()):
        raise UsageError(
            f"the code of {asked.get('model', study.name)}",
            f"it has changed since the study in {folder.path} was begun",
            "give another --out to begin a new one, or put the code back to go on",
        )
    there = read_as(kind, begun.content, str(folder.manifest_path))
    for name in study.grows:
        lost = [value for value in getattr(there, name) or () if value not in asked[name]]
        if lost:
            raise UsageError(
                f"{name} = {', '.join(map(str, asked[name]))} with the study in {folder.path}",
                f"it was begun with {', '.join(map(str, lost))} as well",
                "give those too, or another --out to begin a new one",
            )


def check_same_machine(
    folder: StudyFolder, machine: Machine, *, accept_changes: bool
) -> dict[str, Any]:
    """What the study's bits depend on here; refused where it was begun on something else.

    Args:
        folder: The study's folder, whether it exists or not.
        machine: Where its runs will be; the threads of a study that goes on are what they were.
        accept_changes: Whether it goes on all the same.

    Raises:
        UsageError: A study with runs that are left was begun on something else.
    """
    found = folder.manifest if folder.manifest_path.exists() else None
    threads = (found.threads if found else None) or machine.threads
    with Machine(machine.device, threads).prepared() as here:
        identity = here.identity
    for name, now in changes((found.identity if found else None) or {}, identity).items():
        if not accept_changes:
            raise UsageError(
                f"{name} = {now[1]} with the study in {folder.path}",
                f"it was begun with {name} = {now[0]}, and its runs' last bits depend on that",
                "go on as it was begun, or give --accept-changes, which is recorded",
            )
    return identity


def open_study(
    folder: StudyFolder,
    asked: Mapping[str, Any],
    runs: Sequence[RunConfig],
    identity: dict[str, Any] | None,
    place: Place,
) -> StudyManifest:
    """The study's manifest: that of the folder where there is one, else a new one.

    Args:
        folder: The study's.
        asked: What it is begun with; a list may have more than when it was begun.
        runs: All of its runs.
        identity: As ``check_same_machine`` gives it; None where no run is left.
        place: Where a new one runs.
    """
    planned = [{"id": run.id, "steps": run.steps, "digest": run.digest} for run in runs]
    fields = {"format": 1, **asked, "runs": planned}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if not folder.manifest_path.exists():
        fields |= {"identity": identity, "threads": place.threads, "workers": place.workers}
        fields |= {"started": now, "seconds": None, **describe_versions()}
        manifest = manifest_of(StudyManifest, fields)
        folder.write_manifest(manifest)
        return manifest
    begun = folder.manifest
    manifest = manifest_of(StudyManifest, {**begun.content, **fields})
    found = changes(begun.identity or {}, identity or {})
    if found and identity not in [change.to for change in begun.changes]:
        change = Change(when=now, names=list(found), to=identity or {})
        manifest = manifest.changed(changes=[*begun.changes, change])
    if manifest.content != begun.content:
        folder.write_manifest(manifest)
    return manifest


def close_study(folder: StudyFolder, manifest: StudyManifest, started: float) -> None:
    """Write down what the study has taken, and that all its runs have ended.

    Args:
        folder: The study's folder.
        manifest: Its manifest so far.
        started: When this part of it began, by ``time.perf_counter``.
    """
    seconds = (manifest.seconds or 0.0) + time.perf_counter() - started
    folder.write_manifest(manifest.changed(seconds=seconds))


def _brief(name: str, value: Any, kind: type[BaseModel], content: Mapping[str, Any]) -> str:
    """A field's value in short: where the kind of study has a type for it, as that says it."""
    if name in kind.model_fields:
        value = getattr(read_as(kind, content, name), name)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
