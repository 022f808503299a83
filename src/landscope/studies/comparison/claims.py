"""What a comparison says: which norm is best at what, how sure that is, and what it costs."""

from landscope.quantities import COVARIATE_SHIFT, PAPER_LINE, STEP_SIZE
from landscope.report.answer import Answer
from landscope.runs.study_records import StudyRecords
from landscope.studies.comparison.ranked import Question, answer_ranked
from landscope.studies.comparison.records import (
    final_loss,
    mean_loss,
    median_of_layers,
    median_of_looks,
    step_seconds,
)

LOSS = Question(
    "lowest-loss",
    "With which norm does the model reach the lowest training loss?",
    "Lowest",
    "training loss over the last tenth of the steps",
    "loss at the end",
    "loss",
    True,
    True,
    final_loss,
    "Each norm is judged at its best learning rate of those tried at which no seed diverged.",
)
FASTEST = Question(
    "fastest",
    "With which norm does it learn fastest?",
    "Fastest",
    "training loss averaged over all steps",
    "mean loss",
    "loss",
    True,
    True,
    mean_loss,
    "The loss averaged over all steps is the area under its curve. Each norm is judged at its "
    "best learning rate of those tried at which no seed diverged.",
)
SAFE_STEP = Question(
    "safe-step",
    "Which norm leaves room for the largest step?",
    "Largest",
    "safe learning rate, the median over the looks",
    "safe learning rate",
    "learning rate",
    False,
    False,
    lambda run: median_of_looks(run, STEP_SIZE.safe_lr),
    "The safe learning rate is the largest on a grid along the optimiser's update up to which the "
    "loss of the step's own batch falls; the geometric mean over the learning rates at which every "
    "run learns.",
)
SMOOTHEST = Question(
    "smoothest",
    "With which norm is the landscape smoothest?",
    "Smoothest",
    "effective beta along the gradient, the median over the looks",
    "effective beta",
    "loss / parameter^2",
    True,
    False,
    lambda run: median_of_looks(run, PAPER_LINE.effective_beta),
    "The geometric mean over the learning rates at which every run learns: one that is stuck is in "
    "a flat place.",
)
SHIFT = Question(
    "covariate-shift",
    "With which norm do the layers' gradients shift least?",
    "Least",
    "covariate shift relative to the gradient, the median over looks and layers",
    "relative shift",
    "1",
    True,
    False,
    lambda run: median_of_layers(run, COVARIATE_SHIFT.shift_relative),
    "Definition 2.1 of Santurkar et al. 2018 under the optimiser's own update, over the norm of "
    "the layer's gradient; the geometric mean over the learning rates at which every run learns.",
)
COST = Question(
    "cost",
    "What does each norm cost in time?",
    "Cheapest",
    "time of a training step",
    "time of a step",
    "ms",
    True,
    False,
    step_seconds,
    "The median over the steps without a look, on this machine with what ran beside it; the "
    "geometric mean over the learning rates.",
    trained=False,
    scale=1e3,
)


def lowest_loss(study: StudyRecords) -> Answer:
    """Decided if one norm's final loss is told apart from that of every other."""
    return answer_ranked(study, LOSS)


def fastest(study: StudyRecords) -> Answer:
    """Decided if one norm's mean loss is told apart from that of every other."""
    return answer_ranked(study, FASTEST)


def safe_step(study: StudyRecords) -> Answer:
    """Decided if one norm's largest safe step is told apart from that of every other."""
    return answer_ranked(study, SAFE_STEP)


def smoothest(study: StudyRecords) -> Answer:
    """Decided if one norm's effective beta is told apart from that of every other."""
    return answer_ranked(study, SMOOTHEST)


def covariate_shift(study: StudyRecords) -> Answer:
    """Decided if one norm's covariate shift is told apart from that of every other."""
    return answer_ranked(study, SHIFT)


def cost(study: StudyRecords) -> Answer:
    """Decided if one norm's step is told to be faster than that of every other."""
    return answer_ranked(study, COST)
