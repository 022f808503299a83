"""The figures of a comparison, on made-up records."""

import itertools
import math
from pathlib import Path

import pytest
from tests.comparison_study import Compared

from landscope.errors import RecordError, UsageError
from landscope.figures import static
from landscope.figures.interactive import draw
from landscope.figures.spec import BarsPanel, FigureSpec, LinesPanel
from landscope.figures.style import NORMS
from landscope.figures.summary import summarize
from landscope.norms.names import NORM_LABELS
from landscope.runs import StudyRecords
from landscope.studies.comparison.configuration import COMPARED_NORMS
from landscope.studies.comparison.figures import FIGURES
from landscope.studies.publish import specify

LOST = {("none", 0.1, 0): 12, ("none", 0.1, 1): 20}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRecords:
    return Compared(diverged=LOST).write(tmp_path_factory.mktemp("figures") / "study")


def lines(spec: FigureSpec) -> list[LinesPanel]:
    assert all(isinstance(panel, LinesPanel) for panel in spec.panels)
    return [panel for panel in spec.panels if isinstance(panel, LinesPanel)]


@pytest.mark.parametrize("number", FIGURES)
def test_each_figure_is_drawn_on_paper_and_on_screen(number: int, study: StudyRecords) -> None:
    spec = specify(number, study)
    assert spec.number == number
    drawn = static.draw(spec)
    assert drawn[static.Format.PNG].startswith(b"\x89PNG")
    assert b"<svg" in drawn[static.Format.SVG]
    for panel in spec.panels:
        plot = draw(panel)
        assert plot["data"]
        assert {trace["meta"] for trace in plot["data"]} == {"No norm", "Batch norm", "Group norm"}
    taken = [(panel.place.row, panel.place.column) for panel in spec.panels]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("number", FIGURES)
def test_equal_records_give_equal_figures(number: int, study: StudyRecords) -> None:
    assert specify(number, study).description == specify(number, study).description
    assert static.draw(specify(number, study)) == static.draw(specify(number, study))


def test_every_norm_that_can_be_compared_has_a_colour_and_a_name() -> None:
    assert set(COMPARED_NORMS) == set(NORM_LABELS) == set(NORMS)


def test_there_is_one_panel_of_the_loss_for_each_learning_rate(study: StudyRecords) -> None:
    panels = lines(specify(1, study))
    assert [panel.title for panel in panels] == [
        "Training loss at lr 0.01",
        "Training loss at lr 0.1",
    ]
    for panel in panels:
        assert [curve.entry.norm for curve in panel.curves] == ["none", "batch", "group"]
        assert len(panel.bands) == 3
        for curve, band in zip(panel.curves, panel.bands, strict=True):
            assert curve.x == band.x
            assert all(
                low <= mean <= high
                for low, mean, high in zip(band.low, curve.y, band.high, strict=True)
            )


def test_each_run_that_diverged_has_a_cross_where_it_did(study: StudyRecords) -> None:
    small, large = lines(specify(1, study))
    assert small.crosses == ()
    assert [(mark.entry.norm, mark.x) for mark in large.crosses] == [("none", 12), ("none", 20)]
    assert large.crosses[0].text == "No norm, seed 0: diverged at step 12"
    assert "diverged: No norm 2 of 3 seeds from step 12 on" in large.notes
    assert all(large.y.low < mark.y < large.y.high for mark in large.crosses)


def test_crosses_of_one_rate_are_apart_and_not_among_those_of_another(tmp_path: Path) -> None:
    norms, lrs = ("none", "batch", "group", "layer"), (0.1, 0.03, 0.01, 0.003)
    lost = {(norm, lr, 0): 20 for norm in norms for lr in (0.1, 0.03)}
    compared = Compared(norms=norms, lrs=lrs, seeds=(0,), diverged=lost)
    panel = lines(specify(2, compared.write(tmp_path / "study")))[0]
    places = [cross.x for cross in panel.crosses]
    assert places == sorted(places)
    assert [cross.entry.norm for cross in panel.crosses] == [*norms, *norms]
    assert places[3] < 0.055 < places[4]
    assert panel.x.low is not None
    assert panel.x.high is not None
    assert places[-1] < panel.x.high
    axis = math.log(panel.x.high / panel.x.low)
    # A cross is 7 points of the 374 that a panel has.
    assert all(math.log(two / one) / axis > 7 / 374 for one, two in itertools.pairwise(places))


