import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.figures.study_fixture import write_run

from landscope.figures.curves import ShownRun
from landscope.figures.ridges import moments, ridge_lines, ridges_panel
from landscope.figures.spec import EarlyEnd, Entry, Place, Ridge, RidgesPanel
from landscope.reading import Axis, Reading, Status

EDGES = (-1.0, 0.0, 1.0)


Panel = Callable[..., RidgesPanel]


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    """Makes the panel of a run with these histograms, one a step."""

    def make(
        *densities: tuple[float, ...],
        edges: tuple[float, ...] = EDGES,
        ending: EarlyEnd | None = None,
    ) -> RidgesPanel:
        axis = Axis("activation", "1", edges)
        about = ("distribution", "activation_histogram")
        readings = [
            Reading(at, *about, each, "1", "features.2", axis, status(each))
            for at, each in enumerate(densities)
        ]
        run = write_run(tmp_path / "run", readings)
        net = ShownRun(run, Entry("No norm", "none", "VGG", ending=ending))
        return ridges_panel("No norm", Place(0, 0), net, "features.2")

    return make


def status(values: tuple[float, ...]) -> Status:
    return Status.OK if all(map(math.isfinite, values)) else Status.NONFINITE


def test_looks_that_are_not_finite_are_no_ridges(panel: Panel) -> None:
    drawn = panel((0.5, 0.5), (math.nan, 1.0), (0.2, 0.8))
    assert [ridge.step for ridge in drawn.ridges] == [0, 2]


def test_diverged_run_is_drawn_until_then_and_says_so(panel: Panel) -> None:
    ending = EarlyEnd(1, "diverged at step 1")
    drawn = panel((0.5, 0.5), (0.5, 0.5), (0.5, 0.5), ending=ending)
    assert [ridge.step for ridge in drawn.ridges] == [0, 1]
    assert drawn.notes == ("diverged at step 1",)


def test_run_without_a_finite_histogram_is_an_empty_panel(panel: Panel) -> None:
    drawn = panel((math.nan, math.nan), ending=EarlyEnd(0, "diverged at step 0"))
    assert drawn.ridges == ()
    assert ridge_lines(drawn) == ()


def test_many_looks_are_thinned_but_keep_their_ends(panel: Panel) -> None:
    drawn = panel(*[(0.5, 0.5)] * 200)
    assert len(drawn.ridges) == 32
    assert (drawn.ridges[0].step, drawn.ridges[-1].step) == (0, 199)


def test_axis_holds_the_central_mass(panel: Panel) -> None:
    edges = tuple(np.linspace(-10, 10, 201).tolist())
    density = tuple(np.where(np.abs(np.linspace(-9.95, 9.95, 200)) < 1, 0.5, 0.0).tolist())
    drawn = panel(density, edges=edges)
    assert drawn.x.low == pytest.approx(-1.06, abs=0.02)
    assert drawn.x.high == pytest.approx(1.06, abs=0.02)


def test_every_ridge_is_equally_high(panel: Panel) -> None:
    lines = ridge_lines(panel((0.5, 0.5), (100.0, 0.0), (0.001, 0.002)))
    heights = [max(line.height) - line.base for line in lines]
    assert heights == pytest.approx([heights[0]] * 3)


def test_empty_histogram_is_flat(panel: Panel) -> None:
    assert set(ridge_lines(panel((0.0, 0.0)))[0].height) == {0.0}


def test_oldest_ridge_stands_at_the_back(panel: Panel) -> None:
    lines = ridge_lines(panel((0.5, 0.5), (0.5, 0.5), (0.5, 0.5)))
    assert [line.base for line in lines] == [2.0, 1.0, 0.0]
    assert [line.age for line in lines] == [0.0, 0.5, 1.0]
    assert lines[0].x == (-1.0, -0.5, 0.5, 1.0)


def test_moments_of_a_histogram() -> None:
    mean, deviation = moments(Ridge(0, (0.0, 2.0, 4.0), (0.25, 0.25)))
    assert (mean, deviation) == (2.0, 1.0)


def test_moments_of_an_empty_histogram_are_not_numbers() -> None:
    assert all(math.isnan(value) for value in moments(Ridge(0, EDGES, (0.0, 0.0))))
