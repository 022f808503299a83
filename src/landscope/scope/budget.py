"""The budget: plans when to look, and how much, so that probes take a share of the time.

Time flows in as the training runs, and looks are paid from the share of it that was asked for. A
look is planned once it can be paid. Whose turn it is, is between two extremes: that all probes look
as often, where a dear one takes all of the time, and that all take as much time, where it hardly
ever looks.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from landscope.probes.schedule import WhenPlanned

_AHEAD = 2  # updates from a plan to its look: of the one before, the parameters are kept
_AIM = 0.95  # of what was asked, as what a look will take is an estimate
_DEAREST = 0.75  # of all that was spent: whenever a training ends, over half of its budget is used
_UNMEASURED = 2.5  # times the arithmetic of a look, before there was any
_MARGIN = 1.25  # and after, times what the cheap probes took for theirs
_REMEMBERED = 0.7  # weight of the past in a moving average


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
    """

    def __init__(
        self,
        share: float,
        plans: Mapping[str, WhenPlanned],
        always: Iterable[str],
        steps: Mapping[str, float],
    ) -> None:
        self._share = share
        self._plans = dict(plans)
        self._always = set(always)
        self._steps = dict(steps)
        self._accounts: dict[str, _Account] = {}
        self._base: _Account | None = None
        self._seconds = 0.0
        self._spent = 0.0
        self._planned = -1  # the last step that was planned
        self._missing = 0.0  # credit without which nothing can be planned
        self._base_steps = self._count_base()

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
            self._base = self._open_accounts(step_seconds)
        elif taken:
            self._charge(measuring, taken)
        elif not self._base.looks:
            # The first update may have been a slow one: without this, no look might ever be paid.
            self._base.look = self._missing = _UNMEASURED * self._base_steps * step_seconds
        credit = _AIM * self._share * self._seconds - self._spent
        # It runs at every update, and at nearly all of them there is nothing to choose from.
        if self._planned <= step and (taken or credit >= self._missing):
            for probe in self._affordable(self._base, credit):
                self._plans[probe].step = self._planned = step + _AHEAD

    def leave_out(self, probe: str) -> None:
        """A probe was switched off: nothing is saved up for it."""
        self._plans.pop(probe, None)
        self._accounts.pop(probe, None)
        self._always.discard(probe)
        self._base_steps = self._count_base()
        self._missing = 0.0

    def _count_base(self) -> float:
        """What every look takes: the gradient once for all, a step, and what the cheap ones add."""
        return 1 + sum(map(self._steps.__getitem__, self._always))

    def _open_accounts(self, step_seconds: float) -> _Account:
        def thought(probe: str) -> float:
            return _UNMEASURED * self._steps[probe] * step_seconds

        self._accounts = {
            probe: _Account(thought(probe)) for probe in self._plans if probe not in self._always
        }
        return _Account(_UNMEASURED * self._base_steps * step_seconds)

    def _charge(self, measuring: float, taken: Mapping[str, float]) -> None:
        own = 0.0
        for probe in taken.keys() & self._accounts.keys():
            self._accounts[probe].charge(taken[probe])
            own += taken[probe]
        if self._base is None:
            return
        self._base.charge(measuring - own)
        # A small network's look is more Python than arithmetic, and how much more they all share.
        unit = self._base.look / self._base_steps
        for probe, account in self._accounts.items():
            if not account.looks:
                account.look = _MARGIN * unit * self._steps[probe]

    def _affordable(self, base: _Account, credit: float) -> list[str]:
        """The probes of the next look, those of every look included; none if it must wait."""
        cost, probes, self._missing = base.look, list[str](), 0.0
        for probe, account in sorted(self._accounts.items(), key=lambda row: row[1].turn):
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


def average(known: float, seconds: float) -> float:
    """A moving average, one value on."""
    return _REMEMBERED * known + (1 - _REMEMBERED) * seconds
