"""Figure 6 of a comparison: what each norm costs in time."""

import math

from landscope.figures.comparison_nets import ended_comparison, entry_of
from landscope.figures.spec import Axis, Bar, BarsPanel, FigureSpec, Place
from landscope.norms.names import NORM_LABELS
from landscope.runs import StudyRecords
from landscope.studies.comparison.records import ComparisonRecords, step_seconds

_MILLISECONDS = 1e3


def data(study: StudyRecords) -> FigureSpec:
    """Time of a training step with each norm, and relative to none, or else to the first.

    Raises:
        RecordError: A run is missing or has not ended.
    """
    nets = ended_comparison(study)
    first = nets.baseline
    seconds = {norm: _seconds(nets, norm) for norm in nets.norms}
    times = [_bar(norm, [_MILLISECONDS * each for each in seconds[norm]]) for norm in nets.norms]
    ratios = [
        _bar(norm, [own / base for own, base in zip(seconds[norm], seconds[first], strict=True)])
        for norm in nets.norms
    ]
    runs = len(seconds[first])
    notes = (f"median over {runs} runs; line: least to greatest",) if runs > 1 else ()
    return FigureSpec(
        6,
        "What each norm costs in time",
        "Wall time of a training step without probes: forward, backward and update. Runs side by "
        "side share the machine, which the ranges show.",
        (
            BarsPanel(
                "(a) A training step", Place(0, 0), Axis("milliseconds"), tuple(times), notes
            ),
            BarsPanel(
                f"(b) Relative to {NORM_LABELS[first]}",
                Place(0, 1),
                Axis(f"times {NORM_LABELS[first]}"),
                tuple(ratios),
                ("of the same learning rate and seed",),
            ),
        ),
        row_height=0.9 + 0.32 * len(nets.norms),
    )


def _seconds(nets: ComparisonRecords, norm: str) -> list[float]:
    return [step_seconds(run) for lr in nets.lrs for run in nets.over_seeds(norm, lr)]


def _bar(norm: str, values: list[float]) -> Bar:
    known = sorted(value for value in values if math.isfinite(value))
    if not known:
        return Bar(entry_of(norm), math.nan, math.nan, math.nan)
    half = len(known) // 2
    middle = known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2
    return Bar(entry_of(norm), middle, known[0], known[-1])
