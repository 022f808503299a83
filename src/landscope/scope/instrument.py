"""The instrument: calls the probes that are due at a step, and writes their readings."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from landscope.cost import ProbeCost, Work
from landscope.errors import UsageError
from landscope.probes.probe import Probe
from landscope.probes.snapshot import StepView
from landscope.reading import TRUSTED, Reading, Status
from landscope.runs.body import reading_to_json


class Instrument:
    """Probes, and where their readings go.

    Args:
        probes: What is measured.
        write: Takes each reading, as a journal's ``write`` does.
        on_failure: Called with a probe that raised; returns whether it may measure again, otherwise
            it is switched off. If None, the error propagates.
        on_refusal: Called with a user's probe that gave something that is not a reading. If None,
            the error propagates.
        sits_out: Called with the id of a probe that is due; returns whether it is left out this
            time.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        write: Callable[[Reading], None],
        on_failure: Callable[[Probe, int, Exception], bool] | None = None,
        on_refusal: Callable[[Probe, int, Exception], None] | None = None,
        sits_out: Callable[[str], bool] | None = None,
    ) -> None:
        self._use(probes)
        self._write = write
        self._on_failure = on_failure
        self._on_refusal = on_refusal
        self._sits_out = sits_out

    def costs(self, work: Work, steps: int) -> list[ProbeCost]:
        """What each probe will cost over a training, before anything runs.

        Args:
            work: The arithmetic of the network's layers.
            steps: Steps of the training.
        """
        return [probe.cost_over(steps, work) for probe in self._probes]

    def due(self, step: int) -> bool:
        """Whether any probe measures a step, so that the loop must keep a snapshot of it."""
        return _any_due(self._probes, step)

    def due_with_previous(self, step: int) -> bool:
        """Whether a probe that is due compares an update with the one before."""
        return _any_due(self._comparing, step)

    def state_dict(self) -> dict[str, Any]:
        """What each active probe keeps between measurements, by its id."""
        return {probe.id: probe.state_dict() for probe in self._probes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore that state; a probe without a state was switched off.

        Raises:
            UsageError: There is a state of a probe that is not here.
        """
        probes = {probe.id: probe for probe in self._probes}
        for name in state.keys() - probes.keys():
            raise UsageError(
                f"the state of probe {name!r}",
                f"the probes here are {', '.join(probes)}",
                "resume with the probes that the training was started with",
            )
        for name, kept in state.items():
            probes[name].load_state_dict(kept)
        self._use([probe for probe in self._probes if probe.id in state])

    def leave_out_what_needs_the_mean(self) -> list[str]:
        """Leave out the probes that need the gradient over all processes; return their ids."""
        left_out = [probe for probe in self._probes if probe.needs_mean_gradient]
        self._use([probe for probe in self._probes if not probe.needs_mean_gradient])
        return [probe.id for probe in left_out]

    def switch_off(self) -> list[str]:
        """Switch all probes off; return the ids of those that were on."""
        switched_off = [probe.id for probe in self._probes]
        self._use([])
        return switched_off

    def measure(self, view: StepView) -> dict[str, float]:
        """Let every probe that is due read the view, and write its readings with its seconds.

        Returns:
            The seconds of each probe that measured, by its id.
        """
        taken: dict[str, float] = {}
        for probe in [probe for probe in self._probes if probe.schedule.due(view.step)]:
            if self._sits_out is not None and self._sits_out(probe.id):
                continue
            start = time.perf_counter()
            try:
                readings = list(probe.read(view))
            except Exception as error:
                if self._on_failure is None:
                    raise
                taken[probe.id] = time.perf_counter() - start
                if not self._on_failure(probe, view.step, error):
                    self._use([other for other in self._probes if other is not probe])
                continue
            taken[probe.id] = seconds = time.perf_counter() - start
            for reading in readings:
                self._take(probe, view.step, reading, seconds)
        return taken

    def _take(self, probe: Probe, step: int, reading: Reading, seconds: float) -> None:
        if not is_ours(probe):
            try:
                reading = _checked(reading)
            except UsageError as error:
                if self._on_refusal is None:
                    raise
                self._on_refusal(probe, step, error)
                return
        self._write(replace(reading, seconds=seconds))

    def _use(self, probes: Sequence[Probe]) -> None:
        self._probes = list(probes)
        self._comparing = [probe for probe in probes if probe.needs_previous]


def _any_due(probes: list[Probe], step: int) -> bool:
    for probe in probes:  # noqa: SIM110 (at every step; a generator takes twice as long)
        if probe.schedule.due(step):
            return True
    return False


def is_ours(probe: Probe) -> bool:
    """Whether a probe belongs to landscope, and is not the user's own."""
    return type(probe).__module__.partition(".")[0] == "landscope"


def _checked(given: Any) -> Reading:
    """Check a reading of a user's own probe, and correct its status.

    Raises:
        UsageError: It is not a reading, or not one that a writer accepts.
    """
    if not isinstance(given, Reading):
        raise UsageError(
            f"{given!r} among the readings of a probe",
            "a probe gives readings",
            "make each with self.reading(view, quantity, value)",
        )
    try:
        reading_to_json(given)
    except Exception as error:  # a field can be anything
        raise UsageError(
            f"{given.quantity} = {given.value!r}",
            str(error),
            "give one number, as float() makes it, or a tuple of numbers with their axis",
        ) from error
    values = given.value if isinstance(given.value, tuple) else (given.value,)
    if given.status in TRUSTED and not all(map(math.isfinite, values)):
        return replace(given, status=Status.NONFINITE)
    return given
