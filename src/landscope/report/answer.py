"""An answer: what one study says to one question, in words and in numbers."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "fails", "decided", "undecided", "not run"]
"""A claim of the paper holds or fails; which of some norms is best is decided or not."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number behind an answer.

    Args:
        name: What it is.
        value: Its value.
        unit: Its unit; ``"1"`` for a pure number.
        run: Id of the run that it was measured in; several are joined by a comma.
    """

    name: str
    value: float
    unit: str
    run: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a study says to a question. It speaks of its own runs: one seed is no proof.

    Args:
        id: Stable name.
        question: The question.
        verdict: Whether the paper's claim holds in these runs, or a comparison is decided by
            them, by a fixed rule.
        headline: The answer in one sentence with its main number.
        sentences: The evidence and the rule of the verdict.
        numbers: All numbers that the answer rests on.
        source: Where the paper makes the claim, or by which method a comparison is decided.
    """

    id: str
    question: str
    verdict: Verdict
    headline: str
    sentences: tuple[str, ...]
    numbers: tuple[Number, ...]
    source: str


def not_run(id: str, question: str, source: str, missing: str, figure: int) -> Answer:  # noqa: A002
    """The answer of a study that does not have the runs, or the readings, for it.

    Args:
        id: As in ``Answer``.
        question: As in ``Answer``.
        source: As in ``Answer``.
        missing: What the answer takes.
        figure: A figure of the paper that takes the same.
    """
    return Answer(
        id,
        question,
        "not run",
        "This study has not measured it.",
        (
            f"It takes {missing}, run to the end.",
            f"`landscope reproduce --figure {figure}` measures that.",
        ),
        (),
        source,
    )
