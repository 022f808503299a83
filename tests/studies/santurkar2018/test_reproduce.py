"""The main job end to end, at a size that takes seconds."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
import torch
from tests.tiny_study import one_core, tiny_order, tiny_preset, tiny_study

from landscope.cost import ProbeCost
from landscope.errors import DataError, LandscopeError, RecordError, UsageError
from landscope.quantities import TRAINING
from landscope.runs import StudyFolder, StudyRecords, read_study
from landscope.runs.export import export_table
from landscope.studies.engine import run_study
from landscope.studies.kind import RunConfig
from landscope.studies.listener import Listener, Progress
from landscope.studies.machine import Place, find_place
from landscope.studies.santurkar2018.experiments import FIGURES, runs_behind

ROOT = Path(__file__).parents[3]
PATHS = os.pathsep.join((str(ROOT / "src"), str(ROOT)))  # the tests, and what they test


@pytest.fixture(autouse=True)
def on_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inline and processes have one thread each, so that their sums are the same."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: one_core())


class Heard(Listener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.done_before: list[str] = []
        self.began: list[str] = []
        self.phases: list[str] = []
        self.failures: dict[str, str] = {}
        self.foretold: dict[str, list[ProbeCost]] = {}

    def costs(self, costs: Mapping[str, list[ProbeCost]]) -> None:
        assert not self.began
        self.foretold.update(costs)

    def begin(self, title: str, out: Path, runs: Sequence[RunConfig], done: list[str]) -> None:
        del title, out, runs
        self.done_before = done

    def progress(self, progress: Progress) -> None:
        if progress.phase == "setting up":
            self.began.append(progress.run)

    def phase(self, name: str) -> None:
        self.phases.append(name)

    def failed(self, run: str, reason: str) -> None:
        self.failures[run] = reason


def measured(study: StudyRecords) -> dict[str, Any]:
    """All that a study holds but the times that it took."""
    found: dict[str, Any] = {}
    for run in study.runs.values():
        # As text, in which NaN equals itself and every digit counts.
        readings = [repr(replace(reading, seconds=0.0)) for reading in run.all_readings]
        weights = run.folder.weights_path.read_bytes()
        manifest = {k: v for k, v in run.manifest.content.items() if k not in ("begun", "resumed")}
        found[run.id] = (manifest, replace(run.outcome, seconds=None), readings, weights)
    found["study"] = {
        name: value
        for name, value in study.manifest.content.items()
        if name not in ("started", "seconds", "workers")
    }
    return found


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_figure_alone_gives_its_runs_its_drawing_and_a_report(tmp_path: Path) -> None:
    out = tmp_path / "study"
    heard = Heard()
    report = run_study(tiny_study((9,)), tiny_order(out), heard)
    runs = ["dln-batch-lr1e-06-seed0", "dln-none-lr1e-06-seed0"]
    assert sorted(heard.began) == runs
    assert heard.phases == ["drawing figures", "writing the report"]
    assert list(heard.foretold) == ["dln-5"]
    assert report == out / "report.html"
    assert "<html" in report.read_text(encoding="utf-8")
    assert {name for name in files(out) if not name.startswith("runs")} == {
        "study.json",
        "report.html",
        ".lock",
        "figures/figure-09.svg",
        "figures/figure-09.png",
    }
    study = read_study(out)
    assert sorted(study.runs) == runs
    assert study.manifest.figures == [9]
    assert study.manifest.seconds > 0
    for run in study.runs.values():
        assert run.outcome.status == "finished"
        steps, _ = run.series(TRAINING.train_loss)
        assert steps.tolist() == [0, 1, 2, 3]


def test_started_again_it_runs_nothing_again(tmp_path: Path) -> None:
    out = tmp_path / "study"
    study, order = tiny_study((9,)), tiny_order(out)
    run_study(study, order, Heard())
    before = {name: (out / name).read_bytes() for name in files(out) if name.startswith("runs")}
    (out / "report.html").unlink()
    heard = Heard()
    # A study goes on with the threads that it was begun with, whatever the workers are.
    run_study(study, replace(order, workers=2), heard)
    assert heard.began == []
    assert heard.foretold == {}
    assert sorted(heard.done_before) == sorted(read_study(out).runs)
    assert before == {name: (out / name).read_bytes() for name in before}
    assert (out / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "figures", [(3,), *(pytest.param(some, marks=pytest.mark.long) for some in ((9,), ()))], ids=str
)
def test_processes_and_inline_measure_the_same(tmp_path: Path, figures: tuple[int, ...]) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    run_study(tiny_study(figures), tiny_order(here, workers=1), Heard())
    run_study(tiny_study(figures), tiny_order(there, workers=2), Heard())
    study = read_study(here)
    assert measured(study) == measured(read_study(there))
    assert study.manifest.figures == list(figures or FIGURES)
    drawn = {f"figure-{n:02d}.{kind}" for n in figures or FIGURES for kind in ("svg", "png")}
    assert files(here / "figures") == drawn
    assert len(study.runs) == len(runs_behind(tiny_preset(), figures or FIGURES, 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    "figure",
    [pytest.param(n, marks=[] if n % 3 == 0 else pytest.mark.long) for n in FIGURES],
)
def test_every_figure_can_be_asked_for_alone(tmp_path: Path, figure: int) -> None:
    """So what it looks up is in the runs, and by the probes, that stand behind it."""
    heard = Heard()
    report = run_study(tiny_study((figure,), steps=2), tiny_order(tmp_path / "study"), heard)
    assert heard.failures == {}
    assert report.exists()
    assert f"figure-{figure:02d}.svg" in files(tmp_path / "study" / "figures")


def test_the_export_has_every_number(tmp_path: Path) -> None:
    run_study(tiny_study((9,)), tiny_order(tmp_path / "study"), Heard())
    study = read_study(tmp_path / "study")
    numbers = sum(
        len(reading.value) if isinstance(reading.value, tuple) else 1
        for run in study.runs.values()
        for reading in run.all_readings
    )
    for name in ("table.csv", "table.parquet"):
        assert export_table(study.runs.values(), tmp_path / name) == numbers
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = parquet.read_table(tmp_path / "table.parquet").to_pydict()
    assert len(rows) == len(columns["value"]) == numbers
    assert [float(row["value"]) for row in rows] == columns["value"]
    run = study.runs["dln-none-lr1e-06-seed0"]
    losses = [
        value
        for value, quantity, its_run in zip(
            columns["value"], columns["quantity"], columns["run"], strict=True
        )
        if (quantity, its_run) == ("train_loss", run.id)
    ]
    assert losses == run.series(TRAINING.train_loss)[1].tolist()


def tiny(folder: Path, *arguments: str, steps: int) -> subprocess.Popen[str]:
    """The command line at the tiny size, in a folder, in a group of processes of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tiny_study", str(steps), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": PATHS, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_an_interrupted_study_goes_on_and_is_that_of_one_left_alone(
    tmp_path: Path, workers: str
) -> None:
    order = ("reproduce", "--figure", "13", "--workers", workers, "--out", "study")
    program = tiny(tmp_path, *order, steps=24)
    assert program.stderr is not None
    told = ""
    for line in program.stderr:  # until the first run has ended
        told += line
        if "finished" in line:
            break
    os.killpg(program.pid, signal.SIGINT)
    out, rest = program.communicate(timeout=60)
    assert program.returncode == 130
    assert out == ""
    told += rest
    assert "Traceback" not in told
    assert told.endswith(
        "Interrupted. No measurement is lost: start the same command again to resume.\n"
    )
    study = read_study(tmp_path / "study")
    ended = [run for run in study.runs.values() if run.outcome.ended]
    assert 1 <= len(ended) < 5
    journals = {run.id: run.folder.journal_path.read_bytes() for run in ended}

    program = tiny(tmp_path, *order, steps=24)
    _, told = program.communicate(timeout=300)
    assert program.returncode == 0
    assert f"5 runs for figures 13, {len(ended)} of them done before -> study" in told
    again = set(re.findall(r"^(\S+): setting up", told, re.MULTILINE))
    assert again == set(read_study(tmp_path / "study").runs) - set(journals)
    for run, journal in journals.items():
        assert (tmp_path / "study" / "runs" / run / "journal.jsonl").read_bytes() == journal

    run_study(tiny_study((13,), steps=24), tiny_order(tmp_path / "alone"), Heard())
    assert measured(read_study(tmp_path / "study")) == measured(read_study(tmp_path / "alone"))


