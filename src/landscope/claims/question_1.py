"""Question 1 of the paper: is batch norm's effect tied to stable input distributions?"""

from landscope.claims.answer import Answer, Number, Verdict, not_run
from landscope.claims.statistics import (
    accuracy_by_step,
    has_over_layers,
    late_accuracy,
    mean_accuracy,
    median,
    over_layers,
)
from landscope.records.run_records import RunRecords
from landscope.records.study_records import StudyRecords
from landscope.study.santurkar2018 import VGG_LR

ID = "question-1"
QUESTION = "Question 1: is batch norm's effect tied to internal covariate shift?"
SOURCE = "Santurkar et al. 2018, section 2.1 and figure 2"

KEPT = 0.5
"""Share of batch norm's advantage that noisy batch norm must keep for the claim to hold."""

_MOVE = "input_wasserstein_relative"


def question_1(study: StudyRecords) -> Answer:
    """The paper says no: noise that shifts the distributions leaves the advantage.

    Holds if noisy batch norm's inputs shift more than the standard network's and it keeps at
    least half of batch norm's advantage in mean training accuracy; fails if they shift more and
    it does not; undecided if they do not shift more, or there is no advantage to keep.
    """
    wanted = [
        {"family": "vgg", "norm": norm, "lr": VGG_LR} for norm in ("none", "batch", "noisy-batch")
    ]
    if not all(study.has(**fields) for fields in wanted):
        return not_run(ID, QUESTION, SOURCE, f"standard, BN and noisy BN VGG at lr {VGG_LR}")
    runs = [study.find(**fields) for fields in wanted]
    if not all(has_over_layers(run, "distribution", _MOVE) for run in runs):
        return not_run(ID, QUESTION, SOURCE, "how the distributions of their inputs move")
    plain, batch, noisy = runs
    means = {run.id: mean_accuracy(run) for run in runs}
    moves = {run.id: median(over_layers(run, "distribution", _MOVE)) for run in runs}
    advantage = means[batch.id] - means[plain.id]
    kept = (means[noisy.id] - means[plain.id]) / advantage if advantage > 0 else float("nan")
    return Answer(
        ID,
        QUESTION,
        _verdict(moves[noisy.id] > moves[plain.id], advantage, kept),
        _headline(moves[noisy.id] / moves[plain.id], kept),
        (
            (
                "In one step the distribution of a layer's inputs moves by "
                f"{moves[noisy.id]:.2g} standard deviations with noisy batch norm, "
                f"{moves[plain.id]:.2g} in the standard network and {moves[batch.id]:.2g} with "
                "batch norm (Wasserstein-1 distance; median over layers and looks)."
            ),
            _by_step(plain, batch, noisy),
            *_noise_alone(study),
            (
                "Rule: noisy batch norm's inputs shift more than the standard network's, and it "
                f"keeps at least {KEPT:.0%} of batch norm's advantage in mean training accuracy."
            ),
        ),
        (
            *(
                Number("training accuracy, mean over the run", means[r.id], "fraction", r.id)
                for r in runs
            ),
            *(
                Number(
                    "shift of inputs in a step, median", moves[r.id], "standard deviations", r.id
                )
                for r in runs
            ),
            Number("share of the advantage kept under noise", kept, "fraction", noisy.id),
        ),
        SOURCE,
    )


def _verdict(moves_more: bool, advantage: float, kept: float) -> Verdict:
    if not moves_more or advantage <= 0:
        return "undecided"
    return "holds" if kept >= KEPT else "fails"


def _headline(ratio: float, kept: float) -> str:
    shift = f"noise makes the inputs' distributions shift {ratio:.2g} times as much as in the "
    if kept >= KEPT:
        return f"No: {shift}standard network, and {kept:.0%} of batch norm's advantage remains."
    if kept < KEPT:
        return (
            f"It seems so: {shift}standard network, and only {kept:.0%} of the advantage is left."
        )
    return f"It cannot be told: {shift}standard network, but batch norm had no advantage to keep."


def _by_step(plain: RunRecords, batch: RunRecords, noisy: RunRecords) -> str:
    parts = zip(*(accuracy_by_step(run, 4) for run in (plain, batch, noisy)), strict=False)
    by_step = "; ".join(
        f"up to step {step:,} {a:.0%}, {b:.0%} and {c:.0%}" for (step, a), (_, b), (_, c) in parts
    )
    return f"Training accuracy of the standard, BN and noisy BN network: {by_step}."


def _noise_alone(study: StudyRecords) -> tuple[str, ...]:
    fields = {"family": "vgg", "norm": "noise", "lr": VGG_LR}
    if not study.has(**fields):
        return ()
    return (
        (
            "The same noise on the standard network leaves it at "
            f"{late_accuracy(study.find(**fields)):.0%} at the end (a guess is right in 10 %)."
        ),
    )
