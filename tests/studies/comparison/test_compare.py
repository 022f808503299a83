"""A comparison end to end, on a tiny model that knows nothing of this project."""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from torch import nn

from landscope.cli import main
from landscope.quantities import COVARIATE_SHIFT, PAPER_LINE, SCOPE, STEP_SIZE, TRAINING
from landscope.runs import RunRecords, StudyRecords, read_study
from landscope.studies.comparison.batches import UserBatches
from landscope.studies.comparison.configuration import ComparisonRun
from landscope.studies.comparison.functions import load_functions
from landscope.studies.comparison.model import build_model, weights_checksum

MINE = """
import torch
from torch import nn


def make_model():
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3),
    )


def make_plain_model():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


class OwnNorm(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x):
        return self.weight * x * x.square().mean(-1, keepdim=True).rsqrt()


def make_own_norms():
    return nn.Sequential(nn.Linear(6, 16), OwnNorm(16), nn.ReLU(), nn.Linear(16, 3))


def make_batches(seed):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randn(6, 3, generator=torch.Generator().manual_seed(9))
    for _ in range(5):
        inputs = torch.randn(32, 6, generator=generator)
        yield inputs, (inputs @ truth).argmax(1)


def make_mappings(seed):
    return [{"x": inputs, "y": targets} for inputs, targets in make_batches(seed)]


def mapping_loss(model, batch):
    return nn.functional.cross_entropy(model(batch["x"]), batch["y"])


def make_optimizer(model, lr):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def one(): return 1
def needs_width(width): return None
def no_batches(seed): return []
def wide_batches(seed): return [(torch.randn(4, 7), torch.zeros(4, dtype=torch.long))]
def nan_batches(seed): return [(torch.full((4, 6), torch.nan), torch.zeros(4, dtype=torch.long))]
def raising(seed): raise RuntimeError("no data today")
def frozen(): return make_model().requires_grad_(False)
def long_loss(model, batch): return model(batch[0])
def loading(seed):
    from torch.utils.data import DataLoader
    return DataLoader([(torch.zeros(6), 0)] * 8, batch_size=4, num_workers=2)
"""
FAILING = """CALLS = []


def mapping_loss(model, batch):
    CALLS.append(batch)
    if len(CALLS) > 12:
        raise RuntimeError("broke half-way")"""
SMALL = ("--steps", "12", "--every", "4", "--workers", "1", "--device", "cpu")
NORMS = ("--norms", "none", "batch")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder with the user's file in it; nothing of it stays importable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(MINE)
    yield tmp_path
    forget(tmp_path)


def forget(folder: Path) -> None:
    """As in a new process, the user's files are loaded again."""
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


Program = Callable[..., CompletedProcess[str]]


@pytest.fixture
def program(here: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    def call(*arguments: str) -> CompletedProcess[str]:
        code = 0
        try:
            main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return CompletedProcess(arguments, code, told.out, told.err)

    return call


def contents(folder: Path) -> set[str]:
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {str(path) for path in found if "__pycache__" not in path.parts}


def digests(folder: Path) -> dict[str, str]:
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in contents(folder)
        if name.startswith("runs/")
    }


def checksums(run: RunRecords) -> list[float]:
    return run.series(TRAINING.batches_checksum)[1].tolist()


