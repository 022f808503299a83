import math
from pathlib import Path

import pytest
from tests.figures.study_fixture import write_run

from landscope.figures.curves import ShownRun, band, bands_panel
from landscope.figures.spec import EarlyEnd, Entry, Place
from landscope.quantities import PAPER_LINE
from landscope.reading import Axis, Reading, Status


def net(path: Path, *values: tuple[float, ...], ending: EarlyEnd | None = None) -> ShownRun:
    axis = Axis("eta", "step size", tuple(float(at) for at in range(len(values[0]))))
    readings = [
        Reading(10 * at, "line[paper]", "loss", each, axis=axis, status=status(each))
        for at, each in enumerate(values)
    ]
    run = write_run(path / "run", readings)
    return ShownRun(run, Entry("No norm", "none", "VGG", ending=ending))


def status(values: tuple[float, ...]) -> Status:
    return Status.OK if all(map(math.isfinite, values)) else Status.NONFINITE


def test_band_is_the_least_and_the_greatest_over_eta(tmp_path: Path) -> None:
    drawn = band(net(tmp_path, (3.0, 1.0, 2.0), (5.0, 6.0, 4.0)), PAPER_LINE.loss)
    assert drawn.x == (0.0, 10.0)
    assert drawn.low == (1.0, 4.0)
    assert drawn.high == (3.0, 6.0)


def test_band_that_overflowed_at_some_eta_has_no_end(tmp_path: Path) -> None:
    drawn = band(net(tmp_path, (3.0, math.inf), (3.0, math.nan)), PAPER_LINE.loss)
    assert drawn.low == (3.0, 3.0)
    assert drawn.high == (math.inf, math.inf)


def test_band_without_a_finite_reading_is_a_gap(tmp_path: Path) -> None:
    drawn = band(net(tmp_path, (math.nan, math.nan)), PAPER_LINE.loss)
    assert math.isnan(drawn.low[0])
    assert math.isnan(drawn.high[0])


def test_band_of_a_diverged_run_ends_there(tmp_path: Path) -> None:
    run = net(
        tmp_path, (1.0, 2.0), (1.0, 2.0), (1.0, 2.0), ending=EarlyEnd(10, "diverged at step 10")
    )
    assert band(run, PAPER_LINE.loss).x == (0.0, 10.0)


def test_panel_draws_overflow_to_above_its_axis_and_says_so(tmp_path: Path) -> None:
    runs = [net(tmp_path, (1.0, 2.0), (1.0, math.inf))]
    panel = bands_panel("(a)", Place(0, 0), "loss", runs, PAPER_LINE.loss)
    assert panel.y.high is not None
    assert panel.bands[0].high[0] == 2.0
    assert panel.bands[0].high[1] == pytest.approx(2 * panel.y.high)
    assert panel.notes == ("1 reading overflowed, drawn to the top",)
