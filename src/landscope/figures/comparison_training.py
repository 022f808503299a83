"""Figure 1 of a comparison: the training loss of each norm."""

from landscope.figures.comparison_nets import (
    Series,
    drawn_over_seeds,
    ended_comparison,
    entry_of,
    mean_of_seeds,
    near_top,
    panels_by_lr,
    value_axis,
)
from landscope.figures.curves import centred_mean, smoothing_window
from landscope.figures.spec import Axis, FigureSpec, Mark
from landscope.runs import RunRecords, StudyRecords
from landscope.studies.comparison.records import (
    ComparedRun,
    ComparisonRecords,
    diverged,
    divergence,
    losses,
)

_FEW = 8


def data(study: StudyRecords) -> FigureSpec:
    """Training loss by step, one panel for each learning rate.

    Raises:
        RecordError: A run or a reading is missing, or has not ended.
    """
    nets = ended_comparison(study)
    drawn = {lr: drawn_over_seeds(nets, lr, _smoothed, mean_of_seeds) for lr in nets.lrs}
    # Single batches that overflowed on the way do not choose the axis; the lines do.
    lines = [values for each in drawn.values() for values in each.values()]
    axis = value_axis("training loss", lines, signed=True)
    panels = panels_by_lr(
        nets,
        "Training loss",
        drawn,
        axis,
        marks=lambda lr, y: _marks(nets, lr, y),
        notes=_reading_help(nets),
    )
    return FigureSpec(
        1,
        "Training loss of each norm",
        "The lower a line lies, and the earlier, the better the model trains with that norm. "
        "A cross is where a run diverged: its loss was no longer a finite number.",
        tuple(panels),
        row_height=3.2,
    )


def _smoothed(run: RunRecords) -> Series:
    """A centred mean over the steps; a run that broke off after a few is shown as it was."""
    steps, values = losses(run)
    if values.size < _FEW:
        return steps, values
    return steps, centred_mean(values, smoothing_window(run.settings(ComparedRun).steps))


def _reading_help(nets: ComparisonRecords) -> tuple[str, ...]:
    window = smoothing_window(nets.steps)
    mean = f"centred mean of {window} steps"
    if len(nets.seeds) == 1:
        return (f"line: {mean}, one seed",)
    return (f"line: {mean}, averaged over {len(nets.seeds)} seeds; band: least to greatest seed",)


def _marks(nets: ComparisonRecords, lr: float, axis: Axis) -> tuple[Mark, ...]:
    """A cross for each run that diverged, as high as its last finite loss and within the axis."""
    marks: list[Mark] = []
    for norm in nets.norms:
        entry = entry_of(norm)
        for run in nets.over_seeds(norm, lr):
            if not diverged(run):
                continue
            _, values = losses(run)
            height = float(values[-1]) if values.size else near_top(axis)
            height = min(max(height, axis.low or height), near_top(axis))
            step = divergence(run)
            text = (
                f"{entry.label}, seed {run.settings(ComparedRun).seed}: diverged at step {step:.0f}"
            )
            marks.append(Mark(entry, step, height, text))
    return tuple(marks)