@pytest.mark.slow
def test_without_a_terminal_it_tells_plain_lines(tmp_path: Path) -> None:
    program = tiny(tmp_path, "reproduce", "--figure", "9", "--workers", "1", steps=4)
    out, told = program.communicate(timeout=120)
    assert program.returncode == 0, told
    lines = told.splitlines()
    assert lines[0] == "quick: 2 runs for figures 9 -> runs/quick-seed0-figure-9"
    assert lines[1].rstrip() == "What the probes will cost, in arithmetic"
    assert any(line.split()[:2] == ["dln-5", "distribution"] for line in lines)
    assert "dln-none-lr1e-06-seed0: setting up 0/4" in lines
    assert any(line.startswith("dln-none-lr1e-06-seed0: finished 4/4") for line in lines)
    assert lines[-2:] == ["drawing figures", "writing the report"]
    assert "\x1b" not in told
    assert out.splitlines()[-1] == "Report: runs/quick-seed0-figure-9/report.html"
    assert "Question 2: does batch norm reduce internal covariate shift?" in out
    assert "Not all runs have ended" not in out


def test_a_run_that_fails_is_told_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study"
    order = tiny_order(out)
    journal = out / "runs" / "dln-none-lr1e-06-seed0" / "journal.jsonl"
    heard = Heard()

    def begin(*_: Any) -> None:
        journal.mkdir(parents=True)  # nothing can be written there

    monkeypatch.setattr(heard, "begin", begin)
    text = (
        r"^1 of 2 runs failed \(dln-none-lr1e-06-seed0\): a report needs all of its runs; see "
        r"above why, and start the same command again: runs that are done stay done, and "
        r"`--run ID` takes up one alone$"
    )
    with pytest.raises(LandscopeError, match=text):
        run_study(tiny_study((9,)), order, heard)
    assert list(heard.failures) == ["dln-none-lr1e-06-seed0"]
    assert str(journal.parent) in heard.failures["dln-none-lr1e-06-seed0"]
    assert not (out / "report.html").exists()
    assert read_study(out).manifest.seconds is None

    journal.rmdir()
    heard = Heard()
    run_study(tiny_study((9,)), order, heard)
    assert heard.done_before == ["dln-batch-lr1e-06-seed0"]
    assert (out / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seed": 1}, r"^seed = 1 with the study in .*study: it was begun with seed = 0; give the"),
        ({"numbers": (3, 9)}, r"^figures = 3, 9 with .*: it was begun with figures = 9; give the"),
        (
            {"preset": tiny_preset(6)},
            r"^preset = quick \(bundled .*\) with .*: it was begun with preset = quick \(bundled",
        ),
    ],
)
def test_another_order_in_the_same_folder_is_refused(
    tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    out = tmp_path / "study"
    study = tiny_study((9,))
    out.mkdir()
    manifest = {
        "format": 1,
        "study": "santurkar2018",
        "preset": study.preset.model_dump(mode="json"),
        "figures": [9],
        "seed": 0,
        "device": "cpu",
    }
    StudyFolder(out).write_manifest(manifest)
    before = (out / "study.json").read_bytes()
    with pytest.raises(UsageError, match=text):
        run_study(replace(study, **change), tiny_order(out), Heard())
    assert (out / "study.json").read_bytes() == before
    assert files(out) == {"study.json"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"workers": 0}, "^workers = 0: at least one run at a time; give --workers 1 or more$"),
        ({"seed": -1}, r"^seed = -1: a seed is 0 or more, below 2\^63; give 0, for one$"),
        ({"seed": 2**63}, "^seed = 9223372036854775808: a seed is 0 or more"),
        ({"numbers": (7,)}, "^figure = 7: the paper's figures"),
        ({"device": "meta"}, "^device = 'meta': a run takes place on a device that is there; c"),
        ({"device": "no-such"}, "^device = 'no-such': .*; choose among cpu"),
        ({"device": "cuda:99"}, "^device = 'cuda:99': "),
    ],
)
def test_an_order_without_meaning_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, Any], text: str
) -> None:
    def asked() -> None:
        study, order = tiny_study((9,)), tiny_order(tmp_path / "study")
        if hasattr(order, *change):
            order = replace(order, **change)
        else:
            study = replace(study, **change)
        run_study(study, order, Heard())

    with pytest.raises(UsageError, match=text):
        asked()
    assert files(tmp_path) == set()
    assert not (tmp_path / "study").exists()


