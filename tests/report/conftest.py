from pathlib import Path

import pytest
from tests.figures.study_fixture import Synthetic

from landscope.report.content import Answer, Number
from landscope.runs import StudyRecords
from landscope.studies.publish import write_report

ANSWERS = (
    Answer(
        "shift-explains",
        "Is batch norm's effect tied to internal covariate shift?",
        "fails",
        "No: SYNTHETIC headline.",
        ("A first synthetic sentence.", "A second one."),
        (
            Number("accuracy at step 100", 0.83123, "1", "vgg-batch-lr0.1-seed0"),
            Number("shift of the mean", 3.2e-7, "rms", "vgg-noisy-batch-lr0.1-seed0"),
        ),
        "Santurkar et al. 2018, Figure 2",
    ),
    Answer("shift-reduced", "Does batch norm reduce it?", "undecided", "Unclear.", (), (), "Fig 3"),
    Answer("smoother", "So why does it work?", "holds", "Smoother.", (), (), "Figure 4"),
    Answer("theory", "Do the theorems hold?", "not run", "Not asked for.", (), (), "Thm 4.1"),
)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRecords:
    """A synthetic study with a run that diverged, of four figures of all kinds."""
    diverged = ("vgg-none-lr0.5-seed0",)
    synthetic = Synthetic(steps=60, looks=7, diverged=diverged, manifest={"figures": [1, 4, 6, 11]})
    return synthetic.write(tmp_path_factory.mktemp("synthetic") / "study")


@pytest.fixture(scope="session")
def report(study: StudyRecords) -> Path:
    """The report of that study."""
    return write_report(study, ANSWERS, study.folder.path)
