"""The table of all claims, in the order in which the paper tells its story."""

from collections.abc import Callable

from landscope.claims.answer import Answer
from landscope.claims.faster import faster
from landscope.claims.larger_steps import larger_steps
from landscope.claims.question_1 import question_1
from landscope.claims.question_2 import question_2
from landscope.claims.smoothness import smoothness
from landscope.claims.theorems import theorems
from landscope.records.study_records import StudyRecords

CLAIMS: tuple[Callable[[StudyRecords], Answer], ...] = (
    faster,
    question_1,
    question_2,
    smoothness,
    larger_steps,
    theorems,
)


def answers(study: StudyRecords) -> list[Answer]:
    """What the study says to each of the paper's claims."""
    return [claim(study) for claim in CLAIMS]
