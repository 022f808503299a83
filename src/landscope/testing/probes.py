"""What every probe must do, as a suite that anybody's probe can be put through with pytest.

Subclass it and build your probe::

    from landscope.testing.probes import ProbeConformance


    class TestMyProbe(ProbeConformance):
        def build(self, schedule):
            return MyProbe(schedule)
"""

import contextlib
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from landscope.errors import UsageError
from landscope.objective.arithmetic import operations_in, work_of
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps, Schedule
from landscope.probes.snapshot import Snapshot, StepView
from landscope.reading import TRUSTED, Reading
from landscope.testing.trainings import (
    SAMPLES,
    TRAININGS,
    UPDATES,
    Stand,
    State,
    Trained,
    bytes_of,
    hooks_on,
    stand,
    state_of,
    train,
)

_NEIGHBOURS = ("update", "norm_health", "input_drift", "covariate_shift")


class ProbeConformance:
    """The suite: each method named ``test_...`` is one thing that landscope relies on.

    Attributes:
        networks: Names of :data:`landscope.testing.trainings.TRAININGS` that the probe can measure;
            leave out those that it refuses, such as those without a batch norm.
    """

    networks: Sequence[str] = tuple(TRAININGS)

    def build(self, schedule: Schedule) -> Probe:
        """Make the probe that is tested, one that has seen nothing yet: for overriding.

        Args:
            schedule: The steps at which it measures.
        """
        raise NotImplementedError("override build(schedule) to return your probe")

    def test_a_training_under_it_is_the_training_without_it(self) -> None:
        """Weights, buffers, gradients, the optimiser's state, modes, streams, hooks: to the bit."""
        for name in self._names():
            training = TRAININGS[name]
            changed = _differing(train(training).state, self._trained(name).state)
            _require(not changed, f"training the {name} network, it changed {_listed(changed)}")

    def test_a_look_changes_nothing_that_it_is_shown(self) -> None:
        """Neither the network nor the snapshot, which is also what the other probes are shown.

        What is random comes from a ``torch.Generator`` of the probe's own.
        """
        for name, at in self._stands():
            before = {**state_of(at.model, at.optimizer), **_shown(at.snapshot)}
            self._probe().read(at.view)
            after = {**state_of(at.model, at.optimizer), **_shown(at.snapshot)}
            changed = _differing(before, after)
            _require(not changed, f"a measurement of the {name} network changed {_listed(changed)}")

    def test_it_looks_when_its_schedule_says(self) -> None:
        """The schedule is the one that it was built with, and each reading is of its step."""
        for name in self._names():
            steps = {reading.step for reading in self._trained(name, every=2).readings}
            due = set(range(0, UPDATES, 2))
            _require(steps == due, f"it read at steps {sorted(steps)}, and {sorted(due)} were due")

    def test_a_step_without_a_snapshot_gives_no_readings(self) -> None:
        """Nothing was kept of such a step that could be measured."""
        for _, at in self._stands():
            given = self._probe().read(replace(at.view, snapshot=None))
            _require(given == [], f"it made readings of nothing: {given}")

    def test_readings_say_what_they_are(self) -> None:
        """By id, step, quantity, unit, axis and function; each once."""
        for name, at in self._stands():
            probe = self._probe()
            _require("/" not in probe.id and probe.id != "", f"{probe.id!r} is no id: / parts keys")
            readings = probe.read(at.view)
            _require(len(readings) > 0, f"it reads nothing of the {name} network")
            for reading in readings:
                _check_words(reading, probe, at.view)
            keys = [reading.key for reading in readings]
            _require(len(set(keys)) == len(keys), f"two readings have one key: {sorted(keys)}")

    def test_values_are_finite_or_say_that_they_are_not(self) -> None:
        """Also of a step that has left all bounds, which a probe may instead refuse to measure."""
        for name, at in self._stands():
            beyond = {key: tensor * math.inf for key, tensor in at.snapshot.after.items()}
            diverged = replace(at.view, snapshot=replace(at.snapshot, after=beyond))
            readings = self._probe().read(at.view)
            with contextlib.suppress(UsageError):
                readings += self._probe().read(diverged)
            for reading in readings:
                _require(
                    reading.status not in TRUSTED or all(map(math.isfinite, _values(reading))),
                    f"{reading.key} of the {name} network is {reading.value} and {reading.status}",
                )

    def test_two_looks_at_one_step_read_the_same(self) -> None:
        """To the bit: a probe of the same settings that has seen as much says the same."""
        for name, at in self._stands():
            state = torch.get_rng_state()
            first = _in_full(self._probe().read(at.view))
            torch.set_rng_state(state)
            second = _in_full(self._probe().read(at.view))
            changed = _differing(first, second)
            _require(
                not changed, f"of the {name} network, twice, it read otherwise {_listed(changed)}"
            )

    def test_beside_other_probes_all_read_the_same(self) -> None:
        """It neither hears of its neighbours nor disturbs them, before them or behind."""
        for name in self._names():
            probe = self._probe()
            others = [other for other in _NEIGHBOURS if other != probe.id]
            apart = _apart(name, *others) | _in_full(self._trained(name).readings)
            for row in ([self._probe(), *others], [*others, self._probe()]):
                changed = _differing(apart, _in_full(train(TRAININGS[name], row).readings))
                _require(not changed, f"apart and together differ on {name}: {_listed(changed)}")

    def test_it_costs_no_more_than_it_declares(self) -> None:
        """Products of matrices, convolutions and attention in two measurements are counted."""
        for name, at in self._stands():
            work = work_of(at.snapshot.objective, at.snapshot.before, SAMPLES)
            loss = at.training.loss(at.model, at.batch)
            forward = operations_in(lambda at=at: at.training.loss(at.model, at.batch))
            backward = operations_in(loss.backward)
            probe = self._probe()
            for look in ("first", "second"):
                cost = probe.cost(work)
                declared = round(cost.forward * forward + cost.backward * backward)
                counted = operations_in(lambda probe=probe, at=at: probe.read(at.view))
                _require(
                    counted <= declared,
                    f"the {look} look at the {name} network takes {counted} operations, and "
                    f"{declared} are declared: {cost}, in passes of {forward} and {backward}",
                )

    def test_what_it_makes_of_the_update_before_is_declared(self) -> None:
        """Copies for ``snapshot.previous`` are kept where ``needs_previous`` says so.

        At the first step they are missing, and ``used`` is where gradients are accumulated.
        """
        for name, at in self._stands():
            lacking = replace(at.snapshot, previous=None)
            known = _in_full(self._probe().read(at.view))
            unknown = _in_full(self._probe().read(replace(at.view, snapshot=lacking)))
            changed = _differing(known, unknown)
            _require(
                self._probe().needs_previous or not changed,
                f"needs_previous is False, and on the {name} network it needs it for "
                f"{_listed(changed)}",
            )
            self._probe().read(replace(at.view, snapshot=replace(lacking, trained=None)))

    def _names(self) -> Sequence[str]:
        _require(len(self.networks) > 0, "networks is empty: nothing would be tested")
        return self.networks

    def _probe(self, every: int = 1) -> Probe:
        return self.build(EverySteps(every))

    def _stands(self) -> Iterator[tuple[str, Stand]]:
        for name in self._names():
            with torch.random.fork_rng(devices=[]):
                yield name, stand(TRAININGS[name])

    def _trained(self, name: str, every: int = 1) -> Trained:
        """A training under the probe alone; only its own readings are kept."""
        probe = self._probe(every)
        trained = train(TRAININGS[name], [probe])
        for reading in trained.readings:
            if reading.probe == "scope" and reading.quantity == "failed":
                raise AssertionError(f"it fails on the {name} network: {reading.function}")
        own = tuple(reading for reading in trained.readings if reading.probe != "scope")
        return replace(trained, readings=own)