def test_data_that_is_not_there_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    preset = tiny_preset()
    preset = preset.model_copy(update={"vgg": preset.vgg.model_copy(update={"data": "cifar-10"})})
    study = replace(tiny_study((4,)), preset=preset, data_dir=tmp_path / "no")
    with pytest.raises(DataError, match="no is not a folder: --data-dir names"):
        run_study(study, tiny_order(tmp_path / "study"), Heard())
    assert not (tmp_path / "study").exists()


def test_somebody_elses_folder_is_noticed_before_any_data_is_read(tmp_path: Path) -> None:
    preset = tiny_preset()
    preset = preset.model_copy(update={"vgg": preset.vgg.model_copy(update={"data": "cifar-10"})})
    (tmp_path / "notes.txt").write_text("mine")
    study = replace(tiny_study((4,)), preset=preset, data_dir=tmp_path / "no")
    with pytest.raises(UsageError, match="the folder is not empty and is not a landscope study"):
        run_study(study, tiny_order(tmp_path), Heard())
    assert files(tmp_path) == {"notes.txt"}


def test_a_damaged_study_is_not_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "study"
    out.mkdir()
    (out / "study.json").write_text('{"format": 1')
    with pytest.raises(RecordError, match="the manifest is cut or garbled"):
        run_study(tiny_study((9,)), tiny_order(out), Heard())
    assert (out / "study.json").read_text() == '{"format": 1'


