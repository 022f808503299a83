"""What a scope and the run that it recorded say: the same findings, the same figure, one table."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for, train
from tests.test_text import Cells
from torch import nn

import landscope
from landscope.errors import RecordError
from landscope.findings import find


@pytest.fixture(scope="module")
def scope_and_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[landscope.Scope, landscope.Run]:
    folder = tmp_path_factory.mktemp("runs") / "mine"
    model = network(Kind())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with landscope.Scope(model, loss_fn, optimizer, every=1, to=folder) as scope:
        for inputs, targets in batches(8):
            with scope.step(inputs, targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
                optimizer.step()
    return scope, landscope.Run(folder)


def test_findings_are_those_of_the_readings(
    scope_and_run: tuple[landscope.Scope, landscope.Run],
) -> None:
    scope, run = scope_and_run
    assert scope.findings() == find(scope.readings)
    assert scope.findings() == run.findings()
    assert "gradient-clipped" in [finding.id for finding in scope.findings()]


def test_the_figure_draws_the_scopes_own_loss(
    scope_and_run: tuple[landscope.Scope, landscope.Run],
) -> None:
    scope, run = scope_and_run
    losses = [r.value for r in scope.readings if r.key == "gradient/loss"]
    assert len(losses) == 8
    for figure in (scope.plot(), run.plot()):
        assert isinstance(figure, Figure)
        (line,) = figure.axes[0].lines
        assert np.asarray(line.get_ydata()).tolist() == losses
        assert len(figure.axes) == 9


def test_the_width_is_the_figures(scope_and_run: tuple[landscope.Scope, landscope.Run]) -> None:
    assert scope_and_run[1].plot(width=6.5).get_figwidth() == 6.5


def test_a_run_is_what_was_recorded(
    scope_and_run: tuple[landscope.Scope, landscope.Run],
) -> None:
    scope, run = scope_and_run
    assert list(map(repr, run.readings)) == list(map(repr, scope.readings))  # NaN is not NaN
    assert run.id == "mine"
    assert repr(run) == "Run(mine, finished at step 7, 8 measurements)"
    assert repr(scope).startswith("Scope(Sequential, 8 updates, 8 measurements, ")


def test_a_notebook_shows_the_last_looks_and_the_findings(
    scope_and_run: tuple[landscope.Scope, landscope.Run],
) -> None:
    for shown in scope_and_run:
        cells = Cells(shown._repr_html_()).cells
        assert cells[0] == f"{shown!r}; the last 8 measurements"
        loss = [r.value for r in shown.readings if r.key == "gradient/loss"][-1]
        assert isinstance(loss, float)
        assert float(f"{loss:.3g}") in [float(c) for c in cells if c.replace(".", "").isdigit()]
        assert shown.findings()[0].sentence in cells


def test_a_layer_cannot_put_markup_into_a_notebook() -> None:
    model = nn.Sequential()
    model.add_module("first", nn.Linear(6, 8))
    model.add_module("<script>", nn.Linear(8, 3))
    optimizer = optimizer_for(Kind(), model)
    scope = landscope.Scope(model, loss_fn, optimizer, probes=["covariate_shift"], every=1)
    for inputs, targets in batches(3):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
    text = scope._repr_html_()
    assert "&lt;script&gt;" in text
    assert "<script" not in text


def test_a_run_that_has_not_ended_can_be_looked_at(tmp_path: Path) -> None:
    trained = train(Kind(), updates=3, every=1, to=tmp_path / "mine")
    journal = tmp_path / "mine" / "journal.jsonl"
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]), "utf-8")
    run = landscope.Run(tmp_path / "mine")
    assert trained.scope is not None
    assert list(map(repr, run.readings)) == list(map(repr, trained.scope.readings))
    assert "unfinished" in repr(run)


def test_a_scope_that_has_not_looked_has_no_figure_and_no_findings() -> None:
    model = nn.Linear(6, 3)
    scope = landscope.Scope(model, loss_fn, optimizer_for(Kind(), model))
    assert scope.findings() == []
    assert Cells(scope._repr_html_()).cells == [
        repr(scope),
        "Nothing was measured, so nothing can be said.",
    ]
    with pytest.raises(RecordError, match="no reading that a figure of a run shows"):
        scope.plot()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError):
        landscope.Run(tmp_path)


def test_a_run_is_looked_at_without_torch(tmp_path: Path) -> None:
    train(Kind(), updates=2, every=1, to=tmp_path / "mine")
    script = (
        "import sys, landscope\n"
        f"run = landscope.Run({str(tmp_path / 'mine')!r})\n"
        "run.findings(), run._repr_html_()\n"
        "print(len(run.readings) > 0, 'torch' in sys.modules, 'matplotlib' in sys.modules)\n"
        "run.plot()\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False", "False", "False"]
