"""From the records of a study to its figures and its report, without any training."""

from collections.abc import Callable
from pathlib import Path


def publish(folder: Path, phase: Callable[[str], None]) -> Path:
    """Draw every figure of a study as SVG and PNG and write its report.

    Args:
        folder: The study's folder.
        phase: Is told what begins.

    Returns:
        Path of the report.

    Raises:
        RecordError: A record is missing or damaged.
        StorageError: The folder cannot be written.
    """
    # Drawing loads matplotlib, which takes its time: not before there is something to draw.
    from landscope.claims import answers
    from landscope.figures.files import write_figures
    from landscope.records.study_records import read_study
    from landscope.report.page import write_report

    phase("reading records")
    study = read_study(folder)
    phase("drawing figures")
    write_figures(study, folder / "figures")
    phase("writing the report")
    return write_report(study, answers(study), folder)
