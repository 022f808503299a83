"""Claim: with batch norm larger learning rates are safe (section 1, figure 1 at lr 0.5)."""

from landscope.report.answer import Answer, Number, Verdict, not_run
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.runs import find_all_ended, tell_divergence
from landscope.studies.santurkar2018.claims.statistics import CHANCE, late_accuracy
from landscope.studies.santurkar2018.experiments import VGG_LARGE_LR, VGG_LR

ID = "larger-steps"
QUESTION = "Are bigger steps safe with batch norm?"
SOURCE = "Santurkar et al. 2018, section 1 and figure 1, lr 0.5"

LEARNT = 0.5
"""Training accuracy from which on a network counts as one that learns."""


def larger_steps(study: StudyRecords) -> Answer:
    """Holds if at the large rate the network learns with batch norm and not without.

    Fails if it does not learn with it; undecided if it learns without as well.
    """
    runs = find_all_ended(study, "vgg", ("none", "batch"), VGG_LARGE_LR)
    if runs is None:
        missing = f"the VGG with and without batch norm at learning rate {VGG_LARGE_LR}"
        return not_run(ID, QUESTION, SOURCE, missing, figure=1)
    plain, batch = runs
    late = {run.id: late_accuracy(run) for run in runs}
    verdict: Verdict = "undecided"
    if late[batch.id] < LEARNT:
        verdict = "fails"
    elif late[plain.id] < LEARNT:
        verdict = "holds"
    opening = {"holds": "Yes", "fails": "No", "undecided": "Yes, but not only with it"}[verdict]
    return Answer(
        ID,
        QUESTION,
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
        SOURCE,
    )
