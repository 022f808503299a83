"""What a path of the command line may be: a single run's folder, one that begins with ``~``; and
what lies beside a file of the user's may have any name."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import landscope
from landscope.cli import main
from landscope.runs import StudyFolder

from .tiny_study import tiny_preset

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not where the commands are given."""
    made, here = tmp_path / "home", tmp_path / "here"
    made.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.chdir(here)
    return made


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls the program in this process: its exit code, and what it printed on either stream."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            main(list(arguments))
        except SystemExit as ended:
            return ended.code, *capsys.readouterr()  # type: ignore[return-value]
        return 0, *capsys.readouterr()

    return call


def train(to: str, *, updates: int = 3) -> landscope.Scope:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss_fn = nn.functional.cross_entropy
    inputs, targets = torch.randn(16, 6), torch.randint(3, (16,))
    with landscope.Scope(model, loss_fn, optimizer, every=1, to=to) as scope:
        for _ in range(updates):
            with scope.step(inputs, targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()
    return scope


def begun(folder: Path) -> None:
    study = StudyFolder(folder)
    study.create()
    preset = tiny_preset().model_dump(mode="json")
    fields = {"format": 1, "study": "santurkar2018", "seed": 0, "figures": [9], "preset": preset}
    study.write_manifest(fields)


def only(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("named", ["~/mine", "~/mine/", "~/../home/mine", "{home}/mine", "."])
def test_each_command_takes_the_folder_of_a_scope(
    named: str, home: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = train("~/mine")
    assert only(home) == {"mine"}
    if named == ".":
        monkeypatch.chdir(home / "mine")
    folder = named.format(home=home)

    code, shown, errors = command("show", folder)
    assert (code, errors) == (0, "")
    assert shown.startswith("mine, finished at step 2, 3 measurements\n")
    assert "\nThe last 3 " in shown

    code, state, errors = command("status", folder)
    assert (code, errors) == (0, "")
    assert state.startswith("mine, finished at step 2, 3 measurements\n")
    counts = [line.split() for line in state.splitlines()[3:]]
    assert {probe: int(count) for probe, count in counts} == scope.findings().measured

    code, printed, errors = command("export", folder, "~/table.csv")
    assert (code, errors) == (0, "")
    assert (
        printed == f"{len((home / 'table.csv').read_text().splitlines()) - 1:,} rows written to "
        f"{home / 'table.csv'}\n"
    )

    code, printed, errors = command("report", folder)
    assert (code, printed) == (2, "")
    assert "it is a single run, but a report describes a study; use `landscope show" in errors
    assert only(home) == {"mine", "table.csv"}
    assert "report.html" not in only(home / "mine")


def test_a_run_that_goes_on_and_one_that_failed_are_shown(home: Path, command: Command) -> None:
    train("~/mine")
    journal = home / "mine" / "journal.jsonl"
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]), "utf-8")
    for name in ("show", "status"):
        code, printed, errors = command(name, "~/mine")
        assert (code, errors) == (0, "")
        assert "unfinished" in printed.splitlines()[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "~/study"),
        ("show", "~/study"),
        ("export", "~/study", "~/table.csv"),
        ("export", "~/study", "~/table.parquet"),
    ],
)
def test_a_studys_folder_is_found_in_the_home(
    arguments: tuple[str, ...], home: Path, command: Command
) -> None:
    begun(home / "study")
    code, _, errors = command(*arguments)
    assert (code, errors) == (0, "")
    assert only(Path.cwd()) == set()  # and nothing called ~ is made here


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("status", "~/none"), "{home}/none/study.json: there is no such file"),
        (("show", "~/none"), "{home}/none/study.json: there is no such file"),
        (("report", "~/none"), "{home}/none/study.json: there is no such file"),
        (("export", "~/none", "~/table.csv"), "{home}/none/study.json: there is no such file"),
        (("export", "~/study", "~/none/table.csv"), "{home}/none/table.csv: it cannot be written"),
        (("export", "~/study", "~/table.xls"), "{home}/table.xls: a table is a .csv or a .parq"),
        (("compare", "~/none.py"), "{home}/none.py: there is no such file"),
        (("compare", "~/mine.py", "--loss", "~/none.py:loss"), "{home}/none.py: there is no such"),
        (("compare", "~/mine.py", "--data", "~/none.py"), "{home}/none.py: there is no such file"),
        (
            ("compare", "~/mine.py", "--optimizer", "~/none.py:make"),
            "{home}/none.py: there is no such file",
        ),
        (("compare", "~/mine.py", "--out", "~/taken"), "{home}/taken: the folder is not empty"),
        (("reproduce", "--out", "~/taken"), "{home}/taken: the folder is not empty"),
        (
            ("reproduce", "--preset", "standard", "--data-dir", "~/none"),
            "{home}/none is not a folder",
        ),
        (("init", "~/mine.py"), "{home}/mine.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_argument_that_is_a_path_may_begin_with_a_tilde(
    arguments: tuple[str, ...], told: str, home: Path, command: Command
) -> None:
    begun(home / "study")
    (home / "taken").mkdir()
    (home / "taken" / "file").touch()
    (home / "mine.py").write_text(MINE)
    code, printed, errors = command(*arguments)
    assert code in (1, 2)
    assert printed == ""
    assert errors.startswith(f"landscope: {told.format(home=home)}"), errors
    assert only(Path.cwd()) == set()


def test_init_writes_into_the_home(home: Path, command: Command) -> None:
    code, printed, errors = command("init", "~/first.py")
    assert (code, errors) == (0, "")
    assert f"landscope compare {home}/first.py" in printed
    assert only(home) == {"first.py"}


def test_what_is_no_home_stays_as_it_is(home: Path, command: Command) -> None:
    code, _, errors = command("status", "~nobody-of-that-name/mine")
    assert code == 1
    assert errors.startswith("landscope: ~nobody-of-that-name/mine/study.json: there is no such")


MINE = """
import torch
from torch import nn


def make_model():
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def make_batches(seed):
    stream = torch.Generator().manual_seed(seed)
    return [(torch.randn(16, 6, generator=stream), torch.zeros(16, dtype=torch.long))] * 2
"""

STANDARD = ("types", "queue", "random", "token", "copy", "json", "struct", "logging", "numbers")
BYSTANDER = "raise RuntimeError(\"a file of the user's was taken for one of Python's own\")\n"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with a user's model, and files that are called like modules of Python."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE)
    for name in STANDARD:
        (folder / f"{name}.py").write_text(BYSTANDER)
    return folder


def compare(model: str, folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("landscope")
    options = ("--norms", "none", "batch", "--lrs", "0.1", "--seeds", "0", "--steps", "2")
    return subprocess.run(
        [str(program), "compare", model, *options, "--workers", "2", "--out", str(out)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize("begin", ["from the folder", "from another", "as a module"])
def test_files_beside_the_users_may_be_called_like_pythons_own(
    begin: str, beside: Path, tmp_path: Path
) -> None:
    model = {"from another": str(beside / "mine.py"), "as a module": "mine"}.get(begin, "mine.py")
    done = compare(model, tmp_path if begin == "from another" else beside, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "a file of the user's was taken" not in done.stderr
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["types", "queue"])
def test_so_may_the_users_file_itself(name: str, beside: Path, tmp_path: Path) -> None:
    (beside / f"{name}.py").write_text(MINE)
    done = compare(f"{name}.py", beside, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").exists()
