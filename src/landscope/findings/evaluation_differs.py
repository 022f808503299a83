"""Finding: the network is another one in evaluation mode, and running statistics are not why."""

from landscope.findings.evaluation import EVALUATION, gap, large_gap
from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History, Series
from landscope.findings.lasting import LASTING, LEAST, lasting
from landscope.findings.phrase import larger, median_of, number
from landscope.findings.running_statistics_lag import mean_gaps, variance_gaps
from landscope.findings.symptom import Symptom

FRESH = 30
"""Steps in which running statistics follow the batches: with torch's momentum of 0.1 the start has
0.9^30, 4%, of the weight after them."""


def _look(history: History) -> Case | None:
    stretch = large_gap(history)
    if stretch is not None and history.layers("norm_health", "mean_gap"):
        # Only what remains when the statistics had time is not due to them.
        stretch = lasting(_settled(history), lambda value: value > EVALUATION)
    if stretch is None or mean_gaps(history) or variance_gaps(history):
        return None
    losses = [
        history.series("norm_health", f"{mode}_loss").on(stretch.steps)
        for mode in ("evaluation", "training")
    ]
    both = ""
    if all(loss.steps for loss in losses):
        both = f", {number(losses[0].median)} against {number(losses[1].median)}"
    followed = ""
    if any(len(gap) >= LEAST for gap in history.layers("norm_health", "mean_gap")):
        followed = ", although the running statistics follow the batches"
    return Case(
        "warning",
        f"Evaluation differs from training: on the same batch the loss is {larger(stretch.median)} "
        f"in evaluation mode ({median_of(stretch)}{both}){followed}.",
        Evidence.of("norm_health/evaluation_gap", stretch),
        "Look for what else depends on the mode: a layer that asks for self.training, a norm that "
        "is left in one mode, statistics mixed from two kinds of batches; with small batches, try "
        "a larger one. Where the loss is close to 0, a large ratio means little.",
    )


def _settled(history: History) -> Series:
    """The gap at measurements before which the running statistics had time to follow."""
    read = gap(history)
    return read.on(step for step in read.steps if step >= FRESH)


EVALUATION_DIFFERS = Symptom(
    "evaluation-differs",
    ("warning",),
    f"loss of the same batch more than {EVALUATION:.0%} higher in evaluation mode {LASTING}, "
    f"without running-statistics-lag; with running statistics from step {FRESH} on",
    "Wu and Johnson 2021, arXiv 2105.07576, section 4",
    _look,
)
