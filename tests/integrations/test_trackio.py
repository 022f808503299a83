"""The Trackio writer, read back from Trackio's own database. No server is started."""

import pytest
from tests.integrations.isolated import run_isolated
from tests.integrations.readings import GIVEN, MADE, NUMBERS, REMARKS, same_numbers

SCRIPT = """
import json
from pathlib import Path

import trackio
from trackio.sqlite_storage import SQLiteStorage

from landscope.integrations.trackio import TrackioWriter
from tests.integrations.readings import READINGS

run = trackio.init(project="training", auto_log_cpu=False, auto_log_gpu=False, embed=False)
writer = TrackioWriter(run)
run.log({"mine": 1.0}, step=3)
for reading in READINGS:
    writer.write(reading)
writer.close()
run.log({"mine": 2.0}, step=9)
run.finish()
Path("result.json").write_text(json.dumps(SQLiteStorage.get_logs("training", run.name)))
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trackio")
    found = run_isolated(SCRIPT, folder, TRACKIO_DIR=str(folder / "store"))
    assert (folder / "store" / "training.db").exists()
    for row in found:
        row.pop("timestamp")
    return found


def test_a_look_is_a_row_at_its_step_beside_the_callers_own(rows):
    assert [row["step"] for row in rows] == [3, 3, 8, 9]
    assert [row["mine"] for row in rows if "mine" in row] == [1.0, 2.0]


def test_numbers_and_remarks_stand_under_their_names(rows):
    ours = {(row["step"], key): x for row in rows for key, x in row.items() if "/" in key}
    histograms = {key: ours.pop((3, key)) for key in (GIVEN, MADE)}
    remarks = {key: x for key, x in ours.items() if isinstance(x, str)}
    numbers = {key: x for key, x in ours.items() if key not in remarks}

    assert same_numbers(numbers, NUMBERS)
    assert remarks == {(step, f"{key}/status"): text for (step, key), text in REMARKS.items()}
    assert histograms[GIVEN] == {
        "_type": "trackio.histogram",
        "values": [0.5, 1.5, 1.0],
        "bins": [0.0, 1.0, 2.0, 4.0],
    }
    assert sum(histograms[MADE]["values"]) == 63
