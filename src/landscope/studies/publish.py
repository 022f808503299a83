"""From the records of a study to its figures and its report, without any training."""

from collections.abc import Callable
from pathlib import Path

from landscope.errors import RecordError


def publish(folder: Path, phase: Callable[[str], None]) -> Path:
    """Draw every figure of a study as SVG and PNG and write its report.

    Args:
        folder: The study's folder.
        phase: Is told what begins.

    Returns:
        Path of the report.

    Raises:
        RecordError: A record is missing or damaged, or the study has not been run to the end.
        StorageError: The folder cannot be written.
    """
    # Drawing loads matplotlib, which takes its time: not before there is something to draw.
    from landscope.figures.study_figures import write_figures
    from landscope.report.page import write_report
    from landscope.runs.study_records import read_study
    from landscope.studies.claims import answers

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
