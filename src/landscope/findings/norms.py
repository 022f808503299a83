"""Findings about norms: their statistics, the batch behind these, and their scales."""

import math

from landscope.findings.finding import Case, Evidence, Severity, rule
from landscope.findings.history import (
    LEAST,
    SUSTAINED,
    History,
    Series,
)
from landscope.findings.phrase import median_of, named, names, since
from landscope.quantities import NOISE_SCALE, NORM_HEALTH
from landscope.text import larger, number, percent

MEAN_GAP = 0.5
"""In batch standard deviations: half of the spread that the norm sets to 1."""

VARIANCE_GAP = math.log(2)
"""On the logarithm of the ratio: a factor of 2 in either direction."""

SAMPLING = 2.0
"""Number of standard errors of a batch's own statistics that a gap must also exceed: with n
samples the mean varies by 1 / sqrt(n) and the log variance by sqrt(2 / (n - 1)), whatever the
running statistics."""

EVALUATION = 0.25
"""Excess of the loss in evaluation mode above which it is large: the noise of the batch alone
causes a few per cent at usual sizes, and dropout raises the loss in training mode."""

FRESH = 30
"""Number of steps after which running statistics follow the batches: with torch's momentum of
0.1 the initial values then have a weight of 0.9^30, or 4%."""

HALVED = 0.1
"""Excess of the loss with statistics of half the batch above which the batch is too small: with
enough samples both halves have the statistics of the whole, and the excess is a per cent or
less."""

DEAD = 0.1
"""Share of a layer's scales above which dead scales count: a few are usual."""

MOST = 0.5
"""Share above which it is a warning: the layer is less than half as wide as it was built."""

_STATISTICS = "Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.1"
_LARGEST_EXPONENT = 700.0  # exp() of more overflows


def _mean_gaps(history: History) -> list[Series]:
    """The layers whose running means are far off, the worst first."""
    bound = max(MEAN_GAP, SAMPLING / math.sqrt(_samples(history)))
    return _aged(history.sustained_layers(NORM_HEALTH.mean_gap, lambda gap: gap > bound))


def _variance_gaps(history: History) -> list[Series]:
    """The layers whose running variances are far off, the worst first."""
    bound = max(VARIANCE_GAP, SAMPLING * math.sqrt(2 / max(1.0, _samples(history) - 1)))
    return _aged(history.sustained_layers(NORM_HEALTH.variance_gap, lambda gap: gap > bound))


def _aged(gaps: list[Series]) -> list[Series]:
    """The series that still hold once running statistics had time to follow."""
    return [gap for gap in gaps if gap.steps[-1] >= FRESH]


def _samples(history: History) -> float:
    """Samples in a batch; infinity if unknown."""
    sizes = history.series(NOISE_SCALE.batch_size)
    return max(1.0, sizes.median) if sizes.steps else math.inf


def _large(gap: Series) -> Series | None:
    """The part over which the loss is much larger in evaluation mode; None if not sustained."""
    return gap.sustained(lambda excess: excess > EVALUATION)


@rule(
    f"{SUSTAINED} a running mean more than {MEAN_GAP} batch standard deviations off, or a running "
    f"variance by more than a factor of 2, each also by more than {SAMPLING:g} standard errors of "
    f"a batch of that size, not before step {FRESH}; info where the loss in evaluation mode was "
    f"read and is not more than {EVALUATION:.0%} higher",
    f"{_STATISTICS}; Wu and Johnson 2021, arXiv 2105.07576, section 3",
    severities=("warning", "info"),
)
def running_statistics_lag(history: History) -> Case | None:
    means, variances = _mean_gaps(history), _variance_gaps(history)
    if not means and not variances:
        return None
    severity, effect = _effect(history.series(NORM_HEALTH.evaluation_gap))
    parts: list[str] = []
    if means:
        parts.append(f"the mean is off, in batch standard deviations, in {named(means)}")
    if variances:
        parts.append(f"the variance is off, as a factor, in {named(variances, _factor)}")
    first = min(stretch.steps[0] for stretch in (*means, *variances))
    return Case(
        f"Running statistics have not followed the batches since step {first}: "
        f"{'; '.join(parts)}{effect}.",
        Evidence.of_layers(means or variances),
        "Let them follow faster with a larger momentum of the norm, such as 0.3 instead of torch's "
        "0.1 (in landscope's own norms, a stats_decay of 0.7); or recompute them before evaluation "
        "with torch.optim.swa_utils.update_bn; or use a larger batch, or a norm without running "
        "statistics, such as group norm.",
        severity,
    )


def _factor(log_ratio: float) -> str:
    return number(math.exp(min(log_ratio, _LARGEST_EXPONENT)))


