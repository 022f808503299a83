"""The command line as a hostile user meets it: the real program, in an empty folder."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from landscope.cli import main
from landscope.runs import StudyFolder

from .figures.study_fixture import write_run
from .findings.history import measured
from .tiny_study import tiny_preset

LANDSCOPE = Path(sys.executable).with_name("landscope")


def run(
    folder: Path, *arguments: str, largest_file: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The installed program with these arguments, in a folder, on one thread."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [str(LANDSCOPE), *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limit,
        check=False,
    )


Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """As ``run`` in an empty folder, in this process: what differs is tested with ``run``."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = 0
        try:
            main(list(arguments))
        except SystemExit as ended:
            code = ended.code
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, told.out, told.err)

    return call


def refusal(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line in which the program refused, without its name."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("landscope: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("\n")
    return done.stderr.removeprefix("landscope: ").removesuffix("\n")


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def write_study(folder: Path, **fields: object) -> StudyFolder:
    """A study that was begun, with no run in it."""
    study = StudyFolder(folder)
    study.create()
    preset = tiny_preset().model_dump(mode="json")
    given = {"format": 1, "study": "santurkar2018", "seed": 0, "figures": [9], "preset": preset}
    study.write_manifest({**given, **fields})
    return study


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_program_says_what_it_can_do(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("Usage: landscope COMMAND")
    for word in ("reproduce", "compare", "init", "report", "show", "export", "--version", "Exit"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            "reproduce",
            ["--preset", "--figure INT...", "--seed", "--device", "--out", "--data-dir"],
        ),
        ("reproduce", ["--workers", "quick, standard,", "[default: quick]", "runs/"]),
        ("compare", ["landscope compare [OPTIONS] MODEL", "module:make_model", "--data", "--loss"]),
        ("compare", ["--optimizer", "--norms STR...", "as-is", "[default: 0.1 0.01]", "0 1 2]"]),
        ("compare", ["command that runs your code", "--insert", "--every", "runs/compare-"]),
        ("init", ["landscope init [ARGS]", "runs as it is", "my_norms.py"]),
        ("report", ["landscope report STUDY", "from its records only", "runs/quick-seed0"]),
        ("show", ["landscope show FOLDER", "answers, findings and runs", "runs/quick-seed0"]),
        ("show", ["a run's last measurements", "Scope(to=...)"]),
        ("export", ["landscope export [OPTIONS] FOLDER TO", ".parquet or .csv"]),
    ],
)
def test_each_command_says_what_it_takes(tmp_path: Path, command: str, words: list[str]) -> None:
    done = run(tmp_path, command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for word in words:
        assert word in done.stdout
    assert "()" not in done.stdout  # a default that says nothing
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_it_says_its_version(tmp_path: Path) -> None:
    done = run(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0.1.0\n", "")


COMMANDS = "the commands of landscope are reproduce, compare, init, report, status, show, export"
PAPER = "the paper's figures with measurements are 1 to 6 and 8 to 13"
CHOOSE = "choose among 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13"
SEED = "a seed is 0 or more, below 2^63"
WHOLE = "it must be a whole number"
HELP = "see `landscope --help`"


def in_(command: str) -> tuple[str, str, str, str]:
    """What is said of an option, an argument and a value, and where to look."""
    name = f"`landscope {command}`"
    return (
        f"{name} has no such option",
        f"{name} takes no such argument",
        f"{name} needs a value for it",
        f"see `landscope {command} --help`",
    )


NO_OPTION, NO_ARGUMENT, NEEDS, SEE = in_("reproduce")


@pytest.mark.parametrize(
    ("arguments", "value", "rule", "remedy"),
    [
        ("nonsense", "nonsense", COMMANDS, HELP),
        ("repoduce", "repoduce", COMMANDS, "did you mean reproduce?"),
        ("--figure 3", "--figure", COMMANDS, HELP),
        ("reproduce --sead 3", "--sead", NO_OPTION, "did you mean --seed?"),
        ("reproduce --zzz", "--zzz", NO_OPTION, SEE),
        ("reproduce more", "more", NO_ARGUMENT, SEE),
        ("reproduce --seed", "--seed", NEEDS, SEE),
        ("reproduce --figure", "--figure", NEEDS, SEE),
        ("reproduce --seed 1 --seed 2", "--seed", "it is given more than once", "give it once"),
        ("reproduce --seed 1.5", "--seed = 1.5", WHOLE, SEE),
        ("reproduce --workers many", "--workers = many", WHOLE, SEE),
        ("reproduce --figure x", "--figure = x", WHOLE, SEE),
        ("reproduce --figure 1,2", "--figure = 1,2", WHOLE, SEE),
        (
            "reproduce --preset nope",
            "--preset = nope",
            "it must be one of quick, standard, paper",
            SEE,
        ),
        ("reproduce --figure 7", "figure = 7", PAPER, CHOOSE),
        ("reproduce --figure 1 14", "figure = 14", PAPER, CHOOSE),
        ("reproduce --figure 1 --figure -1", "figure = -1", PAPER, CHOOSE),
        ("reproduce --seed -1", "seed = -1", SEED, "give 0, for one"),
        (
            "reproduce --seed 9223372036854775808",
            "seed = 9223372036854775808",
            SEED,
            "give 0, for one",
        ),
        (
            "reproduce --workers 0",
            "workers = 0",
            "at least one run at a time",
            "give --workers 1 or more",
        ),
        ("compare", "MODEL", in_("compare")[2], in_("compare")[3]),
        ("compare mine --lrs", "--lrs", in_("compare")[2], in_("compare")[3]),
        ("compare mine --steps 1.5", "--steps = 1.5", WHOLE, in_("compare")[3]),
        ("show", "FOLDER", in_("show")[2], in_("show")[3]),
        ("show --bogus", "--bogus", in_("show")[0], in_("show")[3]),
        ("export study", "TO", in_("export")[2], in_("export")[3]),
        ("report one two", "two", in_("report")[1], in_("report")[3]),
    ],
)
def test_a_command_without_meaning_is_refused_in_one_line(
    here: Program, tmp_path: Path, arguments: str, value: str, rule: str, remedy: str
) -> None:
    assert refusal(here(*arguments.split()), 2) == f"{value}: {rule}; {remedy}"
    assert contents(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["nonsense"], "nonsense: the commands of"),
        (["reproduce", "--seed", "x"], "--seed = x: it must be a whole number"),
        (["reproduce", "--figure", "7"], "figure = 7: the paper's figures with measurements are"),
    ],
)
def test_the_installed_program_refuses_alike(
    tmp_path: Path, arguments: list[str], start: str
) -> None:
    assert refusal(run(tmp_path, *arguments), 2).startswith(start)
    assert contents(tmp_path) == set()


