"""The figure of one run: its lines are the readings, and what cannot be believed is no line."""

import io
import itertools
import math
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from landscope.errors import RecordError, UsageError
from landscope.figures.run_figure import run_figure
from landscope.reading import Axis as ReadingAxis
from landscope.reading import Reading, Status

STEPS = (0, 10, 20, 30)


def looks(
    key: str,
    values: Sequence[float],
    layer: str | None = None,
    status: Status = Status.OK,
    steps: Sequence[int] = STEPS,
) -> list[Reading]:
    probe, quantity = key.split("/")
    return [
        Reading(step, probe, quantity, value, layer=layer, status=status)
        for step, value in zip(steps, values, strict=True)
    ]


EVERYTHING = [
    *looks("gradient/loss", (2.0, 1.5, 1.2, 1.1)),
    *looks("line[paper]/beta_lr", (3.0, 2.0, 1.0, 0.5)),
    *looks("step_size/sharpness_lr", (1.9, 1.8, 1.7, 1.6)),
    *looks("step_size/safe_multiple", (1.0, 2.0, 8.0, 4.0)),
    *looks("update/relative_update", (0.1, 0.05, 0.02, 0.01)),
    *looks("covariate_shift/shift_cosine", (1.0, 1.0, 1.0, 1.0), "first"),
    *looks("covariate_shift/shift_cosine", (0.9, 0.8, 0.7, 0.6), "second"),
    *looks("noise_scale/noise_scale", (20.0, 30.0, 80.0, 90.0)),
    *looks("noise_scale/batch_size", (64.0, 64.0, 64.0, 64.0)),
    *looks("norm_health/mean_gap", (1.0, 0.5, 0.2, 0.1), "norm"),
    *looks("norm_health/variance_gap", (2.0, 1.0, 0.5, 0.25), "norm"),
    *looks("norm_health/evaluation_gap", (0.5, 0.2, 0.1, -0.1)),
    *looks("norm_health/half_batch_gap", (0.1, 0.05, 0.0, 0.0)),
    *looks("norm_health/dead_scales", (0.0, 0.0, 0.25, 0.5), "norm"),
]


def axes_of(figure: Figure) -> dict[str, Axes]:
    """By the first words of their titles."""
    return {" ".join(axes.get_title("left").split()): axes for axes in figure.axes}


def the(figure: Figure, title: str) -> Axes:
    (found,) = (axes for name, axes in axes_of(figure).items() if name.startswith(title))
    return found


def lines_of(axes: Axes) -> list[tuple[list[float], list[float]]]:
    """Steps and values of every line; neither crosses nor levels."""
    return [
        (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for line in axes.lines
        if line.get_marker() != "X" and len(np.asarray(line.get_xdata())) > 2
    ]


def crosses_of(axes: Axes) -> list[float]:
    return [
        float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_marker() == "X"
    ]


def words_of(axes: Axes) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in axes.texts)


