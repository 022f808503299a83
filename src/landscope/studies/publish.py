"""What the records of a study say: its answers, its figures and its page, without any training."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from landscope.errors import RecordError, UsageError
from landscope.report.content import Answer
from landscope.runs import StudyFolder, StudyRecords, read_study
from landscope.runs.disk import check_inside, storing, whole_file
from landscope.studies.kind import kind_of

if TYPE_CHECKING:
    from landscope.figures.spec import FigureSpec


def answers(study: StudyRecords) -> list[Answer]:
    """What the study says to each claim that studies of its kind are about.

    Raises:
        RecordError: It is of a kind that this landscope does not know.
    """
    return [claim(study) for claim in kind_of(study).claims()]


def specify(number: int, study: StudyRecords) -> "FigureSpec":
    """One figure of a study.

    Args:
        number: Its number, in the paper where the study is of the paper.
        study: The records.

    Raises:
        UsageError: There is no such figure.
        RecordError: The study lacks rows that this figure needs.
    """
    figures = kind_of(study).figures()
    if number not in figures:
        raise UsageError(
            f"figure {number}",
            f"the figures are {', '.join(str(known) for known in figures)}",
            "give one of these numbers",
        )
    return figures[number](study)


def study_figures(study: StudyRecords) -> "list[FigureSpec]":
    """The figures that the study was asked for, all of them where its manifest names none.

    Raises:
        UsageError: The manifest names a figure that there is not.
        RecordError: The study lacks rows that a figure needs.
    """
    numbers = study.manifest.figures or list(kind_of(study).figures())
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
    from landscope.figures.static import draw  # it loads matplotlib, which takes its time

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


def render(study: StudyRecords, answers: Sequence[Answer], figures: "Sequence[FigureSpec]") -> str:
    """The page of a study as text.

    Args:
        study: The records.
        answers: The study's verdicts, in the order in which they are shown.
        figures: The figures to show.
    """
    from landscope.report.page import render_page

    return render_page(study, kind_of(study).page(study), answers, figures)


def write_report(study: StudyRecords, answers: Sequence[Answer], folder: Path) -> Path:
    """Writes the page of a study, whole or not at all, and gives its path.

    Args:
        study: The records.
        answers: The study's verdicts.
        folder: The study's folder.

    Raises:
        RecordError: The study lacks rows that a figure needs.
        StorageError: The folder cannot be written.
    """
    path = StudyFolder(folder).report
    page = render(study, answers, study_figures(study))
    with whole_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return path


def publish(folder: Path, phase: Callable[[str], None]) -> Path:
    """Draw every figure of a study as SVG and PNG and write its report.

    Args:
        folder: The study's folder.
        phase: Called with what begins.

    Returns:
        Path of the report.

    Raises:
        RecordError: A record is missing or damaged, or the study has not been run to the end.
        StorageError: The folder cannot be written.
    """
    study = read_study(folder)
    phase("drawing figures")
    try:
        write_figures(study, study.folder.figures)
    except RecordError as error:
        if study.manifest.seconds is None:
            raise RecordError(
                str(folder),
                "the study there has not been run to the end, and its figures lack runs",
                "start the command that began it again to go on",
            ) from error
        raise
    phase("writing the report")
    return write_report(study, answers(study), folder)
