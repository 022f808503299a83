"""Readings, folders and journals for the tests of the records."""

import math
from typing import Any

from hypothesis import strategies as st

from landscope.reading import Axis, Reading, Status
from landscope.runs import Journal, Outcome, RunFolder

FINISHED = Outcome("finished", step=3, seconds=1.5)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def reading_fields(draw: st.DrawFn) -> dict[str, Any]:
    """What ``build`` makes a reading of.

    The reading is made outside of the strategy: the type checks of tests draw from ``random``,
    which Hypothesis forbids inside.
    """
    value: float | tuple[float, ...] = draw(st.one_of(NUMBERS, st.lists(NUMBERS).map(tuple)))
    axis = None
    if isinstance(value, tuple) and draw(st.booleans()):
        count = len(value) + draw(st.sampled_from([0, 1]))
        coordinates = draw(st.lists(NUMBERS, min_size=count, max_size=count))
        axis = (draw(TEXTS), draw(TEXTS), tuple(coordinates))
    return {
        "step": draw(st.integers(0, 2**63 - 1)),
        "probe": draw(TEXTS),
        "quantity": draw(TEXTS),
        "value": value,
        "unit": draw(TEXTS),
        "layer": draw(st.none() | TEXTS),
        "axis": axis,
        "status": draw(st.sampled_from(Status)),
        "function": draw(TEXTS),
        "seconds": draw(NUMBERS),
    }


def build(fields: dict[str, Any]) -> Reading:
    axis = fields["axis"]
    return Reading(**{**fields, "axis": axis and Axis(*axis)})


def reading(step: int = 0, value: Any = 0.5, **fields: Any) -> Reading:
    given = {"probe": "training", "quantity": "train_loss", **fields}
    return Reading(step=step, value=value, **given)


def malformed(**fields: Any) -> Reading:
    """A reading whose fields are not of their declared types, as a careless probe may make it."""
    bad = reading()
    for name, value in fields.items():
        object.__setattr__(bad, name, value)
    return bad


def story() -> list[Reading]:
    """A few readings of each kind: numbers, lists, a histogram, non-finite ones, odd names."""
    edges = Axis("activation", "1", (0.0, 0.5, 1.0))
    etas = Axis("eta", "step size", (0.05, 0.1))
    return [
        reading(0, 2.302585092994046),
        reading(0, (0.25, 1.75), probe="line[paper]", quantity="loss", axis=etas),
        reading(
            0, (0.1, 0.2), probe="distribution", quantity="histogram", axis=edges, layer="größe/層"
        ),
        reading(1, math.nan, status=Status.NONFINITE, seconds=0.25),
        reading(2, (math.inf, -math.inf, -0.0), layer='odd "name"\n', function="training mode"),
        reading(3, 5e-324, unit="NaN"),
    ]


def make_run(folder: RunFolder, **config: Any) -> RunFolder:
    folder.create()
    folder.write_manifest(
        {"format": 1, "id": folder.id, "config": config, "layers": ["first", "second"]}
    )
    return folder


def write(folder: RunFolder, given: list[Reading], outcome: Outcome | None = FINISHED) -> bytes:
    """Writes a journal and gives its bytes; without an outcome it stays unfinished."""
    with Journal.create(folder) as journal:
        for one in given:
            journal.write(one)
        if outcome is not None:
            journal.finish(outcome)
    return folder.journal_path.read_bytes()
