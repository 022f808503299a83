"""Question 1 of the paper: is batch norm's effect tied to stable input distributions?"""

import math
from dataclasses import dataclass

from landscope.quantities import DISTRIBUTION
from landscope.report.content import Answer, Number, Verdict, not_run
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.santurkar2018.claims.speed import DIVERGED, tell_by_step
from landscope.studies.santurkar2018.claims.statistics import (
    CHANCE,
    find_all_ended,
    find_ended,
    first_divergence,
    has_over_layers,
    late_accuracy,
    mean_accuracy,
    median,
    over_layers,
    tell_divergence,
)
from landscope.studies.santurkar2018.experiments import VGG_LR
from landscope.text import times

ID = "question-1"
QUESTION = "Question 1: is batch norm's effect tied to internal covariate shift?"
SOURCE = "Santurkar et al. 2018, section 2.1 and figure 2"

KEPT = 0.5
"""Share of batch norm's advantage that noisy batch norm must keep for the claim to hold."""

_MOVE = DISTRIBUTION.input_wasserstein_relative


@dataclass(frozen=True)
class _Net:
    """What the rule asks of a network: its mean accuracy, and how far its inputs move in a step."""

    run: RunRecords
    accuracy: float
    move: float


def question_1(study: StudyRecords) -> Answer:
    """The paper says no: noise that shifts the distributions leaves the advantage.

    Holds if noisy batch norm's inputs shift more than the standard network's and it keeps at
    least half of batch norm's advantage in mean training accuracy; fails if they shift more and
    it does not; undecided if they do not shift more, or there is no advantage to keep.
    """
    runs = find_all_ended(study, "vgg", ("none", "batch", "noisy-batch"), VGG_LR)
    if runs is None or not all(has_over_layers(run, _MOVE) for run in runs):
        missing = (
            "the VGG without a norm, with batch norm and with noisy batch norm at learning rate "
            f"{VGG_LR}, and how the distributions of its layers' inputs move"
        )
        return not_run(ID, QUESTION, SOURCE, missing, figure=2)
    before = first_divergence(runs)
    plain, batch, noisy = (
        _Net(run, mean_accuracy(run), median(over_layers(run, _MOVE, before))) for run in runs
    )
    kept = _share_kept(plain, batch, noisy)
    verdict, headline = _decide(plain, noisy, kept)
    return Answer(
        ID,
        QUESTION,
        verdict,
        headline,
        (
            (
                f"Training accuracy of the standard network, with batch norm and with noisy batch "
                f"norm: {tell_by_step((plain.run, batch.run, noisy.run))}."
            ),
            *_tell_moves(plain, batch, noisy),
            *_tell_noise_alone(study, plain.run),
            *tell_divergence(runs, DIVERGED),
            (
                "Rule: with noisy batch norm the inputs shift more than in the standard network, "
                f"and at least {KEPT:.0%} of batch norm's advantage in mean training accuracy "
                "remains."
            ),
        ),
        _numbers((plain, batch, noisy), kept),
        SOURCE,
    )


def _share_kept(plain: _Net, batch: _Net, noisy: _Net) -> float:
    """NaN where batch norm has no advantage of which to keep a share."""
    advantage = batch.accuracy - plain.accuracy
    return (noisy.accuracy - plain.accuracy) / advantage if advantage > 0 else math.nan


def _decide(plain: _Net, noisy: _Net, kept: float) -> tuple[Verdict, str]:
    if math.isnan(plain.move) or math.isnan(noisy.move):
        return "undecided", "There is no answer: the shift of the layers' inputs was never finite."
    if noisy.move <= plain.move:
        return "undecided", (
            "There is no answer: the noise did not make the layers' inputs shift more than those "
            "of the standard network."
        )
    if math.isnan(kept):
        return "undecided", (
            "There is no answer: in these runs batch norm had no advantage over the standard "
            "network, so there was none to lose."
        )
    much = f"{times(noisy.move / plain.move)} as much as" if plain.move else "more than"
    shift = f"noise makes the layers' inputs shift {much} those of the standard network"
    if kept >= KEPT:
        return "holds", f"No: {shift}, and still {kept:.0%} of batch norm's advantage remains."
    left = f"only {kept:.0%}" if kept > 0 else "nothing"
    return "fails", f"It seems so: {shift}, and {left} of batch norm's advantage remains."


def _tell_moves(plain: _Net, batch: _Net, noisy: _Net) -> tuple[str, ...]:
    if any(math.isnan(net.move) for net in (plain, batch, noisy)):
        return ()
    return (
        (
            "In one step the distribution of a layer's inputs moves by "
            f"{plain.move:.2g} standard deviations in the standard network, {batch.move:.2g} with "
            f"batch norm and {noisy.move:.2g} with noisy batch norm (Wasserstein-1 distance; "
            "median over the steps measured and the layers)."
        ),
    )


def _tell_noise_alone(study: StudyRecords, plain: RunRecords) -> tuple[str, ...]:
    """What the paper says without a figure: the same noise stops the standard network."""
    alone = find_ended(study, "vgg", "noise", VGG_LR)
    if alone is None:
        return ()
    return (
        (
            f"The same noise without batch norm: training accuracy ends at "
            f"{late_accuracy(alone):.0%}, and at {late_accuracy(plain):.0%} without noise. The "
            f"paper reports that it stops training; a guess is right in {CHANCE:.0%}."
        ),
    )


def _numbers(nets: tuple[_Net, ...], kept: float) -> tuple[Number, ...]:
    numbers = (
        *(
            Number("training accuracy, mean over the run", net.accuracy, "fraction", net.run.id)
            for net in nets
        ),
        *(
            Number("shift of inputs in a step, median", net.move, "standard deviations", net.run.id)
            for net in nets
        ),
        Number("share of the advantage kept under noise", kept, "fraction", nets[-1].run.id),
    )
    return tuple(number for number in numbers if not math.isnan(number.value))
