"""The rows of kills in their short forms, and the faults that turn them red."""

from pathlib import Path

import pytest
from tests.comparison_study import Compared as Synthetic

from landscope.runs import StudyFolder
from torture import checkpoint_kills, every_step, kills
from torture.faults import forgotten_streams
from torture.row import Form
from torture.short_runs import RUNS


@pytest.fixture
def form(tmp_path: Path) -> Form:
    return Form(tmp_path, short=True)


def test_a_checkpoint_survives_the_death_of_its_writer(form: Form) -> None:
    found = checkpoint_kills.killed_often(form, 3, [])
    assert found.bars[0].met, found.failures


@pytest.mark.slow
def test_one_that_is_written_in_place_does_not(form: Form) -> None:
    found = checkpoint_kills.killed_often(form, 10, ["--in-place"])
    assert not found.bars[0].met


@pytest.mark.slow
def test_a_short_run_survives_being_killed_anywhere(form: Form) -> None:
    found = every_step.stopped_everywhere(form, RUNS[2:], None)
    assert found.met, found.failures


@pytest.mark.slow
def test_a_checkpoint_without_random_streams_does_not(form: Form) -> None:
    found = every_step.stopped_everywhere(form, RUNS[2:], forgotten_streams)
    assert not found.bars[0].met


@pytest.mark.slow
def test_a_study_survives_the_death_of_its_processes(form: Form) -> None:
    found = kills.run(form)
    assert found.met, found.failures


@pytest.fixture
def studies(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "alone", tmp_path / "killed")
    for path in paths:
        Synthetic(norms=("none", "batch"), lrs=(0.1,), seeds=(0,), steps=6, every=3).write(path)
    return paths


def journal_of(study: Path) -> Path:
    return next(iter(StudyFolder(study).runs())).journal_path


def compared(studies: tuple[Path, Path]) -> tuple[kills.Compared, list[dict[str, object]]]:
    found, failures = kills.Compared(), list[dict[str, object]]()
    found.add(*studies, failures)
    return found, failures


def test_two_studies_that_are_alike_are_told_so(studies: tuple[Path, Path]) -> None:
    found, failures = compared(studies)
    assert found.readings > 0
    assert (found.lost, found.doubled, found.unreadable, found.different) == (0, 0, 0, 0)
    assert not failures


def test_a_lost_reading_is_noticed(studies: tuple[Path, Path]) -> None:
    journal = journal_of(studies[1])
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-2]))
    found, failures = compared(studies)
    assert found.lost >= 1
    assert found.different == 1
    assert failures


def test_a_journal_that_cannot_be_read_is_noticed(studies: tuple[Path, Path]) -> None:
    journal = journal_of(studies[1])
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], *lines[2:]]))  # a line that stands there twice
    found, failures = compared(studies)
    assert found.unreadable == 1
    assert failures