@pytest.mark.slow
def test_a_comparison_from_functions_to_a_report(program: Program, here: Path) -> None:
    order = ("compare", "mine.py", *NORMS, "--lrs", "0.1", "0.01", "--seeds", "0", "1", *SMALL)
    done = program(*order, "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "mine.py:make_model: 8 runs with none, batch -> out" in done.stderr
    assert "With which norm does the model reach the lowest training loss?" in done.stdout
    assert "From 2 seeds: it takes 3" in " ".join(done.stdout.split())
    assert "Batch norm" in done.stdout
    study = read_study(here / "out")
    assert len(study.runs) == 8
    assert "What each norm does for this model" in study.folder.report.read_text("utf-8")
    check_readings(study)
    check_same_start(study)

    before = digests(study.folder.path)
    again = program(*order, "--out", "out")
    assert again.returncode == 0
    assert "8 of them done before" in again.stderr
    assert digests(study.folder.path) == before
    assert program("export", "out", "all.csv").returncode == 0


@pytest.mark.slow
def test_more_seeds_add_to_what_is_there(program: Program, here: Path) -> None:
    """Fewer would leave some of it out."""
    order = ("compare", "mine.py", *NORMS, "--lrs", "0.1", *SMALL, "--out", "out", "--seeds", "0")
    assert program(*order).returncode == 0
    before = digests(here / "out")
    assert program(*order, "1").returncode == 0
    assert len(read_study(here / "out").runs) == 4
    assert before.items() <= digests(here / "out").items()
    fewer = program(*order)
    assert fewer.returncode == 2
    assert "it was begun with 1 as well" in fewer.stderr
    # As after an interrupt: what is missing is run again, and gives the same numbers.
    lost = here / "out" / "runs" / "batch-lr0.1-seed1"
    losses = read_study(here / "out").runs[lost.name].series(TRAINING.train_loss)[1]
    kept = {name: digest for name, digest in digests(here / "out").items() if lost.name not in name}
    shutil.rmtree(lost)
    again = program(*order, "1")
    assert "4 runs with none, batch, 3 of them done before" in again.stderr
    assert kept.items() <= digests(here / "out").items()
    repeated = read_study(here / "out").runs[lost.name].series(TRAINING.train_loss)[1]
    assert (repeated == losses).all()
    for command in ("show", "report"):
        assert program(command, "out").returncode == 0


def check_readings(study: StudyRecords) -> None:
    for run in study.runs.values():
        assert run.outcome.status == "finished"
        assert run.layers == ["0", "4", "7"]
        steps, _ = run.series(TRAINING.train_loss)
        assert steps.tolist() == list(range(12))
        timed, seconds = run.series(TRAINING.step_seconds)
        assert timed.tolist() == [step for step in range(12) if step % 4]
        assert (seconds > 0).all()
        for quantity, layer in (
            (PAPER_LINE.beta_lr, None),
            (STEP_SIZE.safe_lr, None),
            (STEP_SIZE.sharpness_lr, None),
            (COVARIATE_SHIFT.shift_relative, "4"),
            (COVARIATE_SHIFT.shift_cosine, "7"),
        ):
            assert run.series(quantity, layer)[0].tolist() == [0, 4, 8]
        assert not run.has(SCOPE.failed, "covariate_shift")


def check_same_start(study: StudyRecords) -> None:
    """Of a seed all runs have the same weights and batches, and the first loss of each rate."""
    for seed in (0, 1):
        runs = [run for run in study.runs.values() if run.manifest.config["seed"] == seed]
        assert len({run.manifest.initial_weights for run in runs}) == 1
        assert len({tuple(checksums(run)) for run in runs}) == 1
        for norm in ("none", "batch"):
            own = [run for run in runs if run.manifest.config["norm"] == norm]
            firsts = {run.series(TRAINING.train_loss)[1][0] for run in own}
            assert len(firsts) == 1
    first = {run.manifest.initial_weights for run in study.runs.values()}
    assert len(first) == 2


@pytest.mark.slow
def test_worker_processes_give_the_same_numbers(program: Program, here: Path) -> None:
    order = ("compare", "mine:make_model", *NORMS, "--lrs", "0.1", "--seeds", "3", "--steps", "6")
    for workers in ("1", "2"):
        done = program(*order, "--workers", workers, "--device", "cpu", "--out", f"out{workers}")
        assert done.returncode == 0, done.stderr
    one, two = (read_study(here / f"out{workers}") for workers in ("1", "2"))
    for run in one.runs:
        losses = [study.runs[run].series(TRAINING.train_loss)[1] for study in (one, two)]
        assert abs(losses[0] - losses[1]).max() < 1e-4  # threads sum in another order
        assert checksums(one.runs[run]) == checksums(two.runs[run])


@pytest.mark.slow
def test_a_run_that_diverges_is_a_result(program: Program, here: Path) -> None:
    order = ("compare", "mine.py", *NORMS, "--lrs", "1e30", "--seeds", "0", *SMALL)
    done = program(*order, "--out", "out")
    assert done.returncode == 0, done.stderr
    statuses = {
        run.manifest.config["norm"]: run.outcome for run in read_study(here / "out").runs.values()
    }
    assert statuses["none"].status == "diverged"
    assert statuses["none"].step is not None
    assert statuses["none"].step < 12
    assert "diverged at step" in (here / "out" / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_any_batch_any_loss_any_optimiser(program: Program, here: Path) -> None:
    order = (
        "compare", "mine.py:make_model", "--data", "mine.py:make_mappings", "--loss",
        "mine.py:mapping_loss", "--optimizer", "mine.py:make_optimizer", "--norms", "as-is",
        "group", "--lrs", "0.05", "--seeds", "0",
    )  # fmt: skip
    done = program(*order, *SMALL, "--out", "out")
    assert done.returncode == 0, done.stderr
    run = read_study(here / "out").find(norm="as-is")
    assert not [reading for reading in run.all_readings if reading.quantity == "failed"]
    assert run.series(STEP_SIZE.safe_lr)[0].tolist() == [0, 4, 8]
    assert run.manifest.config["loss"] == "mine.py:mapping_loss"


@pytest.mark.slow
def test_norms_are_put_where_there_are_none(program: Program, here: Path) -> None:
    order = ("compare", "mine.py:make_plain_model", "--norms", "as-is", "layer", "--lrs", "0.1",
             "--seeds", "0", *SMALL, "--out", "out")  # fmt: skip
    told = program(*order)
    assert told.returncode == 2
    assert told.stderr.endswith("give --insert to put norms behind its layers\n")
    assert program(*order, "--insert").returncode == 0
    runs = read_study(here / "out").runs.values()
    assert len({run.manifest.initial_weights for run in runs}) == 1
    assert len({run.manifest.parameters for run in runs}) == 2


@pytest.mark.slow
def test_norms_of_the_models_own_are_replaced_where_it_is_said_what_they_are(
    program: Program, here: Path
) -> None:
    order = ("compare", "mine.py:make_own_norms", "--norms", "as-is", "layer", "--lrs", "0.1",
             "--seeds", "0", *SMALL, "--out", "out")  # fmt: skip
    told = program(*order)
    assert told.returncode == 2
    assert "the module '1' of type OwnNorm: its class is called a norm" in told.stderr
    assert "give --also OwnNorm=last to replace it, or --keep OwnNorm to leave it" in told.stderr
    assert program(*order, "--also", "OwnNorm=last").returncode == 0
    study = read_study(here / "out")
    runs = {run.manifest.config["norm"]: run for run in study.runs.values()}
    assert runs["as-is"].manifest.config["also"] == ["OwnNorm=last"]
    losses = [run.series(TRAINING.train_loss)[1] for run in runs.values()]
    assert (losses[0] != losses[1]).any()
    assert runs["layer"].manifest.parameters == runs["as-is"].manifest.parameters + 16


REFUSED = [
    (("--also", "OwnNorm"), "also = 'OwnNorm': it is the class of a norm", "--also MyNorm=last"),
    (("--also", "Other=last"), "class of norms 'Other': the known ones are", "choose one of them"),
    (("--keep", "nowhere"), "module to keep 'nowhere': the known ones are", "choose one of them"),
    (("--norms", "none"), "norms = none: a comparison is between two norms", "add as-is"),
    (("--norms", "batch", "bath"), "norm = 'bath': a norm is one of", "did you mean 'batch'?"),
    (("--norms", "batch"), "norms = batch: a comparison is between two norms", "add none"),
    (("--norms", "none", "none"), "norm = none: it is given more than once", "give each once"),
    (("--lrs", "0.1", "0"), "lr = 0: a learning rate is a number above 0", "give 0.1, for one"),
    (("--lrs", "-1"), "lr = -1: a learning rate is a number above 0", "give 0.1"),
    (("--lrs", "nan"), "lr = nan: a learning rate is a number above 0", "give 0.1"),
    (("--lrs", "0.1", "0.10"), "lr = 0.1: it is given more than once", "give each once"),
    (("--lrs", "fast"), "--lrs = fast: it must be a number", "see `landscope compare --help`"),
    (("--seeds", "1", "1"), "seed = 1: it is given more than once", "give each once"),
    (("--seeds", "-1"), "seed = -1: a seed is 0 or more", "give 0, for one"),
    (("--steps", "0"), "steps = 0: it is a number of steps", "give --steps 1 or more"),
    (("--every", "0"), "every = 0: it is a number of steps", "give --every 1 or more"),
    (("--optimizer", "adam"), "optimizer = 'adam': an optimizer is sgd, adamw", "'adamw'?"),
    (("--data", "mine.py:absent"), "mine.py:absent: mine.py has no function absent", "it has "),
    (("--data", "mine.py:1x"), "function 'mine.py:1x': a function is named as", "give mine:"),
    (("--data", "nowhere.py"), "nowhere.py: there is no such file", "check the path"),
    (("--data", "nowhere"), "module 'nowhere': there is no such module", "give the path of its"),
    (("--data", "mine.py:no_batches"), "make_batches(seed): it gives no batch", "at least one"),
    (("--data", "mine.py:raising"), "RuntimeError: no data today, at line ", "of mine.py; fix"),
    (("--data", "mine.py:one"), "mine.py:one: it is called with 1 arguments", "--help"),
    (("--data", "mine.py:wide_batches"), "first batch of mine.py:wide_batches", "mat1 and mat2"),
    (("--data", "mine.py:nan_batches"), "the first loss is nan with every norm", "check the data"),
    (("--data", "mine.py:make_mappings"), "a batch is a dict: for cross-entropy", "--loss"),
    (("--loss", "mine.py:long_loss"), "a loss of (32, 3): a loss is one number", "the mean over"),
    (("--optimizer", "mine.py:needs_width"), "needs_width: it is called with 2 arg", "--help"),
    (("--device", "meta"), "device = 'meta': a run takes place on a device that is", "choose"),
    (("--workers", "0"), "workers = 0: at least one run at a time", "give --workers 1 or more"),
    (
        ("--data", "mine.py:loading", "--workers", "2"),
        "workers = 2 with a DataLoader of 2 workers: a run in a worker process cannot",
        "give --workers 1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "start", "remedy"), REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_written(
    program: Program, here: Path, arguments: tuple[str, ...], start: str, remedy: str
) -> None:
    short = () if "--steps" in arguments else ("--steps", "4")
    some = () if "--seeds" in arguments else ("--seeds", "0")
    done = program("compare", "mine.py", *short, *some, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("landscope: ")
    assert done.stderr.count("\n") == 1
    assert start in done.stderr
    assert remedy in done.stderr
    assert contents(here) == {"mine.py"}


@pytest.mark.parametrize(
    ("model", "start", "remedy"),
    [
        ("mine.py:one", "mine.py:one gives a int: it gives a torch.nn.Module", "return the model"),
        ("mine.py:needs_width", "it is called with 0 arguments, and does not take", "--help"),
        ("mine.py:frozen", "mine.py:frozen: the model has no parameter to train", "requires_grad"),
        ("broken.py", "loading it fails with SyntaxError", "fix it"),
        ("needy.py", "ModuleNotFoundError: No module named 'no_such_thing'", "fix it"),
    ],
)
def test_a_model_that_is_none_is_refused(
    program: Program, here: Path, model: str, start: str, remedy: str
) -> None:
    (here / "broken.py").write_text("def make_model(:")
    (here / "needy.py").write_text("import no_such_thing")
    done = program("compare", model, "--data", "mine.py", "--steps", "4", "--seeds", "0")
    assert done.returncode == 2
    assert start in done.stderr
    assert remedy in done.stderr
    assert contents(here) == {"mine.py", "broken.py", "needy.py"}


@pytest.mark.slow
def test_code_that_has_changed_does_not_go_on(program: Program, here: Path) -> None:
    order = ("compare", "mine.py", *NORMS, "--lrs", "0.1", "--seeds", "0", *SMALL, "--out", "out")
    assert program(*order).returncode == 0
    (here / "mine.py").write_text(MINE + "\n# changed\n")
    done = program(*order)
    assert done.returncode == 2
    assert "the code of mine.py:make_model: it has changed since the study in out" in done.stderr


@pytest.mark.slow
def test_a_run_that_fails_is_told_and_can_be_fixed(program: Program, here: Path) -> None:
    """Nothing has ended yet, so the changed code goes on in the same folder."""
    breaking = MINE.replace("def mapping_loss(model, batch):", FAILING)
    (here / "mine.py").write_text(breaking)
    order = ("compare", "mine.py", "--data", "mine.py:make_mappings", "--loss",
             "mine.py:mapping_loss", *NORMS, "--lrs", "0.1", "--seeds", "0", *SMALL)  # fmt: skip
    done = program(*order, "--out", "out")
    assert done.returncode == 1
    assert "RuntimeError: broke half-way" in done.stderr
    assert "2 of 2 runs failed (none-lr0.1-seed0, batch-lr0.1-seed0)" in done.stderr
    assert "not been run to the end" in program("report", "out").stderr
    assert "Not all runs have ended." in program("show", "out").stdout
    (here / "mine.py").write_text(MINE)
    forget(here)
    done = program(*order, "--out", "out")
    assert done.returncode == 0, done.stderr


def config(norm: str, seed: int = 0) -> ComparisonRun:
    return ComparisonRun(
        model="mine.py:make_model",
        data="mine.py:make_batches",
        loss=None,
        optimizer="sgd",
        norm=norm,
        lr=0.1,
        seed=seed,
        steps=1,
        every=1,
        insert=False,
    )


@pytest.mark.parametrize("norm", ["none", "batch", "group", "layer", "rms", "l1", "noisy-batch"])
def test_every_norm_begins_with_the_weights_of_the_seed(here: Path, norm: str) -> None:
    def weights(model: nn.Module) -> list[torch.Tensor]:
        return [m.weight for m in model.modules() if isinstance(m, nn.Linear)]

    batch = (torch.randn(8, 6), torch.zeros(8, dtype=torch.long))
    models = []
    for name, seed in (("as-is", 3), (norm, 3), (norm, 4)):
        own = config(name, seed)
        models.append(build_model(load_functions(own), own, batch, "cpu"))
    as_is, replaced, other = models
    assert all(map(torch.equal, weights(as_is), weights(replaced)))
    assert weights_checksum(as_is) == weights_checksum(replaced) != weights_checksum(other)
    for name, parameter in replaced.named_parameters():
        if parameter.ndim == 1 and not isinstance(replaced.get_submodule(name[0]), nn.Linear):
            assert torch.equal(parameter, torch.full_like(parameter, parameter[0].round().item()))


def test_batches_do_not_depend_on_what_the_network_draws() -> None:
    def shuffled(_seed: int) -> Iterator[torch.Tensor]:
        for _ in range(3):
            yield torch.randn(4)  # from the global stream, as a DataLoader's shuffling is

    quiet, drawing = UserBatches(shuffled, 5, "cpu"), UserBatches(shuffled, 5, "cpu")
    for _ in range(7):
        first = quiet.next()
        torch.randn(11)
        assert torch.equal(first, drawing.next())
    assert quiet.checksum == drawing.checksum
    assert UserBatches(shuffled, 6, "cpu").peek() is not None
    other = UserBatches(shuffled, 6, "cpu")
    for _ in range(7):
        other.next()
    assert other.checksum != quiet.checksum


def test_making_batches_draws_nothing_from_the_networks_streams() -> None:
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    UserBatches(lambda _seed: [torch.randn(4)], 0, "cpu").next()
    assert torch.equal(torch.randn(3), expected)


def test_epochs_follow_each_other_and_a_peek_takes_nothing() -> None:
    batches = UserBatches(lambda _seed: [{"x": torch.tensor([at])} for at in range(2)], 0, "cpu")
    assert batches.peek()["x"].item() == 0
    assert [batches.next()["x"].item() for _ in range(5)] == [0, 1, 0, 1, 0]


def test_init_writes_a_file_once(program: Program, here: Path) -> None:
    done = program("init")
    assert done.returncode == 0
    text = (here / "my_norms.py").read_text("utf-8")
    command = done.stdout.strip().splitlines()[-1].strip()
    assert command == "landscope compare my_norms.py --norms as-is none group --steps 100"
    assert command in text
    compile(text, "my_norms.py", "exec")
    again = program("init", "my_norms.py")
    assert again.returncode == 2
    assert "my_norms.py: it exists and is never overwritten" in again.stderr
    assert (here / "my_norms.py").read_text("utf-8") == text
    assert "ends in .py; give mine.py" in program("init", "mine.txt").stderr
    assert program("init", "nowhere/mine.py").returncode == 1


@pytest.mark.slow
def test_the_file_of_init_runs_as_it_is(program: Program, here: Path) -> None:
    program("init", "begin.py")
    small = ("--steps", "4", "--every", "4", "--seeds", "0", "--lrs", "0.1", "--workers", "1")
    for more in ((), ("--loss", "begin.py:loss_fn", "--out", "other")):
        done = program("compare", "begin.py", "--norms", "as-is", "none", "group", *small, *more)
        assert done.returncode == 0, done.stderr
    assert (here / "runs" / "compare-begin" / "report.html").exists()
    same, named = (read_study(here / place) for place in ("runs/compare-begin", "other"))
    for run in same.runs:
        losses = [study.runs[run].series(TRAINING.train_loss)[1] for study in (same, named)]
        assert (losses[0] == losses[1]).all()


EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("compare_resnet.py", ("--norms", "as-is", "group")),
        (
            "compare_transformer.py",
            ("--norms", "as-is", "batch", "--optimizer", "adamw"),
        ),
    ],
)
def test_the_examples_can_be_compared(
    program: Program, here: Path, name: str, more: tuple[str, ...]
) -> None:
    file = EXAMPLES / name
    loss = ("--loss", f"{file}:loss_fn") if "def loss_fn" in file.read_text("utf-8") else ()
    small = ("--lrs", "0.01", "--seeds", "0", "--steps", "3", "--every", "2", "--workers", "1")
    done = program("compare", str(file), *more, *loss, *small, "--out", "out")
    assert done.returncode == 0, done.stderr
    runs = read_study(here / "out").runs.values()
    assert len({run.manifest.initial_weights for run in runs}) == 1
    for run in runs:
        assert run.series(COVARIATE_SHIFT.shift_relative, run.layers[1])[0].tolist() == [0, 2]
        assert not [each for each in run.all_readings if each.quantity == "failed"]
