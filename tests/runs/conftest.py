from pathlib import Path

import pytest

from landscope.runs import RunFolder, StudyFolder

from .samples import make_run


@pytest.fixture
def study_folder(tmp_path: Path) -> StudyFolder:
    folder = StudyFolder(tmp_path / "study")
    folder.create()
    folder.write_manifest({"format": 1, "study": "santurkar2018", "seed": 0, "figures": [1, 4]})
    return folder


@pytest.fixture
def run_folder(study_folder: StudyFolder) -> RunFolder:
    return make_run(study_folder.run("vgg-batch-lr0.1-seed0"), norm="batch", lr=0.1)
