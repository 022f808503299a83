"""Claim: batch norm speeds up training (section 1 of the paper, figure 1)."""

import math

from landscope.report.answer import Answer, Number, not_run
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.runs import find_all_ended, tell_divergence
from landscope.studies.santurkar2018.claims.statistics import (
    CHANCE,
    accuracy_by_step,
    late_accuracy,
    mean_accuracy,
)
from landscope.studies.santurkar2018.experiments import VGG_LR
from landscope.text import listed

ID = "faster"
QUESTION = "Does batch norm speed up training?"
SOURCE = "Santurkar et al. 2018, section 1 and figure 1a"

_PARTS = 4
DIVERGED = f"the steps that it did not take count as a guess, which is right in {CHANCE:.0%}"


def faster(study: StudyRecords) -> Answer:
    """Holds if the training accuracy, averaged over the run, is higher with batch norm."""
    runs = find_all_ended(study, "vgg", ("none", "batch"), VGG_LR)
    if runs is None:
        missing = f"the VGG with and without batch norm at learning rate {VGG_LR}"
        return not_run(ID, QUESTION, SOURCE, missing, figure=1)
    plain, batch = runs
    means = {run.id: mean_accuracy(run) for run in runs}
    late = {run.id: late_accuracy(run) for run in runs}
    quicker = means[batch.id] > means[plain.id]
    return Answer(
        ID,
        QUESTION,
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
        SOURCE,
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
