"""The table of probes for any training, and the presets by cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from landscope.errors import UsageError
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.gradient import Gradient
from landscope.probes.input_drift import InputDrift
from landscope.probes.line import PaperLine
from landscope.probes.noise_floor import NoiseFloor
from landscope.probes.noise_scale import NoiseScale
from landscope.probes.norm_health import NormHealth
from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.probes.step_size import StepSize
from landscope.probes.theory import Theory
from landscope.probes.update import Update

_MULTIPLES = (0.5, 1.0, 2.0, 4.0)
_UNITS = 2


@dataclass(frozen=True, slots=True)
class ProbeEntry:
    """One row of the table.

    Args:
        name: What it is called in ``Scope(probes=...)``.
        measures: What it measures, in one line.
        builder: Makes the probe for a schedule.
    """

    name: str
    measures: str
    builder: Callable[[Schedule], Probe]


def _line(schedule: Schedule) -> Probe:
    return PaperLine(schedule, _MULTIPLES)


def _theory(schedule: Schedule) -> Probe:
    return Theory(schedule, _UNITS)


_ROWS = (
    ProbeEntry("gradient", "loss, gradient, and whether the optimiser used that", Gradient),
    ProbeEntry("update", "size and direction of the update, and what it did to the loss", Update),
    ProbeEntry("step_size", "how far along the update the loss falls, and the edge", StepSize),
    ProbeEntry("line", "loss and gradient along the gradient: effective smoothness", _line),
    ProbeEntry("noise_scale", "how much of the gradient is noise of the batch", NoiseScale),
    ProbeEntry("norm_health", "running statistics, dead scales, modes, halved batches", NormHealth),
    ProbeEntry("covariate_shift", "how each layer's gradient moves under others", CovariateShift),
    ProbeEntry("input_drift", "how the distributions of the layers' inputs move", InputDrift),
    ProbeEntry("noise_floor", "how much rounding and chance change a gradient", NoiseFloor),
    ProbeEntry("theory", "both sides of the paper's theorems, at each batch norm", _theory),
)

PROBES: dict[str, ProbeEntry] = {row.name: row for row in _ROWS}
"""Probes that need nothing but a step, by name."""

CHEAP = ("gradient", "update")
"""These take part in every measurement: the others need the gradient as well."""

PRESETS: dict[str, tuple[str, ...]] = {
    "cheap": CHEAP,
    "standard": (
        *CHEAP,
        "step_size",
        "line",
        "noise_scale",
        "norm_health",
        "covariate_shift",
        "input_drift",
    ),
    "full": tuple(name for name in PROBES if name != "theory"),
}
"""Names of probes, by what they cost."""


def chosen(probes: Any) -> list[str | Probe]:
    """The probes of a preset or a list, each at most once.

    Args:
        probes: A preset's name, or a sequence of names and of probes.

    Raises:
        UsageError: It is neither, there is no such preset or probe, or a probe is given twice.
    """
    if isinstance(probes, str):
        if probes not in PRESETS:
            raise UsageError(
                f"probes = {probes!r}",
                f"the presets are {', '.join(PRESETS)}",
                f"choose one of them, or give a list of names: {', '.join(PROBES)}",
            )
        return list(PRESETS[probes])
    if not isinstance(probes, Sequence):
        raise UsageError(
            f"probes = {probes!r}",
            "they are the name of a preset, or a list",
            f"choose one of {', '.join(PRESETS)}, or give a list of names and probes",
        )
    given = cast("Sequence[Any]", probes)
    for position, probe in enumerate(given):
        known = isinstance(probe, Probe) or (isinstance(probe, str) and probe in PROBES)
        if not known:
            raise UsageError(
                f"probes[{position}] = {probe!r}",
                f"the probes with a name are {', '.join(PROBES)}",
                "choose among them, or give an instance of landscope.Probe",
            )
        if any(_id(probe) == _id(other) for other in given[:position]):
            raise UsageError(
                f"probes[{position}] is {_id(probe)!r} again",
                "the records tell probes apart by their ids",
                "leave one out, or give it another id",
            )
    return list(given)


def _id(probe: str | Probe) -> str:
    return probe if isinstance(probe, str) else probe.id