def key_of(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


DRAWN = {
    "Training loss": ["gradient/loss"],
    "Learning rate x": ["step_size/sharpness_lr", "line[paper]/beta_lr"],
    "Largest safe": ["step_size/safe_multiple"],
    "Length of": ["update/relative_update"],
    "Covariate shift": [
        "covariate_shift/shift_cosine/second",
        "covariate_shift/shift_cosine/first",
    ],
    "Gradient noise": ["noise_scale/noise_scale", "noise_scale/batch_size"],
    "Running against": ["norm_health/mean_gap/norm", "norm_health/variance_gap/norm"],
    "Excess": ["norm_health/evaluation_gap", "norm_health/half_batch_gap"],
    "Dead": ["norm_health/dead_scales/norm"],
}


@pytest.mark.parametrize("title", DRAWN)
def test_lines_are_the_readings(title: str) -> None:
    axes = the(run_figure(EVERYTHING, "run"), title)
    wanted = [
        [float(reading.value) for reading in EVERYTHING if reading.key == key]  # type: ignore[arg-type]
        for key in DRAWN[title]
    ]
    assert lines_of(axes) == [(list(STEPS), values) for values in wanted]
    assert crosses_of(axes) == []


def test_there_is_a_panel_for_each_kind_of_reading_and_no_other() -> None:
    assert len(run_figure(EVERYTHING, "run").axes) == len(DRAWN)
    some = [*looks("gradient/loss", (1.0, 2.0, 3.0, 4.0)), *looks("mine/own", (0.0, 0.0, 0.0, 0.0))]
    assert list(axes_of(run_figure(some, "run"))) == ["Training loss at each measurement"]


def test_panels_that_need_it_name_their_lines_and_their_units() -> None:
    figure = run_figure(EVERYTHING, "run")
    assert key_of(the(figure, "Learning rate x")) == [
        "along the update",
        "along the gradient, greatest",
    ]
    assert key_of(the(figure, "Training loss")) == []
    units = [axes.get_ylabel() for axes in figure.axes]
    assert all(unit == "loss" or unit == "samples" or unit.endswith("(1)") for unit in units)


@pytest.mark.parametrize(("title", "height"), [("Learning rate x", 2.0), ("Largest safe", 1.0)])
def test_what_lines_are_compared_with_is_drawn_and_said(title: str, height: float) -> None:
    axes = the(run_figure(EVERYTHING, "run"), title)
    (level,) = (line for line in axes.lines if len(np.asarray(line.get_xdata())) == 2)
    assert list(np.asarray(level.get_ydata())) == [height, height]
    low, high = axes.get_ylim()
    assert low < height < high
    assert f", {height:g}" in words_of(axes)


@pytest.mark.parametrize("status", [Status.UNCONVERGED, Status.SKIPPED, Status.NONFINITE])
def test_a_plausible_number_that_is_not_to_be_believed_is_a_cross_and_no_line(
    status: Status,
) -> None:
    readings = looks("line[paper]/beta_lr", (3.0, 2.0, 1.0), steps=(0, 10, 30))
    readings += looks("line[paper]/beta_lr", (1.5,), status=status, steps=(20,))
    axes = the(run_figure(readings, "run"), "Learning rate x")
    ((steps, values),) = lines_of(axes)
    assert steps == [0, 10, 20, 30]
    assert math.isnan(values[2])
    assert [values[at] for at in (0, 1, 3)] == [3.0, 2.0, 1.0]
    assert crosses_of(axes) == [20.0]
    assert f"1 {status}" in words_of(axes)


def test_a_fallback_is_a_value() -> None:
    axes = the(
        run_figure(looks("gradient/loss", (4.0, 3.0, 2.0, 1.0), None, Status.FALLBACK), ""), ""
    )
    assert lines_of(axes) == [(list(STEPS), [4.0, 3.0, 2.0, 1.0])]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_a_cross_whatever_its_status(value: float) -> None:
    axes = the(run_figure(looks("gradient/loss", (2.0, 1.9, value, 1.8)), "run"), "Training loss")
    assert crosses_of(axes) == [20.0]
    assert "1 nonfinite" in words_of(axes)


def test_crosses_stand_beneath_the_lines_and_inside_the_axes() -> None:
    axes = the(
        run_figure(looks("gradient/loss", (2.0, 1.0, math.nan, 9.0)), "run"), "Training loss"
    )
    (height,) = (
        float(np.asarray(line.get_ydata())[0]) for line in axes.lines if line.get_marker() == "X"
    )
    assert axes.get_ylim()[0] < height < 1.0


def test_a_probe_that_failed_leaves_a_cross() -> None:
    failed = Reading(20, "scope", "failed", 1.0, layer="gradient", status=Status.SKIPPED)
    readings = [*looks("gradient/loss", (2.0, 1.0), steps=(0, 10)), failed]
    axes = the(run_figure(readings, "run"), "Training loss")
    assert crosses_of(axes) == [20.0]
    assert "1 failed" in words_of(axes)


def test_a_loss_that_rises_at_once_is_told_apart_from_what_cannot_be_believed() -> None:
    readings = looks("step_size/safe_multiple", (0.0, 1.0, 0.0, 2.0))
    axes = the(run_figure(readings, "run"), "Largest safe")
    assert crosses_of(axes) == [0.0, 20.0]
    assert "the loss rises at once (2)" in words_of(axes)
    assert "rely" not in words_of(axes)


def test_negative_curvature_is_counted_where_the_axis_has_no_place_for_it() -> None:
    readings = looks("step_size/sharpness_lr", (0.5, -0.5, 0.0, 1.0))
    axes = the(run_figure(readings, "run"), "Learning rate x")
    assert "2 readings of 0 or less" in words_of(axes)


def test_the_layers_that_turn_most_are_lines_and_all_are_a_band() -> None:
    readings = [
        reading
        for number in range(6)
        for reading in looks(
            "covariate_shift/shift_cosine", [1.0 - 0.1 * number] * 4, f"layer.{number}"
        )
    ]
    axes = the(run_figure(readings, "run"), "Covariate shift")
    assert key_of(axes) == ["layer.5", "layer.4", "layer.3"]
    assert [values[0] for _, values in lines_of(axes)] == pytest.approx([0.5, 0.6, 0.7])
    (band,) = axes.collections
    (path,) = band.get_paths()
    heights = np.asarray(path.vertices)[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.5, 1.0))
    assert "all 6 layers" in words_of(axes)


