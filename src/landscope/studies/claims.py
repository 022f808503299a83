"""The tables of claims, one for each kind of study, in the order in which they are told."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from landscope.report.answer import Answer
from landscope.runs.study_records import StudyRecords
from landscope.studies.comparison import claims as compared
from landscope.studies.comparison import configuration as comparison
from landscope.studies.comparison.stability import stability
from landscope.studies.santurkar2018 import experiments as santurkar2018
from landscope.studies.santurkar2018.claims.faster import faster
from landscope.studies.santurkar2018.claims.larger_steps import larger_steps
from landscope.studies.santurkar2018.claims.question_1 import question_1
from landscope.studies.santurkar2018.claims.question_2 import question_2
from landscope.studies.santurkar2018.claims.smoothness import smoothness
from landscope.studies.santurkar2018.claims.theorems import theorems

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
