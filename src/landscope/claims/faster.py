"""Claim: batch norm speeds up training (section 1 of the paper, figure 1)."""

from landscope.claims.answer import Answer, Number, not_run
from landscope.claims.statistics import accuracy_by_step, late_accuracy, mean_accuracy
from landscope.records.study_records import StudyRecords
from landscope.study.santurkar2018 import VGG_LR

ID = "faster"
QUESTION = "Does batch norm speed up training?"
SOURCE = "Santurkar et al. 2018, section 1 and figure 1a"


def faster(study: StudyRecords) -> Answer:
    """Holds if the training accuracy, averaged over the run, is higher with batch norm."""
    wanted = {norm: {"family": "vgg", "norm": norm, "lr": VGG_LR} for norm in ("none", "batch")}
    if not all(study.has(**fields) for fields in wanted.values()):
        return not_run(ID, QUESTION, SOURCE, f"the VGG with and without batch norm at lr {VGG_LR}")
    plain, batch = (study.find(**fields) for fields in wanted.values())
    means = {run.id: mean_accuracy(run) for run in (plain, batch)}
    late = {run.id: late_accuracy(run) for run in (plain, batch)}
    quicker = means[batch.id] > means[plain.id]
    by_step = ", ".join(
        f"{a:.0%} and {b:.0%} up to step {step:,}"
        for (step, a), (_, b) in zip(
            accuracy_by_step(batch, 4), accuracy_by_step(plain, 4), strict=False
        )
    )
    return Answer(
        ID,
        QUESTION,
        "holds" if quicker else "fails",
        f"{'Yes' if quicker else 'No'}: over the run, batch norm's training accuracy averages "
        f"{means[batch.id]:.0%}, the standard network's {means[plain.id]:.0%}.",
        (
            f"Training accuracy with batch norm and without: {by_step}.",
            "Rule: the training accuracy averaged over all steps is higher with batch norm.",
        ),
        tuple(
            Number(name, values[run.id], "fraction", run.id)
            for name, values in (
                ("training accuracy, mean over the run", means),
                ("training accuracy, last tenth", late),
            )
            for run in (plain, batch)
        ),
        SOURCE,
    )
