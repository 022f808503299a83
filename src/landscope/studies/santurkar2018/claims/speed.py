"""Claims: batch norm speeds training up, and makes larger steps safe (section 1, figure 1)."""

import math

from landscope.report.content import Answer, Number, Verdict, not_run
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.statistics import (
    CHANCE,
    accuracy_by_step,
    find_all_ended,
    late_accuracy,
    mean_accuracy,
    tell_divergence,
)
from landscope.studies.santurkar2018.experiments import VGG_LARGE_LR, VGG_LR
from landscope.text import listed

_FASTER_ID = "faster"
_FASTER_QUESTION = "Does batch norm speed up training?"
_FASTER_SOURCE = "Santurkar et al. 2018, section 1 and figure 1a"

_PARTS = 4
DIVERGED = f"the steps that it did not take count as a guess, which is right in {CHANCE:.0%}"


def faster(study: StudyRecords) -> Answer:
    """Holds if the training accuracy, averaged over the run, is higher with batch norm."""
    runs = find_all_ended(study, "vgg", ("none", "batch"), VGG_LR)
    if runs is None:
        missing = f"the VGG with and without batch norm at learning rate {VGG_LR}"
        return not_run(_FASTER_ID, _FASTER_QUESTION, _FASTER_SOURCE, missing, figure=1)
    plain, batch = runs
    means = {run.id: mean_accuracy(run) for run in runs}
    late = {run.id: late_accuracy(run) for run in runs}
    quicker = means[batch.id] > means[plain.id]
    return Answer(
        _FASTER_ID,
        _FASTER_QUESTION,
        "holds" if quicker else "fails",
        f"{'Yes' if quicker else 'No'}: averaged over all steps, the training accuracy is "
        f"{means[batch.id]:.0%} with batch norm and {means[plain.id]:.0%} without.",
        (
            f"Training accuracy with batch norm and without: {tell_by_step((batch, plain))}.",
            *tell_divergence(runs, DIVERGED),
            "Rule: the training accuracy averaged over all steps is higher with batch norm.",
        ),
        tuple(
            Number(name, values[run.id], "fraction", run.id)
            for name, values in (
                ("training accuracy, mean over the run", means),
                ("training accuracy, last tenth", late),
            )
            for run in runs
        ),
        _FASTER_SOURCE,
    )


def tell_by_step(runs: tuple[RunRecords, ...]) -> str:
    """The accuracies of some runs of one length side by side, over equal parts of the steps."""
    parts = zip(*(accuracy_by_step(run, _PARTS) for run in runs), strict=True)
    return "; ".join(
        f"{listed([_accuracy(value) for _, value in part])} up to step {part[0][0]:,}"
        for part in parts
    )


def _accuracy(share: float) -> str:
    return "diverged" if math.isnan(share) else f"{share:.0%}"


_LARGER_ID = "larger-steps"
_LARGER_QUESTION = "Are bigger steps safe with batch norm?"
_LARGER_SOURCE = "Santurkar et al. 2018, section 1 and figure 1, lr 0.5"

LEARNT = 0.5
"""Training accuracy from which on a network counts as one that learns."""


def larger_steps(study: StudyRecords) -> Answer:
    """Holds if at the large rate the network learns with batch norm and not without.

    Fails if it does not learn with it; undecided if it learns without as well.
    """
    runs = find_all_ended(study, "vgg", ("none", "batch"), VGG_LARGE_LR)
    if runs is None:
        missing = f"the VGG with and without batch norm at learning rate {VGG_LARGE_LR}"
        return not_run(_LARGER_ID, _LARGER_QUESTION, _LARGER_SOURCE, missing, figure=1)
    plain, batch = runs
    late = {run.id: late_accuracy(run) for run in runs}
    verdict: Verdict = "undecided"
    if late[batch.id] < LEARNT:
        verdict = "fails"
    elif late[plain.id] < LEARNT:
        verdict = "holds"
    opening = {"holds": "Yes", "fails": "No", "undecided": "Yes, but not only with it"}[verdict]
    return Answer(
        _LARGER_ID,
        _LARGER_QUESTION,
        verdict,
        f"{opening}: at a learning rate of {VGG_LARGE_LR}, {VGG_LARGE_LR / VGG_LR:g} times the "
        f"usual one, the training accuracy ends at {late[batch.id]:.0%} with batch norm and at "
        f"{late[plain.id]:.0%} without.",
        (
            *tell_divergence(runs, f"it counts as a guess, which is right in {CHANCE:.0%}"),
            (
                f"Rule: over the last tenth of the steps it is at least {LEARNT:.0%} with batch "
                "norm and below that without."
            ),
        ),
        tuple(Number("training accuracy, last tenth", late[r.id], "fraction", r.id) for r in runs),
        _LARGER_SOURCE,
    )
