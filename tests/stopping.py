"""Runs that are stopped at a chosen instant, and what must be equal afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landscope.reading import Reading
from landscope.runs import RunFolder, read_run
from landscope.runs.recording import Recording

EVERY_STEP = 0.0
NEVER = float("inf")


class Stopped(BaseException):
    """The run is stopped here, as by Ctrl-C."""


@contextmanager
def stopped_at(name: str, count: int) -> Iterator[None]:
    """Inside, the call of that number of a method of `Recording` stops the run."""
    with pytest.MonkeyPatch.context() as patch:
        method: Callable[..., Any] = getattr(Recording, name)
        left = [count]

        def counted(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Stopped
            return method(*args, **kwargs)

        patch.setattr(Recording, name, counted)
        yield


def untimed(reading: Reading) -> str:
    """A reading without what a clock measured, as a text, in which NaN is equal to itself."""
    return repr(replace(reading, seconds=0.0, value=0.0 if reading.is_timed else reading.value))


def story(folder: Path) -> tuple[Any, ...]:
    """All that two runs must have in common to the bit: readings in order, end, and weights."""
    run = read_run(folder)
    weights = RunFolder(folder).weights_path
    return (
        [untimed(reading) for reading in run.all_readings],
        (run.outcome.status, run.outcome.step),
        run.layers,
        weights.read_bytes() if weights.exists() else None,
    )