def _effect(gap: Series) -> tuple[Severity, str]:
    """The effect on the loss in evaluation mode."""
    large, last = _large(gap), gap.last()
    if large is not None:
        return "warning", f", and the loss in evaluation mode is {larger(large.median)}"
    if len(last) < LEAST:
        return "warning", ", so the network is a different function in evaluation mode"
    # The higher of two middle values may be large if the gap is large at half of the measurements.
    typical = sorted(last.values)[(len(last) - 1) // 2]
    where = "is no higher than" if typical <= 0 else f"is only {percent(typical)} above"
    return "info", f", but the loss in evaluation mode {where} that in training"


@rule(
    f"loss of the same batch more than {EVALUATION:.0%} higher in evaluation mode {SUSTAINED}, "
    f"without running-statistics-lag; with running statistics from step {FRESH} on",
    "Wu and Johnson 2021, arXiv 2105.07576, section 4",
)
def evaluation_differs(history: History) -> Case | None:
    gap, statistics = (
        history.series(NORM_HEALTH.evaluation_gap),
        history.layers(NORM_HEALTH.mean_gap),
    )
    stretch = _large(gap)
    if stretch is not None and statistics:
        # Only what remains once the statistics had time to follow is not due to them.
        stretch = _large(gap.on(step for step in gap.steps if step >= FRESH))
    if stretch is None or _mean_gaps(history) or _variance_gaps(history):
        return None
    evaluation, training = (
        history.series(loss).on(stretch.steps)
        for loss in (NORM_HEALTH.evaluation_loss, NORM_HEALTH.training_loss)
    )
    both = ""
    if evaluation.steps and training.steps:
        both = f", {number(evaluation.median)} against {number(training.median)}"
    followed = ""
    if any(len(series) >= LEAST for series in statistics):
        followed = ", although the running statistics follow the batches"
    return Case(
        f"Evaluation differs from training: on the same batch the loss is {larger(stretch.median)} "
        f"in evaluation mode ({median_of(stretch)}{both}){followed}.",
        Evidence.of(stretch),
        "Look for anything else that depends on the mode: a layer that reads self.training, a norm "
        "that is left in one mode, or statistics mixed from two kinds of batches. With small "
        "batches, try a larger one. If the loss is close to 0, a large ratio means little.",
    )


@rule(
    f"the whole network in evaluation mode at the step, {SUSTAINED}, where it has dropout or norms "
    "with running statistics; a warning where it was in training mode at the first measurement",
    "PyTorch, documentation of torch.nn.Module.eval",
    severities=("warning", "info"),
)
def evaluation_mode(history: History) -> Case | None:
    mode = history.series(NORM_HEALTH.evaluation_mode)
    stretch = mode.sustained(bool)
    if stretch is None:
        return None
    changed = not mode.first
    before = ", and was in training mode before" if changed else ""
    return Case(
        f"The network is trained in evaluation mode ({since(stretch)}){before}: dropout is off, "
        "and batch norms use their running statistics and do not move them.",
        Evidence.of(stretch),
        "Call model.train() before training continues, for example after each validation. If this "
        "is intended, as in some fine-tuning, ignore it.",
        "warning" if changed else "info",
    )


@rule(
    f"a norm with running statistics in evaluation mode while the network is not, {SUSTAINED}; a "
    "warning where its statistics are still the initial 0 and 1 and its scales are not frozen",
    _STATISTICS,
    severities=("warning", "info"),
)
def norms_in_evaluation(history: History) -> Case | None:
    layers = history.sustained_layers(NORM_HEALTH.evaluation_mode, bool)
    if not layers:
        return None
    unset = history.sustained_layers(NORM_HEALTH.statistics_unset, bool)
    shown = unset or layers
    start = (
        "their running statistics are still the initial 0 and 1, so they normalise nothing"
        if unset
        else "they normalise with running statistics, which do not move"
    )
    return Case(
        f"Norms are in evaluation mode while the network is trained, at {names(shown)}: {start}.",
        Evidence.of_layers(shown),
        "If they should be trained, call model.train(), which reaches every part, after any eval() "
        "of a part. In a backbone that is frozen on purpose this is right, once the statistics are "
        "those of its data.",
        "warning" if unset else "info",
    )


@rule(
    "running means of a norm in training mode bit-identical to those of the measurement before, "
    f"{SUSTAINED}",
    _STATISTICS,
)
def statistics_still(history: History) -> Case | None:
    layers = history.sustained_layers(NORM_HEALTH.statistics_still, bool)
    if not layers:
        return None
    return Case(
        f"Running statistics never move at {names(layers)}, although the norms are in training "
        "mode: they are bit-identical to those of the measurement before, and evaluation uses "
        "them.",
        Evidence.of_layers(layers),
        "Look for momentum=0 in the norm, for a part of the network that the batch does not pass "
        "through, and for code that restores the statistics.",
    )


@rule(
    f"mean loss of the batch's halves, each with its own statistics, more than {HALVED:.0%} above "
    f"that of the whole {SUSTAINED}",
    "Wu and He 2018, arXiv 1803.08494, section 4.1",
)
def batch_too_small_for_norm(history: History) -> Case | None:
    stretch = history.series(NORM_HEALTH.half_batch_gap).sustained(lambda excess: excess > HALVED)
    if stretch is None:
        return None
    return Case(
        "The batch is too small for its norm: with the statistics of half the batch the loss is "
        f"{larger(stretch.median)} ({median_of(stretch)}), so what the network learns depends on "
        "the batch size as much as on the data.",
        Evidence.of(stretch),
        "Use a larger batch; on several devices, share statistics (torch.nn.SyncBatchNorm); or use "
        "a norm that does not depend on other samples, such as group or layer norm.",
    )


@rule(
    f"more than {DEAD:.0%} of a layer's scales close to zero {SUSTAINED}; a warning above "
    f"{MOST:.0%}",
    "Liu et al. 2017, arXiv 1708.06519, section 3; on how weight decay brings it about Mehta et "
    "al. 2019, arXiv 1811.12495",
    severities=("warning", "info"),
)
def dead_scales(history: History) -> Case | None:
    layers = history.sustained_layers(NORM_HEALTH.dead_scales, lambda share: share > DEAD)
    if not layers:
        return None
    return Case(
        f"Scales (gamma) of norms are dead in {named(layers, percent)}: these features are "
        "constant, and the layer is narrower by as many.",
        Evidence.of_layers(layers),
        "If this is not intended, exclude gamma and beta from weight decay, or lower the learning "
        "rate; scales that start at 0 in residual branches need a warm-up to grow. If it is, prune "
        "these features: the network stays the same.",
        "warning" if layers[0].median > MOST else "info",
    )
