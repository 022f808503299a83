"""The cases in which every checksum is right, and the values are hostile."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from landscope.runs.line import encode
from torture.hostile.case import Base, Case
from torture.hostile.doors import FIRST, RUN_DOORS, STUDY_DOORS
from torture.hostile.names import FOLDER, NAMES, SURROGATE
from torture.hostile.sealed import line, reading, reseal, rewrite, seal

_READ = (*STUDY_DOORS, *RUN_DOORS)
_SHORT = ("show", "status", "report", "export csv")
_COMPARED = "runs/batch-lr0.1-seed0"
_BASES: tuple[tuple[Base, str], ...] = (("paper", f"runs/{FIRST}"), ("comparison", _COMPARED))

ODD: dict[str, Any] = {
    "null": None, "a list": [[]], "an object": {"a": {}}, "a text": "x", "a negative": -1,
    "1e400": 1e400, "10^30": 10**30, "true": True, "0.5": 0.5, "half a character": SURROGATE,
    "a path": "../../outside", "empty": "", "two numbers": [0.5, 0.5],
    "a list of lists of numbers": [[0.5]],
}  # fmt: skip
"""Values that JSON can hold and hardly any field expects."""

_STUDY_FIELDS = {
    "paper": ("study", "preset", "preset.name", "preset.vgg", "preset.vgg.layers",
              "preset.vgg.layers.figure_2", "figures", "seed", "versions", "device", "threads",
              "started", "seconds", "landscope", "workers", "runs", "runs.0", "runs.0.id",
              "runs.0.steps"),
    "comparison": ("norms", "lrs", "seeds", "model", "loss", "steps", "every", "insert"),
}  # fmt: skip
_RUN_FIELDS = {
    "paper": ("id", "config", "config.family", "config.norm", "config.lr", "config.steps",
              "layers"),
    "comparison": ("config.norm", "config.lr", "config.seed", "parameters", "initial_weights"),
}  # fmt: skip
_READING_FIELDS = ("step", "probe", "quantity", "value", "layer", "axis", "function", "seconds")


def hostile_values() -> Iterator[Case]:
    """All of them."""
    yield from _odd_fields()
    yield from _names()
    yield from _failures()
    yield from _journals()
    yield from _manifests()
    yield from _checkpoints()


def _odd_fields() -> Iterator[Case]:
    """Each odd value in each field."""
    for base, run in _BASES:
        doors = (*_SHORT, "Run") if base == "paper" else _SHORT
        for odd, value in ODD.items():
            for field in _STUDY_FIELDS[base]:
                plant = _changes("study.json", _setter(field, value))
                yield Case(f"{odd} for {field} of study.json", base, plant, _SHORT)
            for field in _RUN_FIELDS[base]:
                plant = _changes(f"{run}/run.json", _setter(field, value))
                yield Case(f"{odd} for {field} of run.json", base, plant, doors)
            for field in _READING_FIELDS:
                plant = _rewrites(f"{run}/journal.jsonl", _setter(field, value))
                yield Case(f"{odd} for {field} of every reading", base, plant, doors)


def _failures() -> Iterator[Case]:
    """A failure that a run left, in every word of which there is a hostile name."""
    for kind, name in NAMES.items():
        failure = dict.fromkeys(("reason", "place", "text", "when"), name)
        plant = partial(_fail, {"format": 1, **failure})
        yield Case(f"{kind} in a failure", "paper", plant, ("status",))


def _fail(content: dict[str, Any], folder: Path, _: Path) -> None:
    (folder / "runs" / FIRST / "failure.json").write_bytes(seal(content))
    (folder / "runs" / FIRST / "journal.jsonl").unlink()


def _names() -> Iterator[Case]:
    """Each hostile name wherever there is one."""
    for base, _ in _BASES:
        doors = _READ if base == "paper" else STUDY_DOORS
        for kind, name in NAMES.items():
            yield Case(f"{kind} in every name", base, partial(rename, base, name), doors)
    yield Case("control characters in the folder's name", "paper", _nothing, _READ, FOLDER)
    yield Case("control characters beside a missing study", "data", _nothing, STUDY_DOORS, FOLDER)
    for kind, name in NAMES.items():
        planted = _changes(f"runs/{FIRST}/run.json", _setter("id", name))
        yield Case(f"{kind} as a run's id", "paper", planted, _READ)


def rename(base: Base, name: str, folder: Path, _: Path) -> None:
    """Puts a name wherever a study has one; readings keep theirs at every other line."""

    def study(content: dict[str, Any]) -> None:
        content.update(versions={name: name}, device=name, landscope=name, started=name)
        if base == "paper":
            content["preset"].update(name=name, summary=name)
        else:
            content.update(model=name, data=name, loss=name, optimizer=name)

    named: dict[str, str] = {}

    def manifest(content: dict[str, Any]) -> None:
        named.update({layer: f"{name}{at}" for at, layer in enumerate(content["layers"])})
        content["layers"] = list(named.values())
        content["config"][name] = name
        content["config"]["model"] = name

    def reading(body: dict[str, Any]) -> None:
        body["layer"] = named.get(body["layer"])
        body["function"] = name
        if body["step"] % 2:
            body.update(probe=name, quantity=name, unit=name)

    reseal(folder / "study.json", study)
    for path in sorted(folder.glob("runs/*")):
        named.clear()
        reseal(path / "run.json", manifest)
        rewrite(path / "journal.jsonl", reading)


def _journals() -> Iterator[Case]:
    big = 2**20
    bodies = {
        "a line of five million empty lists": line(1, "reading", "[" + "[]," * 5_000_000 + "[]]"),
        "a line of a million objects": line(1, "reading", "[" + '{"":0},' * 2_000_000 + "0]"),
        "a line of a million numbers": reading(1, value=[0.5] * 1_000_000),
        "a line of 64 MiB": line(1, "reading", f'"{"x" * 2**26}"'),
        "a line of 100,000 brackets": line(1, "reading", "[" * 100_000 + "]" * 100_000),
        "a step of 4,000 digits": line(1, "reading", f'{{"step":{"9" * 4000}}}'),
        "a step of a million digits": line(1, "reading", f'{{"step":{"9" * big}}}'),
        "a value of 1e999": reading(1).replace(b"0.5", b"1e999"),
        "an escape in a field's name": line(1, "reading", json.dumps({"\x1b]0;x\x07": 1})),
        "a megabyte as a field's name": line(1, "reading", json.dumps({"x" * big: 1})),
        "an empty list of values": reading(1, value=[]),
        "the greatest step": reading(1, step=2**63 - 1),
        "a step too great for 64 bits": reading(1, step=2**63),
        "the greatest number": reading(1, value=1.7e308) + reading(2, step=1, value=-1.7e308),
        "a newer format with an escape": encode(1, "reading", {}).replace(b"1", b"9", 1),
    }
    for name, body in bodies.items():
        plant = partial(_write, f"runs/{FIRST}/journal.jsonl", body)
        yield Case(name, "paper", plant, _READ)


def _manifests() -> Iterator[Case]:
    changes: dict[str, dict[str, Any]] = {
        "five million empty lists": {"preset": {"x": [[]] * 5_000_000}},
        "a million objects": {"preset": {"x": [{"": 0}] * 1_000_000}},
        "a text of 15 MiB": {"preset": {"name": "x" * (15 * 2**20)}},
        "a text of 15 MiB and one emoji": {"preset": {"name": "\U0001f600" + "x" * (15 * 2**20)}},
        "100,000 figures": {"figures": [2] * 100_000},
        "a figure that there is not": {"figures": [10**6]},
        "500 levels": {"preset": json.loads('{"x":' * 500 + "0" + "}" * 500)},
        "100,000 versions": {"versions": {f"v{at}": at for at in range(100_000)}},
    }
    for name, change in changes.items():
        plant = _changes("study.json", lambda content, change=change: content.update(change))
        yield Case(f"{name} in study.json", "paper", plant, STUDY_DOORS)
    layers = _changes(f"runs/{FIRST}/run.json", _setter("layers", ["x"] * 2_000_000))
    yield Case("two million layers", "paper", layers, _READ)


def _checkpoints() -> Iterator[Case]:
    """Manifests of checkpoints that claim what is not there, or lead out of the folder."""
    folder = f"runs/{FIRST}/checkpoints"
    names = ("../../../../outside", "/etc", "step-1-0a1b2c3d/../../x", "step-1-0a1b2c3d\n", "..")
    for name in names:
        plant = _changes(f"{folder}/latest.json", _setter("latest", name))
        yield Case(f"{name!r} as the newest checkpoint", "paper", plant, ("checkpoint",))
    for claim in (2**40, 2**70, -1, 1e400):
        for file in ("values.json", "tensors.safetensors"):
            field = f"files|{file}|bytes"
            plant = _each(f"{folder}/step-*/manifest.json", _setter(field, claim, "|"))
            yield Case(f"{file} claims {claim:g} bytes", "paper", plant, ("checkpoint",))
    plant = _each(f"{folder}/step-*/manifest.json", _setter("files|../../x", {}, "|"))
    yield Case("a checkpoint's file with a path", "paper", plant, ("checkpoint",))


def _setter(field: str, value: object, separator: str = ".") -> Callable[[dict[str, Any]], object]:
    def change(content: dict[str, Any]) -> None:
        *path, last = (int(part) if part.isdigit() else part for part in field.split(separator))
        place: Any = content
        for name in path:
            place = place[name]
        place[last] = value

    return change


def _changes(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[..., None]:
    return lambda folder, _: reseal(folder / file, change)


def _each(pattern: str, change: Callable[[dict[str, Any]], object]) -> Callable[..., None]:
    def plant(folder: Path, _: Path) -> None:
        for path in folder.glob(pattern):
            reseal(path, change)

    return plant


def _rewrites(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[..., None]:
    return lambda folder, _: rewrite(folder / file, change)


def _write(file: str, body: bytes, folder: Path, _: Path) -> None:
    (folder / file).write_bytes(body)


def _nothing(_: Path, __: Path) -> None:
    pass
