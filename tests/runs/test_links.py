"""What stands where a record should, and is none, is neither followed nor waited for."""

import os
import sys
from pathlib import Path

import pytest

from landscope.errors import RecordError, StorageError
from landscope.runs import Journal, RunFolder, read_run

from .samples import write

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@posix
def test_records_outside_of_their_folder_are_not_followed(
    run_folder: RunFolder, tmp_path: Path
) -> None:
    write(run_folder, [])
    outside = tmp_path / "elsewhere.jsonl"
    run_folder.journal_path.replace(outside)
    run_folder.journal_path.symlink_to(outside)
    rule = r"journal\.jsonl: it is a link out of its folder, to .*elsewhere.* is not followed"
    with pytest.raises(RecordError, match=rule):
        run_folder.outcome()
    with pytest.raises(RecordError, match=rule):
        _ = read_run(run_folder.path).outcome


@posix
def test_a_loop_of_links_is_refused(run_folder: RunFolder) -> None:
    run_folder.journal_path.symlink_to(run_folder.journal_path)
    with pytest.raises(RecordError, match=r"it cannot be (followed|read) "):
        run_folder.outcome()


@posix
def test_what_is_no_file_is_not_waited_for(run_folder: RunFolder) -> None:
    os.mkfifo(run_folder.journal_path)
    with pytest.raises(RecordError, match=r"journal\.jsonl: it is not a regular file"):
        run_folder.outcome()


@posix
def test_a_lock_is_not_made_behind_a_link(run_folder: RunFolder) -> None:
    run_folder.lock_path.unlink(missing_ok=True)
    outside = run_folder.path.parent / "outside"
    run_folder.lock_path.symlink_to(outside)
    with pytest.raises(StorageError, match=r"\.lock: it cannot be written"):
        Journal.create(run_folder)
    assert not outside.exists()
