"""The W&B writer, offline, read back from the run's own file."""

import pytest
from tests.integrations.isolated import run_isolated
from tests.integrations.readings import GIVEN, MADE, NUMBERS, REMARKS, same_numbers

SCRIPT = """
import json
import sys
from dataclasses import replace
from pathlib import Path

import wandb
from landscope.errors import UsageError
from landscope.integrations.wandb import WandbWriter
from tests.integrations.readings import READINGS
from tests.integrations.wandb_file import axes_of, rows_of

try:
    WandbWriter()
except UsageError as error:
    refusal = str(error)
run = wandb.init(mode="offline", project="training")
path = Path(run.settings.sync_file)
LOOPS = {
    # The caller's rows count W&B's steps, or give them, or there are none.
    "counted": lambda at: run.log({"mine": at}),
    "given": lambda at: (run.log({"mine": at}, step=at), run.log({"more": at}, step=at)),
    "none": lambda at: None,
}
mine = LOOPS[sys.argv[1]]
writer = WandbWriter()
for at in range(4):
    mine(at)
    for reading in READINGS if at == 1 else ():
        writer.write(reading)
mine(4)
writer.close()
mine(5)
run.finish()
wandb.teardown()  # the service writes the last of the file when it ends
Path("result.json").write_text(json.dumps([refusal, axes_of(path), list(rows_of(path))]))
"""
LOOPS = ("counted", "given", "none")


@pytest.fixture(scope="module", params=LOOPS)
def logged(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wandb")
    refusal, axes, rows = run_isolated(
        SCRIPT, folder, request.param, WANDB_SILENT="true", WANDB_DISABLE_GIT="true"
    )
    return request.param, refusal, axes, rows


def test_without_a_run_it_says_what_to_call(logged):
    _, refusal, _, _ = logged

    assert refusal == (
        "no run of W&B is active: readings are logged to a run; "
        "call `wandb.init(...)` first, and give what it returns"
    )


def test_charts_take_the_trainings_steps_as_their_axis(logged):
    _, _, axes, _ = logged

    probes = {key.partition("/")[0] for _, key in NUMBERS} | {"distribution"}
    assert axes == {f"{probe}/*": "landscope/step" for probe in probes}


def test_every_reading_is_there_under_its_name(logged):
    _, _, _, rows = logged
    ours = {
        (row["landscope/step"], key): x
        for _, row in rows
        if "landscope/step" in row
        for key, x in row.items()
        if "/" in key and key != "landscope/step"
    }
    histograms = {key: ours.pop(key) for key in list(ours) if "|" in key[1]}
    remarks = {key: x for key, x in ours.items() if isinstance(x, str)}
    numbers = {key: x for key, x in ours.items() if key not in remarks}

    assert same_numbers(numbers, NUMBERS)
    assert remarks == {(step, f"{key}/status"): text for (step, key), text in REMARKS.items()}
    assert histograms[3, f"{GIVEN}|values"] == [0.5, 1.5, 1.0]
    assert histograms[3, f"{GIVEN}|bins"] == [0.0, 1.0, 2.0, 4.0]
    assert sum(histograms[3, f"{MADE}|values"]) == 63


def test_nothing_of_the_callers_is_lost_or_moved(logged):
    loop, _, _, rows = logged
    mine = {row["mine"]: step for step, row in rows if "mine" in row}
    more = {row["more"]: step for step, row in rows if "more" in row}

    assert list(mine) == ([] if loop == "none" else list(range(6)))
    if loop == "given":
        assert mine == more == {at: at for at in range(6)}
