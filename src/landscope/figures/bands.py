"""Bands from the records: the least and the greatest reading over the step sizes tried."""

import math
from dataclasses import replace

import numpy as np

from landscope.figures.axes import log_axis, step_axis
from landscope.figures.selection import Net
from landscope.figures.spec import Band, BandsPanel, Place


def band(net: Net, probe: str, quantity: str) -> Band:
    """[least, greatest] over eta of a reading that is a list over eta, by step.

    A reading that overflowed at some eta has an infinite end; one that did at all has a gap.

    Raises:
        RecordError: The run has no such readings.
    """
    ending = net.entry.ending
    x: list[float] = []
    low: list[float] = []
    high: list[float] = []
    for reading in net.run.readings(probe, quantity):
        if ending is not None and reading.step > ending.step:
            break
        values = np.atleast_1d(np.asarray(reading.value, dtype=np.float64))
        overflowed = not np.isfinite(values).all()
        finite = values[np.isfinite(values)]
        x.append(float(reading.step))
        # The one `math.nan`, so that equal bands compare as equal.
        low.append(float(finite.min()) if finite.size else math.nan)
        top = math.inf if overflowed else float(values.max())
        high.append(top if finite.size else math.nan)
    return Band(net.entry, tuple(x), tuple(low), tuple(high))


def bands_panel(
    title: str, place: Place, label: str, nets: list[Net], probe: str, quantity: str
) -> BandsPanel:
    """The bands of some runs on a common log axis; raises as `band` does."""
    drawn = [band(each, probe, quantity) for each in nets]
    ends = [np.array(side) for each in drawn for side in (each.low, each.high)]
    axis, notes = log_axis(label, ends)
    top = float(axis.high or 1.0)
    bands = tuple(_within(each, top) for each in drawn)
    return BandsPanel(title, place, step_axis(bands), axis, bands, notes)


def _within(drawn: Band, top: float) -> Band:
    """The band with its infinite ends just above the axis, where a drawing can reach them."""
    return replace(
        drawn, high=tuple(2 * top if value == math.inf else value for value in drawn.high)
    )