@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(here: Program, tmp_path: Path, device: str) -> None:
    told = refusal(here("reproduce", "--device", device), 2)
    rule = "a run takes place on a device that is there; choose among cpu"
    assert told.startswith(f"device = {device!r}: {rule}")
    assert contents(tmp_path) == set()


def test_an_out_that_is_not_free_is_refused_and_left_as_it_is(
    here: Program, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    before = contents(tmp_path)
    told = refusal(here("reproduce", "--out", "file"), 2)
    assert told == "file: it is a file and not a folder; choose a new folder for the study"
    told = refusal(here("reproduce", "--out", "full"), 2)
    assert told == (
        "full: the folder is not empty and is not a landscope study; choose a new or an empty "
        "folder"
    )
    told = refusal(here("reproduce", "--out", "file/below"), 1)
    assert told.startswith("file/below: it cannot be written (Not a directory); check that its ")
    assert contents(tmp_path) == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, in which nothing can be written")
def test_an_out_that_cannot_be_written_is_refused(here: Program) -> None:
    told = refusal(here("reproduce", "--out", "/proc/study"), 1)
    assert told.startswith("/proc/study: it cannot be written (")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    told = refusal(run(tmp_path, "reproduce", "--out", "study", largest_file=100), 1)
    assert told == (
        "study/study.json: it cannot be written (File too large); free some space there, or "
        "choose a folder on another disk"
    )
    assert contents(tmp_path) == {"study", "study/.lock"}


def test_data_that_is_not_there_is_refused_before_anything_is_written(
    here: Program, tmp_path: Path
) -> None:
    arguments = ("reproduce", "--preset", "standard", "--data-dir", "nowhere")
    told = refusal(here(*arguments), 1)
    assert told.startswith("nowhere is not a folder: --data-dir names cifar-10-batches-bin or the")
    (tmp_path / "nowhere").mkdir()
    told = refusal(here(*arguments), 1)
    assert "data_batch_1.bin is missing: a data set needs all of its files; replace it" in told
    assert contents(tmp_path) == {"nowhere"}


READING = [("show", "study"), ("report", "study"), ("export", "study", "table.csv")]


@pytest.mark.parametrize("command", [*READING, ("status", "study")], ids=lambda command: command[0])
def test_a_study_that_is_missing_or_damaged_is_refused(
    here: Program, tmp_path: Path, command: tuple[str, ...]
) -> None:
    missing = "study/study.json: there is no such file; check the path, or run the study again"
    assert refusal(here(*command), 1) == missing
    (tmp_path / "study").mkdir()
    assert refusal(here(*command), 1) == missing
    (tmp_path / "study" / "study.json").write_text('{"format": 1, "stu')
    assert refusal(here(*command), 1) == (
        "study/study.json: the manifest is cut or garbled; restore the file, or run it again in a "
        "new folder"
    )
    assert contents(tmp_path) == {"study", "study/study.json"}


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_damaged_run_is_refused(here: Program, tmp_path: Path, command: tuple[str, ...]) -> None:
    study = write_study(tmp_path / "study", seconds=1.0)
    for norm in ("none", "batch"):
        folder = study.run(f"dln-{norm}-lr1e-06-seed0")
        folder.create()
        config = {"family": "dln", "norm": norm, "lr": 1e-6}
        folder.write_manifest({"format": 1, "id": folder.id, "config": config, "layers": ["fc1"]})
        folder.journal_path.write_text("not a line of a journal\nnor this\nthe end\n")
    before = contents(tmp_path)
    told = refusal_after_phases(here(*command), 1)
    assert "journal.jsonl, line 1: " in told
    assert told.endswith("; run it again, or restore the file from a copy")
    assert contents(tmp_path) - before <= {"study/figures"}


def refusal_after_phases(done: subprocess.CompletedProcess[str], code: int) -> str:
    """As ``refusal``, where the program had begun to work and said at what."""
    *phases, last = done.stderr.splitlines(keepends=True)
    assert phases in ([], ["drawing figures\n"])
    done.stderr = last
    return refusal(done, code)


def test_a_study_that_was_interrupted_says_so(here: Program, tmp_path: Path) -> None:
    write_study(tmp_path / "study")
    assert refusal_after_phases(here("report", "study"), 1) == (
        "study: the study there has not been run to the end, and its figures lack runs; start the "
        "command that began it again to go on"
    )
    done = here("show", "study")
    assert done.returncode == 0
    assert done.stdout.count("not run\n") == 6
    assert "Findings\n  No problems found.\n" in done.stdout
    assert done.stdout.endswith(
        "Not all runs have ended: start the same command again to resume.\n"
    )


def test_a_run_of_a_scope_is_shown(here: Program, tmp_path: Path) -> None:
    write_run(tmp_path / "mine", measured("update/relative_update", [0.5] * 3))
    done = here("show", "mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mine, finished at step 200, 3 measurements\n")
    assert "warning  update-too-large\n" in done.stdout


def test_a_run_that_is_damaged_is_refused(here: Program, tmp_path: Path) -> None:
    write_run(tmp_path / "mine", measured("update/relative_update", [0.5] * 3))
    (tmp_path / "mine" / "journal.jsonl").write_text("not a line\nnor this\nthe end\n")
    told = refusal(here("show", "mine"), 1)
    assert told.startswith("mine/journal.jsonl, line 1: ")
    (tmp_path / "mine" / "run.json").write_text('{"format": 1, "i')
    assert refusal(here("show", "mine"), 1).startswith("mine/run.json: the manifest is cut or garb")


def test_an_export_that_cannot_be_is_refused(here: Program, tmp_path: Path) -> None:
    write_study(tmp_path / "study", seconds=1.0)
    before = contents(tmp_path)
    told = refusal(here("export", "study", "table.xls"), 2)
    assert told == (
        "table.xls: a table is a .csv or a .parquet file; give the name one of these endings"
    )
    told = refusal(here("export", "study", "nowhere/table.csv"), 1)
    assert told.startswith("nowhere/table.csv: it cannot be written (No such file or directory)")
    told = refusal(run(tmp_path, "export", "study", "table.csv", largest_file=10), 1)
    assert told.startswith("table.csv: it cannot be written (File too large); free some space")
    assert contents(tmp_path) == before


def test_names_that_no_terminal_can_show_are_no_trouble(tmp_path: Path) -> None:
    name = os.fsdecode(b"[red]\xff")
    write_study(tmp_path / name, seconds=1.0)
    done = run(tmp_path, "export", name, f"{name}.csv", PYTHONIOENCODING="ascii", COLUMNS="20")
    assert done.returncode == 0
    assert done.stdout == "0 rows written to [red]\\udcff.csv\n"


def test_a_reader_that_goes_away_is_no_trouble(tmp_path: Path) -> None:
    write_study(tmp_path / "study", seconds=1.0)
    with subprocess.Popen(
        [str(LANDSCOPE), "show", "study"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        program.stdout.close()
        assert program.stderr is not None
        assert program.stderr.read() == ""
    assert program.returncode == 1


def test_an_interrupt_before_anything_is_done_is_one_line(tmp_path: Path) -> None:
    program = subprocess.Popen(
        [str(LANDSCOPE), "reproduce", "--figure", "4"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr is not None
    first = program.stderr.readline()
    program.send_signal(signal.SIGINT)
    _, told = program.communicate(timeout=60)
    assert first == "quick: 2 runs for figures 4 -> runs/quick-seed0-figure-4\n"
    assert program.returncode == 130
    assert "Traceback" not in told
    assert told.endswith(
        "Interrupted. No measurement is lost: start the same command again to resume.\n"
    )