def _check_words(reading: Reading, probe: Probe, view: StepView) -> None:
    _require(
        reading.probe == probe.id,
        f"a reading is said to be of {reading.probe!r}; the probe's id is {probe.id!r}",
    )
    key = reading.key
    _require(reading.step == view.step, f"{key} is of step {reading.step}, not of {view.step}")
    _require(
        reading.quantity != "" and "/" not in reading.quantity,
        f"{reading.quantity!r} is no name of a quantity: / parts keys",
    )
    _require(reading.unit != "", f'{key} has no unit; that of a pure number is "1"')
    _require(str(reading.function) != "", f"{key} does not say which function was measured")
    if isinstance(reading.value, tuple) or reading.axis is not None:
        coordinates = len(reading.axis.values) if reading.axis is not None else 0
        _require(
            coordinates - len(_values(reading)) in (0, 1),  # one more are the edges of a histogram
            f"{key} has {len(_values(reading))} values at {coordinates} coordinates of its axis",
        )


def _values(reading: Reading) -> tuple[float, ...]:
    return reading.value if isinstance(reading.value, tuple) else (reading.value,)


def _in_full(readings: Sequence[Reading]) -> State:
    """Readings to the last bit by step and key, apart from seconds and what the scope says."""
    return {
        f"{reading.key} at step {reading.step}": repr(replace(reading, seconds=0.0))
        for reading in readings
        if reading.probe != "scope" or reading.quantity == "failed"
    }


@functools.cache
def _apart(name: str, *probes: str) -> State:
    """The readings of probes of the table, without the one that is tested."""
    return _in_full(train(TRAININGS[name], probes).readings)


def _shown(shot: Snapshot) -> State:
    """A snapshot's tensors, as bytes."""
    groups = {
        "before": shot.before,
        "after": shot.after,
        "gradient": shot.gradient,
        "computed": (shot.trained and shot.trained.computed) or {},
        "used": (shot.trained and shot.trained.used) or {},
        "previous": shot.previous or {},
        "objective.buffers": shot.objective.buffers,
    }
    shown: State = {
        f"snapshot.{group}[{name!r}]": bytes_of(tensor)
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
    }
    # The network of the objective may be a shadow, which other probes are shown as well.
    for name, module in shot.objective.model.named_modules():
        shown[f"snapshot.objective.model: mode of {name or 'the network'}"] = module.training
        shown[f"snapshot.objective.model: hooks on {name or 'the network'}"] = hooks_on(module)
    return shown


def _differing(first: Mapping[str, object], second: Mapping[str, object]) -> list[str]:
    return [
        name
        for name in {**first, **second}
        if name not in first or name not in second or first[name] != second[name]
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def _require(holds: bool, failure: str) -> None:
    """A check that also stands under ``python -O``, which takes ``assert`` away."""
    if not holds:
        raise AssertionError(failure)
