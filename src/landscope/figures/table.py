"""The tables of figures, one for each kind of study."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from landscope.errors import UsageError
from landscope.figures import (
    comparison_cost,
    comparison_landscape,
    comparison_stability,
    comparison_training,
    figure_01,
    figure_02,
    figure_03,
    figure_04,
    figure_05,
    figure_06,
    figure_08,
    figure_09,
    figure_10,
    figure_11,
    figure_12,
    figure_13,
)
from landscope.figures.spec import FigureSpec
from landscope.runs import StudyRecords
from landscope.studies.comparison import configuration as comparison
from landscope.studies.santurkar2018 import experiments as santurkar2018

Figures = Mapping[int, Callable[[StudyRecords], FigureSpec]]

FIGURES: Figures = MappingProxyType(
    {
        1: figure_01.data,
        2: figure_02.data,
        3: figure_03.data,
        4: figure_04.data,
        5: figure_05.data,
        6: figure_06.data,
        8: figure_08.data,
        9: figure_09.data,
        10: figure_10.data,
        11: figure_11.data,
        12: figure_12.data,
        13: figure_13.data,
    }
)
"""The paper's figures by number; Figure 7 repeats Figure 2's histograms for more layers."""

COMPARISON_FIGURES: Figures = MappingProxyType(
    {
        1: comparison_training.data,
        2: comparison_stability.data,
        3: comparison_landscape.smoothness,
        4: comparison_landscape.covariate_shift,
        5: comparison_landscape.step_size,
        6: comparison_cost.data,
    }
)
"""The figures of a comparison of norms on a user's own model."""

KINDS: Mapping[str, Figures] = MappingProxyType(
    {santurkar2018.STUDY: FIGURES, comparison.STUDY: COMPARISON_FIGURES}
)
"""The figures of each kind of study."""


def figures_of(study: StudyRecords) -> Figures:
    """All figures that there are of a study of this kind.

    Raises:
        RecordError: It is of a kind that this landscope does not know.
    """
    return study.of_kind(KINDS)


def specify(number: int, study: StudyRecords) -> FigureSpec:
    """One figure of a study.

    Args:
        number: Its number, in the paper where the study is of the paper.
        study: The records.

    Raises:
        UsageError: There is no such figure.
        RecordError: The study lacks rows that this figure needs.
    """
    figures = figures_of(study)
    if number not in figures:
        raise UsageError(
            f"figure {number}",
            f"the figures are {', '.join(str(known) for known in figures)}",
            "give one of these numbers",
        )
    return figures[number](study)
