"""The budget: plans when and what to measure, so that probes take a given share of the time.

The training's time earns credit, and measurements are paid from it. A measurement is planned once
it can be paid. In the first round each probe measures once, in as few measurements as possible,
because each measurement computes the gradient again. After that, turns lie between two extremes: if
all probes measured equally often, an expensive one would take all of the time, and if all took
equal time, it would hardly ever measure.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from landscope.probes.schedule import WhenPlanned

_AHEAD = 2  # updates from a plan to its measurement: the parameters before that are kept
_AIM = 0.95  # share of the budget used, because costs are estimates
_AIM_FIRST = 1.08  # the same in the first round: a short training ends with it
_SHORT = 330  # a training of 300 steps should see all probes; costs are thought a tenth higher
_FIRST = 5.0  # training steps that the first measurement may take
_FIRST_OF_TWO = 9.5  # the same where a short training can pay for all in two measurements
_GROWTH = 1.0  # later ones in the first round may take this part of all credit
_LAST = 1.1  # the last of them may take this, to avoid one more gradient
_THINK_AGAIN = 10  # steps between estimates of what a first measurement takes
_DEAREST = 0.75  # of all credit: whenever a training ends, over half of its budget is used
_UNMEASURED = 1.05  # factor on the arithmetic of the first measurement,
_PYTHON = 1e-3, 1e-4  # plus seconds for each step of it: for any network, and for each module
_REMEMBERED = 0.7  # weight of the past in a moving average

_WARM_UP = 2  # updates that are not counted: compilers, allocators and caches warm up in them
_PAUSE = 10.0  # usual steps: longer pauses are not training, and give no credit


@dataclass
class _Account:
    """How often a probe has measured, and the estimated seconds of its next measurement."""

    seconds: float
    count: int = 0

    @property
    def turn(self) -> float:
        """Priority, the coming measurement included; the lowest comes first."""
        return (self.count + 1) * math.sqrt(self.seconds)

    def charge(self, seconds: float) -> None:
        # A longer time than estimated counts at once, a shorter one gradually.
        faster = self.count > 0 and seconds < self.seconds
        self.seconds = average(self.seconds, seconds) if faster else seconds
        self.count += 1


class Budget:
    """Keeps probes to a share of the time.

    Args:
        share: Of all the time, between 0 and 1.
        plans: The schedule of each probe, by its id.
        always: Ids of the probes that take part in every measurement.
        steps: The declared cost of a measurement of each probe, in training steps.
        modules: Number of modules of the network.
    """

    def __init__(
        self,
        share: float,
        plans: Mapping[str, WhenPlanned],
        always: Iterable[str],
        steps: Mapping[str, float],
        modules: int,
    ) -> None:
        self._share = share
        self._plans = dict(plans)
        self._always = list(always)
        self._steps = dict(steps)
        self._python = _PYTHON[0] + _PYTHON[1] * modules
        self._accounts: dict[str, _Account] = {}
        self._step_seconds = 0.0  # seconds of the training at the last plan
        self._base: _Account | None = None  # the gradient, which all probes of a measurement share
        self._seconds = 0.0
        self._spent = 0.0
        self._planned = -1  # the last step that was planned
        self._missing = 0.0  # credit without which nothing can be planned
        self._aim = _AIM_FIRST  # of what was asked

    def passed(
        self,
        step: int,
        training: float,
        step_seconds: float,
        measuring: float,
        taken: Mapping[str, float],
    ) -> None:
        """Count an update, and plan the next measurement if it can be paid.

        Args:
            step: Number of the update.
            training: Its seconds without measuring.
            step_seconds: What an update usually takes.
            measuring: Its seconds of measuring.
            taken: Of these, the seconds of each probe that measured, by its id.
        """
        self._seconds += training + measuring
        self._spent += measuring
        if self._base is None:
            self._base = _Account(self._thought(step_seconds))
            self._accounts = {
                probe: _Account(self._base.seconds * self._steps[probe]) for probe in self._plans
            }
        elif taken:
            self._charge(self._base, measuring, taken)
        elif not self._base.count and step % _THINK_AGAIN == 0:
            # The first update may have been slow: without this, no measurement might ever be paid.
            self._base.seconds = self._missing = self._thought(step_seconds)
            for probe, account in self._accounts.items():
                account.seconds = self._base.seconds * self._steps[probe]
        # This runs at every update, and nearly always there is nothing to choose from.
        if self._planned <= step and (taken or self._credit() >= self._missing):
            for probe in self._affordable(self._base):
                self._plans[probe].step = self._planned = step + _AHEAD

    def leave_out(self, probe: str) -> None:
        """Stop saving up for a probe that was switched off."""
        self._plans.pop(probe, None)
        self._accounts.pop(probe, None)
        self._always = [other for other in self._always if other != probe]
        self._missing = 0.0

    def _charge(self, base: _Account, measuring: float, taken: Mapping[str, float]) -> None:
        own = 0.0
        for probe in taken.keys() & self._accounts.keys():
            self._accounts[probe].charge(taken[probe])
            own += taken[probe]
        base.charge(measuring - own)
        # In a small network Python takes longer than arithmetic, by a factor that all probes share.
        known = [probe for probe, account in self._accounts.items() if account.count]
        seconds = base.seconds + sum(self._accounts[probe].seconds for probe in known)
        unit = seconds / (1 + sum(self._steps[probe] for probe in known))
        for probe, account in self._accounts.items():
            if not account.count:
                account.seconds = unit * self._steps[probe]

    def _thought(self, step_seconds: float) -> float:
        """Estimated seconds for one step of a measurement's arithmetic, before the first one."""
        self._step_seconds = step_seconds
        return _UNMEASURED * step_seconds + self._python

    def _credit(self) -> float:
        return self._aim * self._share * self._seconds - self._spent

    def _affordable(self, base: _Account) -> list[str]:
        """The probes of the next measurement; none if it must wait."""
        first = self._of_first_round(base)
        if first:
            self._aim = _AIM_FIRST
            self._missing = base.seconds + sum(self._accounts[probe].seconds for probe in first)
            return first if self._missing <= self._credit() else []
        self._aim = _AIM
        return self._whose_turn(base, self._credit())

    def _whose_turn(self, base: _Account, credit: float) -> list[str]:
        """The probes of the next measurement after the first round, with those always due."""
        cost, probes, self._missing = base.seconds, list[str](), 0.0
        cost += sum(self._accounts[probe].seconds for probe in self._always)
        others = (row for row in self._accounts.items() if row[0] not in self._always)
        for probe, account in sorted(others, key=lambda row: row[1].turn):
            if cost + account.seconds > _DEAREST * self._spent:
                continue
            if cost + account.seconds > credit:
                self._missing = cost + account.seconds
                break
            probes.append(probe)
            cost += account.seconds
        if not probes:
            self._missing = max(cost, self._missing)
            if self._missing > credit:
                return []
        return [*self._always, *probes]

    def _of_first_round(self, base: _Account) -> list[str]:
        """The next probes of the first round, and those that cost nothing themselves.

        All that are left, or the cheapest such that one more measurement covers the others, or the
        cheapest ones. None if even the cheapest would take too much of the credit so far: until
        then the others measure again.
        """
        free = [probe for probe in self._always if not self._steps[probe]]
        waiting = [
            probe for probe, a in self._accounts.items() if not a.count and probe not in free
        ]
        if base.count and not waiting:
            return []
        shared = base.seconds + sum(self._accounts[probe].seconds for probe in free)
        costs = {probe: self._accounts[probe].seconds for probe in waiting}
        chosen = self._halved(costs, shared, base)
        if not chosen:
            cost = shared
            most = _GROWTH * self._spent if base.count else _FIRST * self._step_seconds
            for probe in sorted(costs, key=costs.__getitem__):
                cost += costs[probe]
                if cost > most and (chosen or free or base.count):
                    break
                chosen.append(probe)
        # The first measurement of all may be that of the gradient alone.
        return [*free, *chosen] if chosen or not base.count else []

    def _halved(self, costs: Mapping[str, float], shared: float, base: _Account) -> list[str]:
        """All that are left, or the cheapest probes such that one more measurement covers the rest.

        Empty if there is no such half, if a short training could not pay for both, or if it could
        pay for twice as much: then it need not wait for a large measurement.
        """
        whole = shared + sum(costs.values())
        if base.count:
            return list(costs) if whole <= _LAST * self._spent else []
        pays = self._aim * self._share * _SHORT * self._step_seconds
        if not (shared + whole <= pays < 2 * (shared + whole)):
            return []
        halves: list[tuple[float, list[str]]] = []
        for size in range(1, len(costs)):
            for probes in combinations(costs, size):
                cost = shared + sum(costs[probe] for probe in probes)
                rest = whole - cost + shared
                if cost <= _FIRST_OF_TWO * self._step_seconds and rest <= _GROWTH * cost:
                    halves.append((cost, list(probes)))
        return min(halves, default=(0.0, []))[1]


