"""The budget: plans when to measure, and how much, so that probes take a share of the time.

Time flows in as the training runs, and measurements are paid from the share of it that was asked
for. One is planned once it can be paid. In the first round each probe measures once, in as few
measurements as may be, as each of these takes the gradient again. After it, whose turn it is lies
between two extremes: that all probes measure as often, where a dear one takes all of the time, and
that all take as much time, where it hardly ever measures.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from landscope.probes.schedule import WhenPlanned

_AHEAD = 2  # updates from a plan to its look: of the one before, the parameters are kept
_AIM = 0.95  # of what was asked, as what a look will take is an estimate
_AIM_FIRST = 1.08  # in the first round: a short training ends with it
_SHORT = 330  # steps of a training that is to see all probes, a tenth more than 300 as thought
_FIRST = 5.0  # training steps that the first measurement may take
_FIRST_OF_TWO = 9.5  # and where a short training can pay for all in two measurements
_GROWTH = 1.0  # those after it in the first round may take this part of all that was spent
_LAST = 1.1  # and the last of them this, lest what it left out took the gradient once more
_THINK_AGAIN = 10  # steps until what a first measurement will take is thought over
_DEAREST = 0.75  # of all that was spent: whenever a training ends, over half of its budget is used
_UNMEASURED = 1.05  # times the arithmetic of a measurement, before there was any,
_PYTHON = 1e-3, 1e-4  # and seconds for Python, of each step of it: of any network, and a module
_REMEMBERED = 0.7  # weight of the past in a moving average

_WARM_UP = 2  # updates that are not counted: compilers, allocators and caches do their work there
_PAUSE = 10.0  # usual steps: what takes longer is no training, and gives no credit for looks


@dataclass
class _Account:
    """How often a probe has looked, and what its next look is thought to take, in seconds."""

    look: float
    looks: int = 0

    @property
    def turn(self) -> float:
        """The lower, the sooner; the coming look included."""
        return (self.looks + 1) * math.sqrt(self.look)

    def charge(self, seconds: float) -> None:
        # What took longer than thought is believed at once, what was faster by and by.
        faster = self.looks > 0 and seconds < self.look
        self.look = average(self.look, seconds) if faster else seconds
        self.looks += 1


class Budget:
    """Keeps probes to a share of the time.

    Args:
        share: Of all the time, between 0 and 1.
        plans: The schedule of each probe, by its id.
        always: Ids of those that take part in every look.
        steps: What a look of each probe takes by its arithmetic, in training steps.
        modules: Of the network.
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
        self._step_seconds = 0.0  # of the training, when a measurement was last thought over
        self._base: _Account | None = None  # the gradient, which all of a measurement share
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
        """Take note of an update, and plan the next look where it can be paid.

        Args:
            step: Number of the update.
            training: Its seconds, without those of measuring.
            step_seconds: What an update usually takes.
            measuring: Its seconds of measuring.
            taken: Of these, the seconds of each probe that looked, by its id.
        """
        self._seconds += training + measuring
        self._spent += measuring
        if self._base is None:
            self._base = _Account(self._thought(step_seconds))
            self._accounts = {
                probe: _Account(self._base.look * self._steps[probe]) for probe in self._plans
            }
        elif taken:
            self._charge(self._base, measuring, taken)
        elif not self._base.looks and step % _THINK_AGAIN == 0:
            # The first update may have been a slow one: without this, no look might ever be paid.
            self._base.look = self._missing = self._thought(step_seconds)
            for probe, account in self._accounts.items():
                account.look = self._base.look * self._steps[probe]
        # It runs at every update, and at nearly all of them there is nothing to choose from.
        if self._planned <= step and (taken or self._credit() >= self._missing):
            for probe in self._affordable(self._base):
                self._plans[probe].step = self._planned = step + _AHEAD

    def leave_out(self, probe: str) -> None:
        """A probe was switched off: nothing is saved up for it."""
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
        # A small network's look is more Python than arithmetic, and how much more they all share.
        known = [probe for probe, account in self._accounts.items() if account.looks]
        seconds = base.look + sum(self._accounts[probe].look for probe in known)
        unit = seconds / (1 + sum(self._steps[probe] for probe in known))
        for probe, account in self._accounts.items():
            if not account.looks:
                account.look = unit * self._steps[probe]

    def _thought(self, step_seconds: float) -> float:
        """What a step of a measurement's arithmetic is thought to take before there was any."""
        self._step_seconds = step_seconds
        return _UNMEASURED * step_seconds + self._python

    def _credit(self) -> float:
        return self._aim * self._share * self._seconds - self._spent

    def _affordable(self, base: _Account) -> list[str]:
        """The probes of the next measurement; none if it must wait."""
        first = self._of_first_round(base)
        if first:
            self._aim = _AIM_FIRST
            self._missing = base.look + sum(self._accounts[probe].look for probe in first)
            return first if self._missing <= self._credit() else []
        self._aim = _AIM
        return self._whose_turn(base, self._credit())

    def _whose_turn(self, base: _Account, credit: float) -> list[str]:
        """The same after the first round, those of every measurement included."""
        cost, probes, self._missing = base.look, list[str](), 0.0
        cost += sum(self._accounts[probe].look for probe in self._always)
        others = (row for row in self._accounts.items() if row[0] not in self._always)
        for probe, account in sorted(others, key=lambda row: row[1].turn):
            if cost + account.look > _DEAREST * self._spent:
                continue
            if cost + account.look > credit:
                self._missing = cost + account.look
                break
            probes.append(probe)
            cost += account.look
        if not probes:
            self._missing = max(cost, self._missing)
            if self._missing > credit:
                return []
        return [*self._always, *probes]

    def _of_first_round(self, base: _Account) -> list[str]:
        """Some that have not measured yet, and with them what takes nothing of its own.

        All that are left, or the cheapest after which one more measurement sees the others, or the
        cheapest ones. None where even the cheapest would take too much of what is spent so far:
        until then the others measure again.
        """
        free = [probe for probe in self._always if not self._steps[probe]]
        waiting = [
            probe for probe, a in self._accounts.items() if not a.looks and probe not in free
        ]
        if base.looks and not waiting:
            return []
        shared = base.look + sum(self._accounts[probe].look for probe in free)
        costs = {probe: self._accounts[probe].look for probe in waiting}
        chosen = self._halved(costs, shared, base)
        if not chosen:
            cost = shared
            most = _GROWTH * self._spent if base.looks else _FIRST * self._step_seconds
            for probe in sorted(costs, key=costs.__getitem__):
                cost += costs[probe]
                if cost > most and (chosen or free or base.looks):
                    break
                chosen.append(probe)
        # The first measurement of all may be that of the gradient alone.
        return [*free, *chosen] if chosen or not base.looks else []

    def _halved(self, costs: Mapping[str, float], shared: float, base: _Account) -> list[str]:
        """All that are left, or the cheapest probes after which one measurement sees the rest.

        Empty where there is no such half, or where a short training could not pay for both, or
        could for twice as much: then it need not wait for a large measurement.
        """
        whole = shared + sum(costs.values())
        if base.looks:
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
        budget: Is told of the time, and plans the looks by it; None for a fixed cadence.

    Attributes:
        step_seconds: What an update takes without a look, on a moving average.
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
        """An update has ended, and so has the look at it.

        Args:
            step: Its number.
            measuring: Seconds of it that were not the training's.
            taken: Of these, the seconds of each probe, by its id; None where there was no look.
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
