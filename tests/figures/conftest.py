import pytest
from tests.figures.study_fixture import Synthetic

from landscope.runs import StudyRecords

DIVERGED = "vgg-none-lr0.5-seed0"
UNFINISHED = "vgg-l1-lr0.1-seed0"


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRecords:
    """A whole synthetic study; one run diverged at step 30, one is unfinished."""
    synthetic = Synthetic(steps=60, looks=7, diverged=(DIVERGED,), unfinished=(UNFINISHED,))
    return synthetic.write(tmp_path_factory.mktemp("synthetic") / "study")
