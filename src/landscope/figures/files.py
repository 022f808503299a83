"""The figures of a study as files: SVG for print and the web, PNG for everything else."""

from pathlib import Path

from landscope.figures.spec import FigureSpec
from landscope.figures.static import draw
from landscope.figures.table import figures_of, specify
from landscope.runs import StudyRecords
from landscope.runs.disk import check_inside, storing, whole_file


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