def test_the_loss_of_diverged_runs_is_not_in_the_line_over_the_rates(study: StudyRecords) -> None:
    loss, _ = lines(specify(2, study))
    (plain,) = (curve for curve in loss.curves if curve.entry.norm == "none")
    assert plain.x == (0.01, 0.1)
    assert plain.y[1] == pytest.approx(plain.y[0], rel=0.1)
    assert [mark.text for mark in loss.crosses] == ["No norm: 2 of 3 seeds diverged at lr 0.1"]


def test_over_the_rates_each_is_a_tick_and_nothing_is_cut(study: StudyRecords) -> None:
    for panel in lines(specify(2, study)):
        assert panel.x.ticks == (0.01, 0.1)
        assert draw(panel)["layout"]["xaxis"]["ticktext"] == ["0.01", "0.1"]
        ends = [value for band in panel.bands for value in (*band.low, *band.high)]
        assert panel.y.low <= min(ends)
        assert panel.y.high >= max(ends)


def test_a_norm_of_which_every_run_diverged_has_a_gap_there(tmp_path: Path) -> None:
    lost = {("none", 0.1, seed): 5 for seed in (0, 1, 2)}
    study = Compared(diverged=lost).write(tmp_path / "study")
    loss, _ = lines(specify(2, study))
    assert math.isnan(loss.curves[0].y[1])
    assert summarize(specify(2, study))[0].last.endswith("(learning rate 0.01)")


def test_one_learning_rate_is_shown_as_bars(tmp_path: Path) -> None:
    lost = {("none", 0.1, seed): 5 for seed in (0, 1, 2)}
    study = Compared(lrs=(0.1,), diverged=lost).write(tmp_path / "study")
    spec = specify(2, study)
    (loss, _) = spec.panels
    assert isinstance(loss, BarsPanel)
    assert [bar.entry.norm for bar in loss.bars] == ["none", "batch", "group"]
    assert summarize(spec)[0].first == "every seed diverged"
    assert draw(loss)["data"][0]["text"] == ["every seed diverged"]
    assert static.draw(spec)


def test_a_single_seed_has_no_band(tmp_path: Path) -> None:
    study = Compared(seeds=(7,)).write(tmp_path / "study")
    assert all(
        panel.bands == () for number in (1, 3, 4, 5) for panel in lines(specify(number, study))
    )


def test_a_quantity_that_was_not_read_is_said(tmp_path: Path) -> None:
    study = Compared(omitted=(("line[paper]", "effective_beta"),)).write(tmp_path / "study")
    first = lines(specify(3, study))[0]
    assert first.curves == ()
    assert "no reading: No norm, Batch norm, Group norm" in first.notes
    assert static.draw(specify(3, study))


def test_the_cost_is_relative_to_no_norm(study: StudyRecords) -> None:
    times, ratios = specify(6, study).panels
    assert isinstance(times, BarsPanel)
    assert isinstance(ratios, BarsPanel)
    assert ratios.title == "(b) Relative to no norm"
    assert [bar.value for bar in ratios.bars] == pytest.approx([1.0, 1.3, 1.2], rel=0.03)
    assert [bar.value for bar in times.bars] == pytest.approx([10, 13, 12], rel=0.03)
    assert all(bar.low <= bar.value <= bar.high for bar in (*times.bars, *ratios.bars))


@pytest.mark.parametrize("what", ["unfinished", "missing"])
def test_a_comparison_that_has_not_ended_is_not_drawn(tmp_path: Path, what: str) -> None:
    study = Compared(**{what: (("batch", 0.1, 1),)}).write(tmp_path / "study")
    with pytest.raises(RecordError, match="not all runs of the comparison have ended"):
        specify(1, study)


def test_a_figure_that_there_is_not(study: StudyRecords) -> None:
    with pytest.raises(UsageError, match="figure 7: the figures are 1, 2, 3, 4, 5, 6"):
        specify(7, study)


def test_a_kind_of_study_that_is_not_known(tmp_path: Path) -> None:
    study = Compared(manifest={"study": "tea-leaves"}).write(tmp_path / "study")
    with pytest.raises(RecordError, match="study 'tea-leaves' in"):
        specify(1, study)
