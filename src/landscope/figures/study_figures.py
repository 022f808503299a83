"""The figures of a study: which there are of its kind, and how they become files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from landscope.errors import UsageError
from landscope.figures.comparison import FIGURES as COMPARISON_FIGURES
from landscope.figures.paper import FIGURES as FIGURES
from landscope.figures.spec import FigureSpec
from landscope.figures.static import draw
from landscope.runs import StudyRecords
from landscope.runs.disk import check_inside, storing, whole_file
from landscope.studies.comparison import configuration as comparison
from landscope.studies.santurkar2018 import experiments as santurkar2018

Figures = Mapping[int, Callable[[StudyRecords], FigureSpec]]

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


def study_figures(study: StudyRecords) -> list[FigureSpec]:
    """The figures that the study was asked for, all of them where its manifest names none.

    Raises:
        UsageError: The manifest names a figure that there is not.
        RecordError: The study lacks rows that a figure needs.
    """
    numbers = study.manifest.figures or list(figures_of(study))
    return [specify(number, study) for number in dict.fromkeys(numbers)]


def write_figures(study: StudyRecords, folder: Path) -> list[Path]:
    """Writes each figure as ``figure-04.svg`` and ``figure-04.png``, whole or not at all.

    Args:
        study: The records.
        folder: Where to; made if it is not there.

    Returns:
        The files, in order.

    Raises:
        RecordError: The study lacks rows that a figure needs, or the folder is a link to somewhere
            else; nothing is written.
        StorageError: The folder cannot be written.
    """
    specs = study_figures(study)
    check_inside(folder)
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for spec in specs:
        for file_format, content in draw(spec).items():
            path = folder / f"figure-{spec.number:02d}.{file_format.value}"
            with whole_file(path) as temporary:
                temporary.write_bytes(content)
            written.append(path)
    return written