def test_of_norms_the_worst_is_drawn_at_each_look() -> None:
    readings = [
        *looks("norm_health/mean_gap", (0.1, 0.9, 0.2, math.nan), "one"),
        *looks("norm_health/mean_gap", (0.5, 0.3, 0.8, 0.4), "other"),
    ]
    axes = the(run_figure(readings, "run"), "Running against")
    assert lines_of(axes) == [(list(STEPS), [0.5, 0.9, 0.8, 0.4])]
    assert crosses_of(axes) == []  # there is a value to rely on at every step


def test_the_order_of_readings_does_not_matter() -> None:
    one, other = (run_figure(each, "run") for each in (EVERYTHING, EVERYTHING[::-1]))
    for title in ("Training loss", "Gradient noise", "Dead"):
        assert lines_of(the(one, title)) == lines_of(the(other, title))


def test_a_reading_between_two_gaps_has_a_dot() -> None:
    readings = looks("gradient/loss", (math.nan, 2.0, math.nan, 1.0))
    axes = the(run_figure(readings, "run"), "Training loss")
    (line,) = (line for line in axes.lines if len(np.asarray(line.get_xdata())) == 4)
    assert line.get_markevery() == [1, 3]


def test_names_of_layers_and_runs_are_no_formulas() -> None:
    names = [r"$\none$", "_hidden", "a" * 80]  # mathtext would not parse the first
    readings = [
        reading
        for name in names
        for reading in looks("covariate_shift/shift_cosine", (0.5, 0.4, 0.3, 0.2), name)
    ]
    figure = run_figure(readings, r"$\run$")
    key = key_of(the(figure, "Covariate shift"))
    assert key[:2] == names[:2]
    assert key[2].startswith("…a")
    assert len(key[2]) < 30
    assert len(figure._repr_png_()) > 1000


@pytest.mark.parametrize("width", [3.2, 5.0, 7.0, 12.0, 16.0])
def test_nothing_overlaps_at_any_width(width: float) -> None:
    readings = [
        *EVERYTHING,
        *looks(
            "covariate_shift/shift_cosine", (0.3, 0.2, 0.1, 0.0), "a.layer.with.a.very.long.name"
        ),
        *looks("gradient/loss", (math.nan,), steps=(40,)),
        *looks("step_size/safe_multiple", (0.0, math.nan), steps=(40, 50)),
    ]
    figure = run_figure(readings, "A title of some length that says what the run was", width)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    whole = figure.bbox
    for box in boxes:
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1 + 1
        assert whole.y0 <= box.y0 < box.y1 <= whole.y1
    for one, other in itertools.combinations(boxes, 2):
        apart = one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
        assert apart
    for axes in figure.axes:
        title = axes.title if axes.title.get_text() else axes._left_title  # type: ignore[attr-defined]
        texts = [title, *axes.texts, *filter(None, [axes.get_legend()])]
        extents = [text.get_window_extent(renderer) for text in texts]
        for one, other in itertools.combinations([*extents, axes.bbox], 2):
            assert min(one.y1, other.y1) - max(one.y0, other.y0) < 2  # pixels


def test_a_notebook_shows_it_without_pyplot() -> None:
    with Image.open(io.BytesIO(run_figure(EVERYTHING, "run")._repr_png_())) as picture:
        assert picture.width == 1800


def test_it_needs_no_display_and_no_pyplot() -> None:
    script = (
        "import sys\n"
        "from landscope.figures.run_figure import run_figure\n"
        "from landscope.reading import Reading\n"
        "figure = run_figure([Reading(0, 'gradient', 'loss', 1.0)], 'run')\n"
        "print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin", "MPLBACKEND": "TkAgg"},
    )
    assert done.stdout.split() == ["False", "False"]


def test_lists_are_no_lines() -> None:
    axis = ReadingAxis("multiple", "1", (1.0, 2.0))
    reading = Reading(0, "gradient", "loss", (1.0, 2.0), axis=axis)
    with pytest.raises(RecordError, match="no reading that a figure of a run shows"):
        run_figure([reading], "run")


@pytest.mark.parametrize("width", [0.0, -3.0, 3.1, math.inf, math.nan])
def test_a_width_that_holds_no_panel_is_refused(width: float) -> None:
    with pytest.raises(UsageError, match=r"a panel needs 3\.2 inches"):
        run_figure(EVERYTHING, "run", width)
