"""Claim: with batch norm larger learning rates are safe (section 1, figure 1 at lr 0.5)."""

from landscope.claims.answer import Answer, Number, Verdict, not_run
from landscope.claims.statistics import late_accuracy
from landscope.records.study_records import StudyRecords
from landscope.study.santurkar2018 import VGG_LARGE_LR

ID = "larger-steps"
QUESTION = "Are bigger steps safe with batch norm?"
SOURCE = "Santurkar et al. 2018, section 1 and figure 1, lr 0.5"

LEARNT = 0.5
"""Training accuracy from which on a network counts as one that learns."""


def larger_steps(study: StudyRecords) -> Answer:
    """Holds if at the large rate the network learns with batch norm and not without.

    Fails if it does not learn with it; undecided if it learns without as well.
    """
    wanted = [{"family": "vgg", "norm": norm, "lr": VGG_LARGE_LR} for norm in ("none", "batch")]
    if not all(study.has(**fields) for fields in wanted):
        return not_run(ID, QUESTION, SOURCE, f"the VGG with and without BN at lr {VGG_LARGE_LR}")
    plain, batch = (study.find(**fields) for fields in wanted)
    late = {run.id: late_accuracy(run) for run in (plain, batch)}
    verdict: Verdict = "undecided"
    if late[batch.id] < LEARNT:
        verdict = "fails"
    elif late[plain.id] < LEARNT:
        verdict = "holds"
    ends = " and diverges" if plain.outcome.status == "diverged" else ""
    return Answer(
        ID,
        QUESTION,
        verdict,
        f"At lr {VGG_LARGE_LR} the network ends at {late[batch.id]:.0%} training accuracy with "
        f"batch norm, and at {late[plain.id]:.0%} without{ends}.",
        (f"Rule: it ends above {LEARNT:.0%} with batch norm and below without.",),
        tuple(
            Number("training accuracy, last tenth", late[run.id], "fraction", run.id)
            for run in (plain, batch)
        ),
        SOURCE,
    )
