import math
from pathlib import Path

import numpy as np
import pytest
from tests.figures.study_fixture import write_run

from landscope.figures.curves import ShownRun, centred_mean, curve, smoothing_window, until
from landscope.figures.spec import Dash, EarlyEnd, Entry, LinesPanel
from landscope.quantities import PAPER_LINE, TRAINING
from landscope.reading import Reading
from landscope.runs import StudyRecords
from landscope.studies.publish import specify
from landscope.studies.santurkar2018.figure_panels import find_net


def test_centred_mean_of_a_ramp_is_the_ramp_where_the_window_is_full() -> None:
    ramp = np.arange(11.0)
    means = centred_mean(ramp, 5)
    assert means[2:-2].tolist() == ramp[2:-2].tolist()
    assert np.isnan(means[[0, 1, -2, -1]]).all()


def test_centred_mean_averages_over_the_window() -> None:
    values = np.array([0.0, 0.0, 9.0, 0.0, 0.0, 0.0])
    assert centred_mean(values, 3)[1:-1].tolist() == [3.0, 3.0, 3.0, 0.0]


def test_centred_mean_leaves_gaps_out_and_keeps_wide_ones() -> None:
    values = np.array([1.0, np.nan, 3.0, np.nan, np.nan, np.nan, 5.0])
    means = centred_mean(values, 3)
    assert means[1:4].tolist() == [2.0, 3.0, 3.0]
    assert math.isnan(means[4])


def test_window_shrinks_for_a_short_series() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert centred_mean(values, 451).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("count", "window"), [(2, 3), (200, 7), (15_000, 451)])
def test_window_is_odd_and_grows_with_the_run(count: int, window: int) -> None:
    assert smoothing_window(count) == window


def test_until_cuts_at_the_ending_and_takes_the_nonfinite_tail_off() -> None:
    steps = np.arange(6)
    values = np.array([1.0, np.nan, 3.0, np.inf, np.nan, 7.0])
    kept, finite = until(EarlyEnd(4, "diverged at step 4"), steps, values)
    assert kept.tolist() == [0, 1, 2]
    assert finite[2] == 3.0


def test_until_keeps_all_of_a_run_that_finished() -> None:
    values = np.array([1.0, np.inf])
    assert until(None, np.arange(2), values)[1].tolist() == [1.0, np.inf]


def test_until_of_a_run_without_a_finite_reading_is_empty() -> None:
    steps, values = until(EarlyEnd(3, "diverged at step 3"), np.arange(3), np.full(3, np.nan))
    assert steps.size == values.size == 0


def test_curve_is_the_recorded_series(study: StudyRecords) -> None:
    net = find_net(study, "dln", "batch")
    steps, values = net.run.series(PAPER_LINE.beta_lr)
    line = curve(net, PAPER_LINE.beta_lr)
    assert line.x == tuple(steps)
    assert line.y == tuple(values)


def test_diverged_run_ends_before_it_diverged(study: StudyRecords) -> None:
    net = find_net(study, "vgg", "none", 0.5)
    line = curve(net, TRAINING.train_loss)
    assert net.entry.ending == EarlyEnd(30, "diverged at step 30")
    assert line.x[-1] == 29
    assert all(math.isfinite(value) for value in line.y)


def test_accuracy_is_a_percentage_with_its_raw_readings(study: StudyRecords) -> None:
    panel = specify(12, study).panels[0]
    assert isinstance(panel, LinesPanel)
    raw = find_net(study, "vgg", "none").run.series(TRAINING.train_accuracy)[1]
    assert panel.curves[0].raw == pytest.approx(100 * raw)
    assert panel.y.label == "training accuracy (%)"
    assert panel.notes == ("line: centred mean of 3 readings; faint: single batches",)


def test_long_series_are_thinned_but_keep_their_ends(tmp_path: Path) -> None:
    readings = [Reading(at, "training", "train_loss", float(at)) for at in range(5000)]
    net = ShownRun(write_run(tmp_path / "run", readings), Entry("No norm", "none", "VGG"))
    line = curve(net, TRAINING.train_loss)
    assert len(line.x) == 1001
    assert (line.x[0], line.x[-1]) == (0.0, 4999.0)
    assert line.x == line.y


def test_step_size_is_told_by_the_dash(study: StudyRecords) -> None:
    dashes = [find_net(study, "vgg", "batch", lr).entry.dash for lr in (0.5, 0.1, 0.01)]
    assert dashes == [Dash.DASHED, Dash.SOLID, Dash.DOTTED]


def test_change_since_the_start_leaves_step_0_out(study: StudyRecords) -> None:
    panel = next(panel for panel in specify(8, study).panels if "since step 0" in panel.title)
    assert isinstance(panel, LinesPanel)
    assert {line.x[0] for line in panel.curves} == {10.0}
    assert panel.notes == ()