@pytest.mark.parametrize(
    ("cores", "workers", "expected"), [(1, None, (1, 1)), (4, None, (4, 1)), (4, 2, (2, 2)),
                                       (2, 8, (8, 1))]
)  # fmt: skip
def test_cores_are_shared_among_the_workers(
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    workers: int | None,
    expected: tuple[int, int],
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert find_place("cpu", workers) == Place("cpu", *expected)


def test_no_more_threads_are_taken_than_torch_was_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with OMP_NUM_THREADS=1, whatever the cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert find_place("cpu", 1) == Place("cpu", 1, 1)


def test_a_gpu_has_one_worker_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    place = find_place(None, None)
    assert (place.device, place.workers) == ("cuda", 1)


def test_a_manifest_says_what_the_study_was_made_with(tmp_path: Path) -> None:
    run_study(tiny_study((9,)), tiny_order(tmp_path / "study"), Heard())
    manifest = json.loads((tmp_path / "study" / "study.json").read_text())
    assert (manifest["device"], manifest["threads"], manifest["workers"]) == ("cpu", 1, 1)
    assert manifest["versions"]["torch"] == torch.__version__
    for run in read_study(tmp_path / "study").runs.values():
        assert run.manifest.versions == manifest["versions"]
        assert run.manifest.config["probing"]["bins"] == 4
        assert len(run.layers) == 5


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("interrupt", [False, True], ids=["to its end", "with Ctrl-C"])
def test_in_a_terminal_it_shows_bars(tmp_path: Path, interrupt: bool) -> None:
    ours, theirs = os.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.tiny_study", "100", "reproduce", "--figure", "13"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": PATHS, "OMP_NUM_THREADS": "1", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=partial(os.login_tty, theirs),
    )
    os.close(theirs)
    shown, typed = b"", 0
    with suppress(OSError):  # the terminal is gone with the last who uses it
        while part := os.read(ours, 65536):
            shown += part
            if interrupt and b"finished" in shown and not typed:
                typed = os.write(ours, b"\x03")
    os.close(ours)
    told = shown.decode()
    assert "Traceback" not in told
    assert "all runs" in told
    assert "steps/s" in told
    if interrupt:
        assert program.wait(timeout=60) == 130
        assert "Interrupted. No measurement is lost: start the same command again" in told
    else:
        assert program.wait(timeout=60) == 0
        assert "drawing figures" in told
        assert "runs/quick-seed0-figure-13/report.html" in told
