"""Findings about the measuring itself: what was not measured, and how long it took."""

from landscope.findings.finding import Case, Evidence, rule
from landscope.findings.history import LEAST, History
from landscope.findings.phrase import first_three
from landscope.quantities import SCOPE
from landscope.reading import Reading
from landscope.text import counted, listed, percent

TOLERATED = 1.1
"""Ratio of the share taken to the share asked for: the time of a measurement is estimated to
about a tenth."""

_REASON = 160  # characters shown of a reason


@rule(
    "100 blocks without a step of the given optimiser, and more than 4 times as many as ever made "
    "an update; or a training that ends without a step",
    "landscope.Scope, argument `optimizer`",
    severities=("serious",),
)
def no_updates_seen(history: History) -> Case | None:
    counts = history.readings(SCOPE.blocks_without_update)
    if not counts:
        return None
    # A later count replaces an earlier one of the same step; 0 means the step itself.
    step = counts[-1].step
    of_step = [float(c.value) for c in counts if c.step == step and isinstance(c.value, float)]
    if not of_step or 0.0 in of_step:
        return None
    blocks = max(of_step)
    began = f" since step {step}" if step else ""
    seen = f"No step of the given optimiser was seen in {counted(int(blocks), 'block')}{began}"
    if 1.0 in history.series(SCOPE.weights_changed_inside).values:
        sentence = (
            f"{seen}, though the weights changed: another optimiser stepped, and none of its steps "
            "was measured."
        )
        remedy = (
            "Give Scope the optimiser whose step() the loop calls. If the optimiser is created "
            "again, as when a checkpoint is loaded, create the scope after it. If one optimiser "
            "wraps another, as SAM does, give the inner one. If the loop updates the weights by "
            "hand, give optimizer=None."
        )
    else:
        outside = 1.0 in history.series(SCOPE.weights_changed_outside).values
        where = ", and the weights changed outside the blocks" if outside else ""
        sentence = f"{seen}{where}, so nothing was measured."
        remedy = (
            "Call optimizer.step() inside `with scope.step(...)`, on the optimiser given to Scope."
        )
    return Case(sentence, Evidence(str(SCOPE.blocks_without_update), (step,), (blocks,)), remedy)


@rule(
    "a probe that could not measure a step",
    "landscope.Scope: failures in measuring are recorded and never reach the training",
    severities=("info",),
)
def probe_failed(history: History) -> Case | None:
    failures: dict[str, list[Reading]] = {}
    for reading in history.readings(SCOPE.failed):
        failures.setdefault(reading.layer or SCOPE.probe, []).append(reading)
    if not failures:
        return None
    probes = sorted(failures, key=lambda probe: (failures[probe][0].step, probe))
    reasons = first_three([_in_words(probe, failures[probe]) for probe in probes], "probe")
    return Case(
        f"Not everything was measured: {reasons}; the training is not affected.",
        Evidence(
            str(SCOPE.failed),
            tuple(failures[probe][0].step for probe in probes),
            tuple(float(len(failures[probe])) for probe in probes),
            tuple(probes),
        ),
        "If the reason names something in the model or the batch, change it, or leave this probe "
        "out. Otherwise it is a bug in landscope: please report it with the reason.",
    )


def _in_words(probe: str, failed: list[Reading]) -> str:
    """What failed, how often and why, on one line."""
    reason = _shortened(str(failed[0].function))
    times = "once" if len(failed) == 1 else f"{len(failed)} times"
    return f"{probe} failed {times}, first at step {failed[0].step} ({reason})"


def _shortened(text: str) -> str:
    """A reason on one line."""
    reason = " ".join(text.split()) or "no reason given"
    return f"{reason[:_REASON].rstrip()} ..." if len(reason) > _REASON else reason


@rule(
    f"a probe without a measurement where another has {LEAST} or more",
    "landscope.Scope, arguments `budget` and `every`",
    severities=("info",),
)
def not_measured(history: History) -> Case | None:
    tried = {r.layer for each in (SCOPE.failed, SCOPE.left_out) for r in history.readings(each)}
    measured, skipped = history.measured, history.skipped
    never = [probe for probe, count in measured.items() if not count and probe not in tried]
    most = max(measured.values(), default=0)
    if not never or most < LEAST:
        return None
    unplanned = [probe for probe in never if probe not in skipped]
    alone = len(never) == 1
    reasons = [
        f"{'it' if alone else probe} was skipped ({_shortened(skipped[probe])})"
        for probe in never
        if probe in skipped
    ]
    remedy = ""
    if unplanned:
        reason, remedy = _unplanned(history)
        these = listed(unplanned) if reasons else "it" if alone else "them"
        reasons.insert(0, f"{reason} {these}")
    return Case(
        f"There is no measurement by {listed(never)}, while other probes measured up to "
        f"{counted(most, 'time')}: {listed(reasons)}.",
        Evidence("scope/measured", (0,) * len(never), (0.0,) * len(never), tuple(never)),
        f"{remedy}Leave out the probes that you do not need, or that this training does not allow.",
    )


def _unplanned(history: History) -> tuple[str, str]:
    """Why probes were never asked to measure, and the remedy."""
    asked = history.series(SCOPE.asked_share)
    if not asked.steps:
        return "no measurement within these steps was scheduled for", (
            "Give it a schedule that measures within the steps of this training. "
        )
    budget = asked.values[-1]
    return f"the budget of {percent(budget)} did not pay for", (
        f"Give a larger budget, such as budget={min(0.5, 4 * budget):g}, or every= a number of "
        "steps, or train longer. "
    )


@rule(
    f"measuring takes more than {TOLERATED:g} times the share of the time that was asked for, at "
    f"the last of {LEAST} measurements or more",
    "landscope.Scope, argument `budget`",
    severities=("info",),
)
def budget_exceeded(history: History) -> Case | None:
    share, asked = history.series(SCOPE.share), history.series(SCOPE.asked_share)
    # After one or two measurements the share does not yet follow the plan.
    if len(share) < LEAST or not asked.steps:
        return None
    taken, given = share.values[-1], asked.values[-1]
    if not taken > TOLERATED * given:
        return None
    return Case(
        f"Measuring took {percent(taken)} of the time up to step {share.steps[-1]}, more than the "
        f"{percent(given)} asked for.",
        Evidence.of(share.last(1)),
        'Leave out the most expensive probes (probes="cheap" keeps two), or give every= a number '
        "of steps. The budget cannot be kept if steps take very different times.",
    )