def average(known: float, seconds: float) -> float:
    """A moving average, one value on."""
    return _REMEMBERED * known + (1 - _REMEMBERED) * seconds


class Clock:
    """Times updates from the end of one to the end of the next.

    Args:
        budget: Plans the measurements by the time; None for a fixed cadence.

    Attributes:
        step_seconds: Seconds of an update without a measurement, as a moving average.
    """

    def __init__(self, budget: Budget | None) -> None:
        self.step_seconds = 0.0
        self._budget = budget
        self._updates = 0
        self._last: float | None = None
        self._total = 0.0
        self._measuring = 0.0

    @property
    def share(self) -> float:
        """Share of the time that was spent on measuring; 0 before any was counted."""
        return self._measuring / self._total if self._total else 0.0

    def passed(self, step: int, measuring: float, taken: Mapping[str, float] | None) -> None:
        """Count an update that has ended, with its measurement.

        Args:
            step: Its number.
            measuring: Seconds spent on measuring.
            taken: Of these, the seconds of each probe, by its id; None if nothing was measured.
        """
        now = time.perf_counter()
        total = 0.0 if self._last is None else now - self._last
        self._last = now
        self._updates += 1
        training = max(0.0, total - measuring)
        if self._updates > _WARM_UP:
            self._total += total
            self._measuring += measuring
            usual = self.step_seconds or training
            training = min(training, _PAUSE * usual)
            if taken is None:
                self.step_seconds = average(usual, training)
        if self._budget is not None and self.step_seconds:
            self._budget.passed(step, training, self.step_seconds, measuring, taken or {})
