"""Finding: running statistics are not those of the batches."""

import math

from landscope.findings.evaluation import EVALUATION, gap, large_gap
from landscope.findings.finding import Case, Evidence, Severity
from landscope.findings.history import History, Series
from landscope.findings.lasting import LAST, LASTING, LEAST, lasting_largest
from landscope.findings.phrase import larger, named, number, percent
from landscope.findings.symptom import Symptom

MEAN_GAP = 0.5
"""Batch standard deviations: half of the spread that the norm is to set to 1."""

VARIANCE_GAP = math.log(2)
"""Of the logarithm of the ratio: a factor of 2 either way."""

SAMPLING = 2.0
"""Standard errors of a batch's own statistics, which a gap must exceed besides: of n samples the
mean strays by 1 / sqrt(n) and the log variance by sqrt(2 / (n - 1)), whatever the running ones."""

_LARGEST_EXPONENT = 700.0  # exp() of more overflows


def mean_gaps(history: History) -> list[Series]:
    """The stretches of layers whose running means lie far off, the worst first."""
    bound = max(MEAN_GAP, SAMPLING / math.sqrt(_samples(history)))
    return lasting_largest(history, "norm_health", "mean_gap", lambda value: value > bound)


def variance_gaps(history: History) -> list[Series]:
    """The stretches of layers whose running variances lie far off, the worst first."""
    strays = math.sqrt(2 / max(1.0, _samples(history) - 1))
    bound = max(VARIANCE_GAP, SAMPLING * strays)
    return lasting_largest(history, "norm_health", "variance_gap", lambda value: value > bound)


def _samples(history: History) -> float:
    """Samples in a batch; infinitely many where nobody said."""
    sizes = history.series("noise_scale", "batch_size")
    return max(1.0, sizes.median) if sizes.steps else math.inf


def _look(history: History) -> Case | None:
    means, variances = mean_gaps(history), variance_gaps(history)
    if not means and not variances:
        return None
    severity, effect = _effect(history)
    parts: list[str] = []
    if means:
        parts.append(f"the mean is off, in batch standard deviations, in {named(means)}")
    if variances:
        parts.append(f"the variance is off, as a factor, in {named(variances, _factor)}")
    since = min(stretch.steps[0] for stretch in (*means, *variances))
    return Case(
        severity,
        f"Running statistics do not follow the batches since step {since}: {'; '.join(parts)}"
        f"{effect}.",
        Evidence.of_layers("norm_health/mean_gap", means)
        if means
        else Evidence.of_layers("norm_health/variance_gap", variances),
        "Let them follow faster, by a larger momentum of the norm, such as 0.3 instead of torch's "
        "0.1 (with landscope's own norms a stats_decay of 0.7); or recompute them before "
        "evaluation with torch.optim.swa_utils.update_bn; or take a larger batch, or a norm "
        "without running statistics, such as group norm.",
    )


def _factor(log_ratio: float) -> str:
    return number(math.exp(min(log_ratio, _LARGEST_EXPONENT)))


def _effect(history: History) -> tuple[Severity, str]:
    large = large_gap(history)
    if large is not None:
        return "warning", f", and the loss in evaluation mode is {larger(large.median)}"
    known = gap(history)
    known = known.on(known.steps[-LAST:])
    if len(known) < LEAST:
        return "warning", ", so that in evaluation mode the network is another one"
    # The higher of two middle ones may be large where the gap is large at half of the looks.
    typical = sorted(known.values)[(len(known) - 1) // 2]
    where = "is no higher than" if typical <= 0 else f"lies only {percent(typical)} above"
    return "info", f", but the loss in evaluation mode {where} that in training"


RUNNING_STATISTICS_LAG = Symptom(
    "running-statistics-lag",
    ("warning", "info"),
    f"{LASTING} a running mean more than {MEAN_GAP} batch standard deviations off, or a running "
    f"variance by more than a factor of 2, each also by more than {SAMPLING:g} standard errors of "
    "a batch of that size; info where the loss in evaluation mode was read and is not more than "
    f"{EVALUATION:.0%} higher",
    "Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1; Wu and Johnson 2021, arXiv "
    "2105.07576, section 3",
    _look,
)
