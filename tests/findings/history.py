"""Made-up readings of a training: nothing in them was ever measured."""

from collections.abc import Sequence

from landscope.findings import Finding, find
from landscope.reading import Reading, Status

EVERY = 100  # steps between two measurements


def measured(
    key: str,
    values: Sequence[int | float],
    layer: str | None = None,
    status: Status = Status.OK,
) -> list[Reading]:
    """One reading a measurement, at steps 0, 100, 200, ..."""
    probe, quantity = key.split("/")
    return [
        Reading(EVERY * at, probe, quantity, float(value), layer=layer, status=status)
        for at, value in enumerate(values)
    ]


def found(id: str, *series: list[Reading]) -> Finding | None:  # noqa: A002
    """The finding of an id, or None."""
    named = {one.id: one for one in find([reading for each in series for reading in each])}
    return named.get(id)


def the(id: str, *series: list[Reading]) -> Finding:  # noqa: A002
    """The finding of an id, which must be there."""
    finding = found(id, *series)
    assert finding is not None, f"{id} is not among the findings"
    return finding


def stays(losses: Sequence[float], norms: Sequence[float] = ()) -> tuple[list[Reading], ...]:
    """Measurements of a loss and of the gradient's length."""
    return measured("gradient/loss", losses), measured("gradient/gradient_norm", norms)


def larger_step(
    multiples: Sequence[float],
    sharpness: Sequence[float],
    rates: Sequence[float],
    cosine: float = 0.0,
) -> tuple[list[Reading], ...]:
    """Measurements of how far the loss falls, of curvature, learning rate and turn of updates."""
    return (
        measured("step_size/safe_multiple", multiples),
        measured("step_size/sharpness_lr", sharpness),
        measured("step_size/lr", rates),
        measured("update/successive_cosine", [cosine] * len(multiples)),
    )
