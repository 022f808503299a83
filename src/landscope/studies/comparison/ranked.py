"""Answering which norm is best at something: by one number a run, over the same seeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from landscope.quantities import TRAINING
from landscope.report.content import Answer, Number, Verdict
from landscope.runs.run_records import RunRecords
from landscope.runs.study_records import StudyRecords
from landscope.studies.comparison.configuration import spoken
from landscope.studies.comparison.paired import FEWEST_SEEDS, LEVEL, Pair, Ranking, Scores, rank
from landscope.studies.comparison.records import ComparisonRecords, diverged
from landscope.text import amount, listed

METHOD = (
    f"paired differences over the same seeds, {LEVEL:.0%} Student t intervals that hold together; "
    f"with fewer than {FEWEST_SEEDS} seeds nothing is decided"
)


@dataclass(frozen=True)
class Question:
    """A question that is answered by ranking the norms by one number.

    Args:
        id: Stable name.
        question: The question.
        best: What the best is, as in ``Lowest``.
        quantity: What the number is.
        short: The same in a word or two.
        unit: Its unit, as it is shown.
        smaller: Whether the least is the best.
        at_best_lr: Whether each norm is judged at its own best learning rate; else over those
            that every norm can be judged at.
        measure: The number of one run; NaN or infinite where it has none.
        rule: How the verdict is found, besides the intervals.
        trained: Whether the answer is about the training, which takes equal weights and batches.
        scale: Factor from the measured number to the one that is shown.
    """

    id: str
    question: str
    best: str
    quantity: str
    short: str
    unit: str
    smaller: bool
    at_best_lr: bool
    measure: Callable[[RunRecords], float]
    rule: str
    trained: bool = True
    scale: float = 1.0


def unlike(nets: ComparisonRecords) -> str | None:
    """What differed between the norms of a seed: weights or batches; None if nothing did."""
    for seed in nets.seeds:
        runs = [nets.run(norm, lr, seed) for lr in nets.lrs for norm in nets.norms]
        if len({str(run.manifest.initial_weights) for run in runs}) > 1:
            return "initial weights"
        seen: dict[int, float] = {}
        for run in runs:
            if not run.has(TRAINING.batches_checksum):
                continue
            steps, sums = run.numbers(TRAINING.batches_checksum)
            for step, checksum in zip(steps.tolist(), sums.tolist(), strict=True):
                if seen.setdefault(step, checksum) != checksum:
                    return "batches"
    return None


def not_ended(asked: str, question: str) -> Answer:
    """The answer of an unfinished comparison.

    Args:
        asked: Id of the question.
        question: The question.
    """
    return Answer(
        asked,
        question,
        "not run",
        "Not all runs have ended.",
        ("Start the same command again to resume.",),
        (),
        METHOD,
    )


def answer_ranked(study: StudyRecords, asked: Question) -> Answer:
    """Rank the norms by the question's number and say whether the best is distinguished."""
    nets = ComparisonRecords(study)
    if not nets.complete:
        return not_ended(asked.id, asked.question)
    scores, left_out = _best_lr(nets, asked) if asked.at_best_lr else _all_lrs(nets, asked)
    different = unlike(nets)
    # Of time, a training that comes again is another sample.
    repeated = nets.repeated if asked.trained else {}
    scores = {
        norm: {seed: value for seed, value in row.items() if seed not in repeated}
        for norm, row in scores.items()
    }
    ranking = rank(scores, smaller_is_better=asked.smaller) if scores else None
    verdict, headline = _decide(nets, asked, ranking, left_out, different)
    sentences = [_tell_pair(ranking, pair) for pair in ranking.pairs] if ranking else []
    return Answer(
        asked.id,
        asked.question,
        verdict,
        headline,
        (
            *sentences,
            *left_out.values(),
            *tell_repeated(repeated),
            *_tell_start(asked, different),
            f"Rule: {asked.rule}",
        ),
        tuple(
            Number(f"{asked.short}, {spoken(norm)}", asked.scale * mean, asked.unit, "")
            for norm, mean in (ranking.means.items() if ranking else ())
        ),
        METHOD,
    )


