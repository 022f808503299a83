import io
import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.figures.study_fixture import Synthetic

from landscope.errors import RecordError, StorageError
from landscope.figures import interactive
from landscope.figures.spec import (
    Band,
    BandsPanel,
    Curve,
    Entry,
    LinesPanel,
    Place,
    PlotAxis,
    RidgesPanel,
    Scale,
)
from landscope.figures.static import Format, draw
from landscope.figures.style import NORMS, dark_twins
from landscope.figures.summary import summarize
from landscope.quantities import PAPER_LINE
from landscope.runs import StudyRecords
from landscope.studies.publish import specify, write_figures
from landscope.studies.santurkar2018.figures import FIGURES
from landscope.text import number_text


@pytest.mark.slow
@pytest.mark.parametrize("number", FIGURES)
def test_figure_is_a_picture(number: int, study: StudyRecords) -> None:
    spec = specify(number, study)
    root = ET.fromstring(draw(spec)[Format.SVG])
    assert root.tag.endswith("svg")
    with Image.open(io.BytesIO(draw(spec)[Format.PNG])) as picture:
        assert picture.width == 1800
        colours = {rgb for _, rgb in picture.convert("RGB").getcolors(2**24) or []}
    wanted = {item.norm for item in spec.legend}
    for norm in wanted:
        red, green, blue = (int(NORMS[norm].colour[at : at + 2], 16) for at in (1, 3, 5))
        assert (red, green, blue) in colours


def test_equal_figures_are_equal_bytes(study: StudyRecords) -> None:
    spec = specify(5, study)
    first = draw(spec)
    draw.cache_clear()
    second = draw(spec)
    assert first is not second
    assert dict(first) == dict(second)


def test_files_hold_no_date_and_no_request(study: StudyRecords) -> None:
    text = draw(specify(5, study))[Format.SVG].decode()
    assert "dc:date" not in text
    assert "<script" not in text
    assert "@import" not in text


@pytest.mark.parametrize("number", FIGURES)
def test_plots_are_plain_json(number: int, study: StudyRecords) -> None:
    for panel in specify(number, study).panels:
        plot = interactive.draw(panel)
        assert json.loads(json.dumps(plot, allow_nan=False)) == plot
        assert len(plot["data"]) > 0


@pytest.mark.parametrize("number", FIGURES)
def test_each_colour_of_a_plot_has_a_dark_twin(number: int, study: StudyRecords) -> None:
    twins = dark_twins()
    for panel in specify(number, study).panels:
        found = set(colours(interactive.draw(panel)))
        assert found
        assert found <= set(twins)


def colours(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [colour for value in part.values() for colour in colours(value)]
    if isinstance(part, list):
        return [colour for value in part for colour in colours(value)]
    return [part] if isinstance(part, str) and part.startswith("#") else []


def test_both_drawings_hold_the_same_numbers(study: StudyRecords) -> None:
    panel = specify(4, study).panels[2]
    assert isinstance(panel, LinesPanel)
    traces = interactive.draw(panel)["data"]
    assert [trace["meta"] for trace in traces] == ["No norm", "Batch norm"]
    for trace, curve in zip(traces, panel.curves, strict=True):
        assert trace["y"] == pytest.approx(curve.y, rel=1e-4)


def test_run_that_broke_off_has_a_cross_with_its_step(study: StudyRecords) -> None:
    panel = specify(1, study).panels[0]
    traces = interactive.draw(panel)["data"]
    crosses = [each for each in traces if each.get("marker", {}).get("symbol") == "x"]
    assert len(crosses) == 1
    assert crosses[0]["x"] == [30.0]
    assert "No norm, lr 0.5 (diverged at step 30)" in crosses[0]["hovertemplate"]


def test_gaps_of_a_curve_are_none() -> None:
    entry = Entry("No norm", "none", "VGG")
    line = Curve(entry, (0.0, 1.0, 2.0), (1.0, math.nan, 3.0))
    axis = PlotAxis("loss", Scale.LOG, 0.5, 5.0)
    panel = LinesPanel("t", Place(0, 0), PlotAxis("step"), axis, (line,))
    assert interactive.draw(panel)["data"][0]["y"] == [1.0, None, 3.0]


def test_a_gap_parts_a_band_into_polygons() -> None:
    entry = Entry("No norm", "none", "VGG")
    nan = math.nan
    drawn = Band(entry, (0.0, 1.0, 2.0, 3.0), (1.0, 1.5, nan, 2.0), (3.0, 4.0, nan, 5.0))
    axis = PlotAxis("loss", Scale.LOG, 0.5, 5.0)
    panel = BandsPanel("t", Place(0, 0), PlotAxis("step"), axis, (drawn,))
    polygon = interactive.draw(panel)["data"][0]
    assert polygon["x"] == [0.0, 1.0, 1.0, 0.0, None, 3.0, 3.0]
    assert polygon["y"] == [1.0, 1.5, 4.0, 3.0, None, 2.0, 5.0]


def test_texts_are_escaped() -> None:
    entry = Entry("<b onclick=x>", "none", "VGG")
    line = Curve(entry, (0.0,), (1.0,))
    axis = PlotAxis("<i>loss</i>", Scale.LINEAR, 0.0, 1.0)
    panel = LinesPanel("t", Place(0, 0), axis, axis, (line,))
    plot = interactive.draw(panel)
    assert plot["data"][0]["hovertemplate"].startswith("&lt;b onclick=x&gt;: ")
    assert plot["layout"]["yaxis"]["title"]["text"] == "&lt;i&gt;loss&lt;/i&gt;"


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.4, 6.0, ["0.5", "1", "2", "5"]),
        (0.5, 2e5, ["1", "10", "100", "1000", "10000", "10<sup>5</sup>"]),
        (1.5e-3, 3e9, ["1", "1000", "10<sup>6</sup>", "10<sup>9</sup>"]),
        (1.5e-4, 4e-4, ["2·10<sup>-4</sup>", "3·10<sup>-4</sup>", "4·10<sup>-4</sup>"]),
        (0.015, 2.9, ["0.1", "1"]),
        (8e4, 1.2e5, ["80000", "10<sup>5</sup>", "1.2·10<sup>5</sup>"]),
    ],
)
def test_log_ticks(low: float, high: float, texts: list[str]) -> None:
    entry = Entry("No norm", "none", "VGG")
    axis = PlotAxis("loss", Scale.LOG, low, high)
    line = Curve(entry, (0.0,), (1.0,))
    panel = LinesPanel("t", Place(0, 0), PlotAxis("step"), axis, (line,))
    assert interactive.draw(panel)["layout"]["yaxis"]["ticktext"] == texts


