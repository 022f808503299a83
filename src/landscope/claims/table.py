"""The tables of claims, one for each kind of study, in the order in which they are told."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from landscope.claims import comparison as compared
from landscope.claims.answer import Answer
from landscope.claims.faster import faster
from landscope.claims.larger_steps import larger_steps
from landscope.claims.question_1 import question_1
from landscope.claims.question_2 import question_2
from landscope.claims.smoothness import smoothness
from landscope.claims.stability import stability
from landscope.claims.theorems import theorems
from landscope.runs.study_records import StudyRecords
from landscope.study import comparison, santurkar2018

Claims = tuple[Callable[[StudyRecords], Answer], ...]

CLAIMS: Claims = (
    faster,
    question_1,
    question_2,
    smoothness,
    larger_steps,
    theorems,
)
"""Those of the paper, in the order in which it tells its story."""

COMPARISON_CLAIMS: Claims = (
    compared.lowest_loss,
    compared.fastest,
    stability,
    compared.safe_step,
    compared.smoothest,
    compared.covariate_shift,
    compared.cost,
)
"""Those of a comparison of norms on a user's own model."""

KINDS: Mapping[str, Claims] = MappingProxyType(
    {santurkar2018.STUDY: CLAIMS, comparison.STUDY: COMPARISON_CLAIMS}
)
"""The claims that a study of each kind is asked about."""


def answers(study: StudyRecords) -> list[Answer]:
    """What the study says to each claim that studies of its kind are about.

    Raises:
        RecordError: It is of a kind that this landscope does not know.
    """
    return [claim(study) for claim in study.of_kind(KINDS)]