def _best_lr(nets: ComparisonRecords, asked: Question) -> tuple[Scores, dict[str, str]]:
    """Each norm's numbers at the learning rate where their mean is best; why others have none."""
    scores: dict[str, dict[int, float]] = {}
    left_out: dict[str, str] = {}
    for norm in nets.norms:
        found: list[dict[int, float]] = []
        for lr in nets.lrs:
            runs = {seed: nets.run(norm, lr, seed) for seed in nets.seeds}
            values = {seed: asked.measure(run) for seed, run in runs.items()}
            if all(map(math.isfinite, values.values())):
                found.append(values)
        if found:
            scores[norm] = min(found, key=lambda values: sum(values.values()))
        else:
            left_out[norm] = (
                f"{_capital(spoken(norm))} at least one seed diverged at every learning rate."
            )
    return scores, left_out


def _all_lrs(nets: ComparisonRecords, asked: Question) -> tuple[Scores, dict[str, str]]:
    """Each norm's numbers, over those rates at which every norm and seed has one, and learns.

    A norm is left out if there is no rate at which every seed learns: a stuck model has a flat
    landscape.
    """
    left_out = {norm: _tell_stuck(norm) for norm in nets.norms if _is_stuck(nets, asked, norm)}
    norms = [norm for norm in nets.norms if norm not in left_out]
    tables = {lr: _table(nets, asked, norms, lr) for lr in nets.lrs}
    whole = {lr: table for lr, table in tables.items() if _is_whole(table)}
    if not whole or not norms:
        return {}, left_out
    rows = [row for table in whole.values() for row in table.values()]
    positive = all(value > 0 for row in rows for value in row.values())
    scores = {
        norm: {
            seed: _mean([table[norm][seed] for table in whole.values()], positive)
            for seed in nets.seeds
        }
        for norm in norms
    }
    without = [f"{lr:g}" for lr in nets.lrs if lr not in whole]
    if without:
        why = "learns and has a reading" if asked.trained else "has a reading"
        left_out[""] = f"Left out, because not every run {why} there: lr {', '.join(without)}."
    return scores, left_out


def _is_stuck(nets: ComparisonRecords, asked: Question, norm: str) -> bool:
    return asked.trained and not any(
        all(map(nets.learnt, nets.over_seeds(norm, lr))) for lr in nets.lrs
    )


def _tell_stuck(norm: str) -> str:
    return (
        f"{_capital(spoken(norm))} the model learns with every seed at none of the learning rates, "
        "and where it is stuck the landscape is flat: left out."
    )


def _table(
    nets: ComparisonRecords, asked: Question, norms: list[str], lr: float
) -> dict[str, dict[int, float]]:
    return {
        norm: {seed: _judged(nets, asked, nets.run(norm, lr, seed)) for seed in nets.seeds}
        for norm in norms
    }


def _judged(nets: ComparisonRecords, asked: Question, run: RunRecords) -> float:
    """The number of a run; NaN for a landscape if the run does not learn."""
    return asked.measure(run) if nets.learnt(run) or not asked.trained else math.nan


def _is_whole(table: dict[str, dict[int, float]]) -> bool:
    return all(math.isfinite(value) for row in table.values() for value in row.values())


def _mean(values: Sequence[float], geometric: bool) -> float:
    if geometric:
        return math.exp(sum(map(math.log, values)) / len(values))
    return sum(values) / len(values)