def test_empty_ridges_are_drawn_as_such(study: StudyRecords) -> None:
    spec = specify(6, study)
    empty = replace(spec.panels[0], ridges=())
    assert isinstance(empty, RidgesPanel)
    assert interactive.draw(empty)["data"] == []
    assert draw(replace(spec, panels=(empty,)))[Format.SVG].startswith(b"<?xml")


def test_curve_without_a_finite_reading_is_still_marked(study: StudyRecords) -> None:
    spec = specify(1, study)
    panel = spec.panels[0]
    assert isinstance(panel, LinesPanel)
    broken = next(curve for curve in panel.curves if curve.entry.ending is not None)
    gone = replace(panel, curves=(replace(broken, x=(), y=(), raw=()),))
    assert draw(replace(spec, panels=(gone,)))[Format.SVG].startswith(b"<?xml")
    assert "diverged at step 30" in replace(spec, panels=(gone,)).legend[0].full_label


def test_summary_has_first_and_last_of_every_net(study: StudyRecords) -> None:
    rows = summarize(specify(4, study))
    assert len(rows) == 12
    run = study.find(family="vgg", norm="none", lr=0.1)
    _, betas = run.series(PAPER_LINE.effective_beta)
    row = next(row for row in rows if row.panel.startswith("(c)"))
    assert row.first == f"{number_text(betas[0])} (step 0)"
    assert row.last == f"{number_text(betas[-1])} (step 60)"


@pytest.mark.slow
def test_files_of_a_study(tmp_path: Path) -> None:
    study = Synthetic(steps=20, looks=3, manifest={"figures": [6, 11]}).write(tmp_path / "study")
    written = write_figures(study, tmp_path / "figures")
    assert [path.name for path in written] == [
        "figure-06.svg", "figure-06.png", "figure-11.svg", "figure-11.png",
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(
        path.name for path in written
    )
    assert written[0].read_bytes() == draw(specify(6, study))[Format.SVG]


def test_nothing_is_written_when_rows_are_missing(tmp_path: Path) -> None:
    runs = tuple(("vgg", norm, 0.1) for norm in ("none", "batch"))
    synthetic = Synthetic(steps=20, looks=3, runs=runs, manifest={"figures": [11, 3]})
    study = synthetic.write(tmp_path / "study")
    with pytest.raises(RecordError, match="no such run"):
        write_figures(study, tmp_path / "figures")
    assert not (tmp_path / "figures").exists()


def test_folder_that_cannot_be_made(tmp_path: Path, study: StudyRecords) -> None:
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(StorageError, match="figures: it cannot be written"):
        write_figures(study, tmp_path / "figures")
