"""What was run, from the manifests and the outcomes: the head and the tables of the page."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from landscope.figures.curves import early_end
from landscope.norms.names import NORM_LABELS
from landscope.quantities import TRAINING, Quantity
from landscope.runs import RunRecords, StudyManifest, StudyRecords
from landscope.studies.santurkar2018.records import PaperFamily, PaperRun, PaperStudy
from landscope.text import full_duration, lr_text, number_text

_NOTHING = "-"
_FUNCTIONS = 6
"""A probe that measured more functions than this, as with user-made ones, says how many more."""
_FAMILIES = {"vgg": "VGG", "dln": "Deep linear net"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what it is."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line of the table of runs; a number that the run has not is a dash."""

    id: str
    family: str
    norm: str
    lr: str
    steps: str
    train_accuracy: str
    test_accuracy: str
    train_loss: str
    outcome: str
    broke_off: bool
    seconds: str


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """What a probe measured, on which function, and what it took over all runs."""

    probe: str
    quantities: str
    functions: tuple[str, ...]
    seconds: str


def facts(study: StudyRecords) -> list[Fact]:
    """What was run, where and when, for the head of the page."""
    manifest, preset = study.manifest, study.settings(PaperStudy).preset
    told = [
        Fact("Preset", preset.name),
        *(
            Fact(name, _size(preset.family(key), len(runs)))
            for key, name in _FAMILIES.items()
            if (runs := _of_family(study, key))
        ),
        Fact("Runs", f"{len(study.runs)}, seed {manifest.seed}"),
        Fact("Machine", machine(manifest)),
        Fact("Started", moment(manifest.started)),
        Fact("Wall time", full_duration(manifest.seconds)),
    ]
    return [*told, Fact("In short", preset.summary)] if preset.summary else told


def versions(study: StudyRecords) -> list[Fact]:
    """The versions of everything that took part."""
    own = Fact("landscope", study.manifest.landscope or "not recorded")
    others = sorted(study.manifest.versions.items())
    return [own, *(Fact(name, str(value)) for name, value in others)]


def settings(study: StudyRecords) -> list[Fact]:
    """The settings of each family: what the paper leaves open is chosen here."""
    preset = study.settings(PaperStudy).preset
    return [
        Fact(f"{name}: {setting.replace('_', ' ')}", _setting_text(value))
        for key, name in _FAMILIES.items()
        for setting, value in _flat(preset.family(key).model_dump(exclude_unset=True))
    ]


def layer_names(study: StudyRecords) -> list[Fact]:
    """For each family the layers by number, as the first of its runs names them."""
    found: list[Fact] = []
    for key, name in _FAMILIES.items():
        for run in _of_family(study, key)[:1]:
            numbered = ", ".join(f"{at} {layer}" for at, layer in enumerate(run.layers, 1))
            found.append(Fact(name, numbered))
    return found


def run_rows(study: StudyRecords) -> list[RunRow]:
    """The table of all runs, by family, then step size, then norm in the order of the legend."""
    families, norms = list(_FAMILIES), list(NORM_LABELS)

    def place(run: RunRecords) -> tuple[int, float, int, str]:
        made = run.settings(PaperRun)
        return (
            families.index(made.family) if made.family in families else len(families),
            -(made.lr or 0.0),
            norms.index(made.norm) if made.norm in norms else len(norms),
            run.id,
        )

    runs = sorted(study.runs.values(), key=place)
    return [_run_row(run) for run in runs]


def probe_rows(study: StudyRecords) -> list[ProbeRow]:
    """What was measured, on which function, and what it took; in the order of measuring."""
    quantities: dict[str, dict[str, None]] = {}
    functions: dict[str, dict[str, None]] = {}
    seconds: dict[str, dict[tuple[str, int], float]] = {}
    for run in study.runs.values():
        for reading in run.all_readings:
            quantities.setdefault(reading.probe, {})[reading.quantity] = None
            if said := str(reading.function.at_any_step):
                functions.setdefault(reading.probe, {})[said] = None
            # All readings that a probe gives at a step share its seconds.
            spent = seconds.setdefault(reading.probe, {})
            spent[(run.id, reading.step)] = reading.seconds
    return [
        ProbeRow(
            probe,
            ", ".join(map(_in_words, names)),
            _shortened(tuple(functions.get(probe, {}))),
            full_duration(sum(seconds[probe].values())),
        )
        for probe, names in quantities.items()
    ]


def _in_words(quantity: str) -> str:
    """A quantity's name as it is read: ``theorem_4_1_left`` is that of Theorem 4.1."""
    return re.sub(r"(\d)_(\d)", r"\1.\2", quantity).replace("_", " ")


def _run_row(run: RunRecords) -> RunRow:
    made, broke_off = run.settings(PaperRun), early_end(run.outcome)
    norm, family = str(made.norm), str(made.family)
    return RunRow(
        id=run.id,
        family=_FAMILIES.get(family, family),
        norm=NORM_LABELS.get(norm, norm),
        lr=_NOTHING if made.lr is None else lr_text(made.lr),
        steps=_NOTHING if made.steps is None else str(made.steps),
        train_accuracy=_last(run, TRAINING.train_accuracy, 100.0, " %"),
        test_accuracy=_last(run, TRAINING.test_accuracy, 100.0, " %"),
        train_loss=_last(run, TRAINING.train_loss, 1.0, ""),
        outcome="finished" if broke_off is None else broke_off.text,
        broke_off=broke_off is not None,
        seconds=full_duration(run.outcome.seconds),
    )


def _last(run: RunRecords, quantity: Quantity, factor: float, unit: str) -> str:
    """The last reading; of a single batch where it is the training's."""
    if not run.has(quantity):
        return _NOTHING
    _, values = run.numbers(quantity)
    last = float(values[-1])
    return f"{number_text(factor * last)}{unit}" if math.isfinite(last) else "not finite"


def _shortened(functions: tuple[str, ...]) -> tuple[str, ...]:
    more = len(functions) - _FUNCTIONS
    return functions if more <= 0 else (*functions[:_FUNCTIONS], f"and {more} more")


def _of_family(study: StudyRecords, family: str) -> list[RunRecords]:
    return [run for run in study.runs.values() if run.settings(PaperRun).family == family]


def _size(family: PaperFamily, runs: int) -> str:
    batches = "full batch" if family.batch_size is None else f"batches of {family.batch_size}"
    return f"{family.model} on {family.data}, {family.steps} steps, {batches}, {runs} runs"


def moment(started: object) -> str:
    """A time in ISO 8601 as a reader writes it, without parts of a second."""
    try:
        when = datetime.fromisoformat(str(started))
    except ValueError:
        return "not recorded"
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".strip()


def machine(manifest: StudyManifest) -> str:
    """Device, and how many runs side by side with how many threads each."""
    counts = {"worker": manifest.workers, "thread": manifest.threads}
    told = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count]
    return ", ".join([manifest.device or "not recorded", *told])


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, Any]", value), f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", value


def _setting_text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_setting_text(each) for each in cast("list[object]", value))
    return "all" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
