"""Finding: a probe could not measure."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.phrase import counted, listed
from landscope.findings.symptom import Symptom
from landscope.reading import Reading

_REASON = 160  # characters of a reason that are told
_TOLD = 3  # probes whose reasons are told


def _look(history: History) -> Case | None:
    failures: dict[str, list[Reading]] = {}
    for reading in history.readings("scope", "failed"):
        failures.setdefault(reading.layer or "scope", []).append(reading)
    if not failures:
        return None
    probes = sorted(failures, key=lambda probe: (failures[probe][0].step, probe))
    told = [_tell(probe, failures[probe]) for probe in probes[:_TOLD]]
    if more := len(probes) - len(told):
        told.append(counted(more, "probe") + " more")
    return Case(
        "info",
        f"Not everything was measured: {listed(told)}; the training is not touched by it.",
        Evidence(
            "scope/failed",
            tuple(failures[probe][0].step for probe in probes),
            tuple(float(len(failures[probe])) for probe in probes),
            tuple(probes),
        ),
        "If the reason names something in the model or the batch, change it or choose probes "
        "without that one; if not, it is a mistake in landscope, and a report with the reason "
        "helps.",
    )


def _tell(probe: str, failed: list[Reading]) -> str:
    """What failed, how often and why, on one line."""
    reason = " ".join(failed[0].function.split()) or "no reason given"
    if len(reason) > _REASON:
        reason = f"{reason[:_REASON].rstrip()} ..."
    times = "once" if len(failed) == 1 else f"{len(failed)} times"
    return f"{probe} failed {times}, first at step {failed[0].step} ({reason})"


PROBE_FAILED = Symptom(
    "probe-failed",
    ("info",),
    "a probe that could not measure a step",
    "landscope.Scope: what goes wrong in measuring is recorded and never reaches the training",
    _look,
)