def _decide(
    nets: ComparisonRecords,
    asked: Question,
    ranking: Ranking | None,
    left_out: dict[str, str],
    different: str | None,
) -> tuple[Verdict, str]:
    if ranking is None:
        return "undecided", _tell_nothing(asked)
    if different is not None and asked.trained:
        return "undecided", (
            f"There is no answer: the norms did not have the same {different}, so that more than "
            "the norm differs."
        )
    best = f"{asked.best} {spoken(ranking.best)}, {_value(asked, ranking.means[ranking.best])}"
    if ranking.seeds < FEWEST_SEEDS:
        seeds = "1 seed" if ranking.seeds == 1 else f"{ranking.seeds} seeds"
        return "undecided", (
            f"{best}. From {seeds}: it takes {FEWEST_SEEDS} to tell a difference from chance."
        )
    close = [spoken(pair.other) for pair in ranking.pairs if not pair.apart]
    if close:
        return "undecided", f"{best}; not clearly different: {listed(close)}."
    if not ranking.pairs:
        return _decide_alone(nets, asked, left_out, best)
    pair = ranking.pairs[0]
    margin = f"{_interval(ranking, pair, 'that')}, {ranking.seeds} seeds"
    return "decided", f"{best}; next {spoken(pair.other)}, {margin}."


def _decide_alone(
    nets: ComparisonRecords, asked: Question, left_out: dict[str, str], best: str
) -> tuple[Verdict, str]:
    """Every other norm is left out; if with all of them every run diverged, it is decided."""
    if not asked.at_best_lr:
        return "undecided", f"{best}; with no other norm every seed learns at some rate."
    lost = all(
        diverged(run) for norm in left_out for lr in nets.lrs for run in nets.over_seeds(norm, lr)
    )
    if lost:
        return "decided", f"{best}. With every other norm every run diverged."
    return "undecided", f"{best}; with every other norm some runs diverged."


def _tell_nothing(asked: Question) -> str:
    if asked.at_best_lr:
        return (
            "There is no answer: with every norm at least one seed diverged at every learning rate "
            "tried."
        )
    return (
        "There is no answer: there is no learning rate at which every run learns and has a reading."
    )


def _tell_pair(ranking: Ranking, pair: Pair) -> str:
    told = "clearly different" if pair.apart else "not clearly different"
    if ranking.seeds < FEWEST_SEEDS:
        told = "too few seeds to tell"
    against = f"that {spoken(ranking.best)}"
    return f"{_capital(spoken(pair.other))}: {_interval(ranking, pair, against)}; {told}."


def _interval(ranking: Ranking, pair: Pair, against: str) -> str:
    """The other's number against the best's, with its interval where there is one."""
    shown = amount(abs(pair.value)) if not ranking.ratio else f"{pair.value:.3g}"
    text = (
        f"{shown} times {against}"
        if ranking.ratio
        else f"{shown} {'more' if pair.value > 0 else 'less'} than {against}"
    )
    if math.isnan(pair.low):
        return f"{text} (one seed)"
    return f"{text} ({LEVEL:.0%} interval {pair.low:.3g} to {pair.high:.3g})"


def tell_repeated(repeated: dict[int, int]) -> tuple[str, ...]:
    """A sentence on seeds that give the runs of others again, if there are any."""
    if not repeated:
        return ()
    again = listed([f"{seed} (as {earlier})" for seed, earlier in repeated.items()])
    text = (
        f"Seeds that repeat the runs of another, to the last digit, count once: {again}. "
        "make_model() is to depend on PyTorch's seed, and make_batches(seed) on its seed."
    )
    return (text,)


def _tell_start(asked: Question, different: str | None) -> tuple[str, ...]:
    if not asked.at_best_lr:
        return ()
    if different is not None:
        remedy = (
            "make_model() must depend on PyTorch's seed alone, and make_batches(seed) on its seed"
        )
        return (f"The {different} of one seed differ between norms: {remedy}.",)
    what = "began with the same weights and saw the same batches"
    return (f"For each seed all norms {what}, by their checksums.",)


def _value(asked: Question, value: float) -> str:
    unit = "" if asked.trained else f" {asked.unit}"
    return f"{asked.scale * value:.3g}{unit} ({asked.quantity})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
