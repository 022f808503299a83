"""Records: the only writer and reader of the files of runs.

A study's folder holds ``study.json``, ``runs/<id>/`` with ``run.json`` and ``journal.jsonl``, and
what is made from these: ``figures/`` and ``report.html``. Nothing here imports torch.
"""

from landscope.runs.export import export_table
from landscope.runs.folder import RunFolder, StudyFolder
from landscope.runs.journal import Journal
from landscope.runs.manifest import RunManifest, StudyManifest
from landscope.runs.outcome import Outcome
from landscope.runs.run_records import RunRecords, StoredRun, Subject, read_run
from landscope.runs.study_records import StoredStudy, StudyRecords, read_study

__all__ = [
    "Journal",
    "Outcome",
    "RunFolder",
    "RunManifest",
    "RunRecords",
    "StoredRun",
    "StoredStudy",
    "StudyFolder",
    "StudyManifest",
    "StudyRecords",
    "Subject",
    "export_table",
    "read_run",
    "read_study",
]
