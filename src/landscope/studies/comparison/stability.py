"""Which norm stands the largest learning rate: a comparison's grid, seed by seed."""

from landscope.report.answer import Answer, Number, Verdict
from landscope.runs.study_records import StudyRecords
from landscope.studies.comparison.configuration import spoken
from landscope.studies.comparison.paired import FEWEST_SEEDS
from landscope.studies.comparison.ranked import not_ended, tell_repeated
from landscope.studies.comparison.records import LEARNT, ComparisonRecords
from landscope.text import listed

ID = "stable"
QUESTION = "Which norm stands the largest learning rate?"
METHOD = (
    "counted over the seeds; decided where one norm learns with every seed at a learning rate at "
    f"which every other fails with every seed, with {FEWEST_SEEDS} seeds or more"
)

RULE = (
    "Rule: a run learns if its loss stays finite and falls, from the first step to the last tenth, "
    f"by at least {LEARNT:.0%} of the fall of the best run with its seed."
)


def stability(study: StudyRecords) -> Answer:
    """Decided if at some rate one norm learns with all seeds, and every other fails with all."""
    nets = ComparisonRecords(study)
    if not nets.complete:
        return not_ended(ID, QUESTION)
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
        ID,
        QUESTION,
        verdict,
        headline,
        (
            *(_tell(norm, counts, seeds) for norm, counts in learning.items()),
            *tell_repeated(nets.repeated),
            RULE,
        ),
        tuple(
            Number(f"largest learning rate at which every seed learns, {spoken(norm)}", lr, "1", "")
            for norm, lr in largest.items()
        ),
        METHOD,
    )


def _decide(
    nets: ComparisonRecords, learning: dict[str, dict[float, int]], largest: dict[str, float]
) -> tuple[Verdict, str]:
    seeds = len(nets.seeds)
    top = max(largest.values())
    if top == 0:
        return "undecided", "It cannot be told: no norm learns with every seed at any of the rates."
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
