"""What a comparison says: which norm is best at what, how sure that is, and what it costs."""

from functools import partial

from landscope.quantities import COVARIATE_SHIFT, PAPER_LINE, STEP_SIZE
from landscope.report.content import Answer, Number, Verdict
from landscope.runs.study_records import StudyRecords
from landscope.studies.comparison.configuration import spoken
from landscope.studies.comparison.paired import FEWEST_SEEDS
from landscope.studies.comparison.ranked import (
    Question,
    answer_ranked,
    not_ended,
    tell_repeated,
)
from landscope.studies.comparison.records import (
    LEARNT,
    ComparisonRecords,
    final_loss,
    mean_loss,
    median_of_layers,
    median_of_measurements,
    step_seconds,
)
from landscope.text import listed

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
    "Which norm allows the largest step?",
    "Largest",
    "safe learning rate, the median over the measurements",
    "safe learning rate",
    "learning rate",
    False,
    False,
    lambda run: median_of_measurements(run, STEP_SIZE.safe_lr),
    "The safe learning rate is the largest on a grid along the optimiser's update up to which the "
    "loss of the step's own batch falls; the geometric mean over the learning rates at which every "
    "run learns.",
)
SMOOTHEST = Question(
    "smoothest",
    "With which norm is the landscape smoothest?",
    "Smoothest",
    "effective beta along the gradient, the median over the measurements",
    "effective beta",
    "loss / parameter^2",
    True,
    False,
    lambda run: median_of_measurements(run, PAPER_LINE.effective_beta),
    "The geometric mean over the learning rates at which every run learns: a stuck model has a "
    "flat landscape.",
)
SHIFT = Question(
    "covariate-shift",
    "With which norm do the layers' gradients shift least?",
    "Least",
    "covariate shift relative to the gradient, the median over measurements and layers",
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
    "The median over the steps without a measurement, on this machine with whatever else was "
    "running; the geometric mean over the learning rates.",
    trained=False,
    scale=1e3,
)

_STABLE = "stable"
_WHICH = "Which norm tolerates the largest learning rate?"
_COUNTED = (
    "counted over the seeds; decided where one norm learns with every seed at a learning rate at "
    f"which every other fails with every seed, with {FEWEST_SEEDS} seeds or more"
)

_RULE = (
    "Rule: a run learns if its loss stays finite and falls, from the first step to the last tenth, "
    f"by at least {LEARNT:.0%} of the fall of the best run with its seed."
)


def stability(study: StudyRecords) -> Answer:
    """Decided if at some rate one norm learns with all seeds, and every other fails with all."""
    nets = ComparisonRecords(study)
    if not nets.complete:
        return not_ended(_STABLE, _WHICH)
    learning = {
        norm: {lr: sum(map(nets.learnt, nets.over_seeds(norm, lr))) for lr in nets.lrs}
        for norm in nets.norms
    }
    seeds = len(nets.seeds)
    largest = {
        norm: max((lr for lr, count in counts.items() if count == seeds), default=0.0)
        for norm, counts in learning.items()
    }
    verdict, headline = _decide(nets, learning, largest)
    return Answer(
        _STABLE,
        _WHICH,
        verdict,
        headline,
        (
            *(_tell(norm, counts, seeds) for norm, counts in learning.items()),
            *tell_repeated(nets.repeated),
            _RULE,
        ),
        tuple(
            Number(f"largest learning rate at which every seed learns, {spoken(norm)}", lr, "1", "")
            for norm, lr in largest.items()
        ),
        _COUNTED,
    )


def _decide(
    nets: ComparisonRecords, learning: dict[str, dict[float, int]], largest: dict[str, float]
) -> tuple[Verdict, str]:
    seeds = len(nets.seeds)
    top = max(largest.values())
    if top == 0:
        return (
            "undecided",
            "There is no answer: no norm learns with every seed at any of the rates.",
        )
    winners = [norm for norm, lr in largest.items() if lr == top]
    if len(winners) > 1:
        end = " Try larger ones." if top == max(nets.lrs) else ""
        who = (
            "every norm learns"
            if len(winners) == len(nets.norms)
            else (f"the model learns {listed(list(map(spoken, winners)))}")
        )
        return "undecided", f"Up to a learning rate of {top:g} {who}.{end}"
    (winner,) = winners
    others = [norm for norm in nets.norms if norm != winner]
    told = (
        f"{spoken(winner)} the model learns at a learning rate of {top:g} with {_of(seeds, seeds)}"
    )
    fails = all(learning[norm][top] == 0 for norm in others)
    enough = seeds - len(nets.repeated) >= FEWEST_SEEDS
    if fails and enough:
        return "decided", f"{told[0].upper()}{told[1:]}, and with none of the others with any."
    some = max(learning[norm][top] for norm in others)
    return "undecided", (
        f"{told[0].upper()}{told[1:]}, and the others with up to {some} of {seeds}."
        if enough
        else f"{told[0].upper()}{told[1:]}; it takes {FEWEST_SEEDS} seeds to tell that from chance."
    )


def _tell(norm: str, counts: dict[float, int], seeds: int) -> str:
    told = ", ".join(f"{count} of {seeds} at lr {lr:g}" for lr, count in counts.items())
    return f"Seeds that learn {spoken(norm)}: {told}."


def _of(count: int, seeds: int) -> str:
    return "its one seed" if seeds == 1 else f"{count} of {seeds} seeds"


CLAIMS = (
    partial(answer_ranked, asked=LOSS),
    partial(answer_ranked, asked=FASTEST),
    stability,
    partial(answer_ranked, asked=SAFE_STEP),
    partial(answer_ranked, asked=SMOOTHEST),
    partial(answer_ranked, asked=SHIFT),
    partial(answer_ranked, asked=COST),
)
"""In the order in which they are answered."""
