"""The documents: their code runs, their links lead somewhere, their commands exist."""

import re
from pathlib import Path

import pytest
import torch
from tests.tolerances import FLOAT32
from torch import nn

import landscope

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


PYTHON = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


def names_around(code: str) -> dict[str, object]:
    """What the README takes for granted."""
    assert code in PYTHON
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    batches = [(torch.randn(16, 4), torch.randint(3, (16,))) for _ in range(300)]
    return {
        "model": model,
        "loss_fn": nn.functional.cross_entropy,
        "inputs": batches[0][0],
        "targets": batches[0][1],
        "optimizer": torch.optim.SGD(model.parameters(), lr=1e-9),
        "loader": batches,
    }


def test_the_readmes_loop_runs_and_its_findings_read_as_sentences(
    capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = (code for code in PYTHON if "landscope.Scope" in code)
    names = names_around(code)
    # The README's budget would look at this little network a few times in as many steps.
    exec(code.replace("budget=0.05", "every=50"), names)
    names["scope"].close()

    assert (tmp_path / "runs" / "mine" / "run.json").exists()
    assert "update" in capsys.readouterr().out.lower()  # with that learning rate nothing moves


def test_the_readmes_loop_without_a_block_measures_each_update() -> None:
    (code,) = (code for code in PYTHON if "scope.before" in code)
    names = names_around(code)
    names["fetch"] = iter(names["loader"]).__next__
    names["steps"] = 6
    scope = landscope.Scope(names["model"], names["loss_fn"], names["optimizer"], every=2)
    exec(code, {**names, "scope": scope})

    assert scope.steps == 6
    agreed = [reading.value for reading in scope.readings if reading.quantity == "agreement"]
    FLOAT32.check(agreed, [1.0] * 3)
    assert not [reading for reading in scope.readings if reading.quantity == "failed"]


def test_the_readmes_functions_run_and_print_a_line_a_layer(capsys) -> None:
    (code,) = (code for code in PYTHON if "landscope.line" in code)
    names = names_around(code)
    exec(code, names)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0", "3"]
    low, high = names["line"].loss_band
    assert 0 < low < high


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_to_a_file(document) -> None:
    targets = re.findall(r"\]\(([^)#]+)", document.read_text("utf-8"))
    missing = [t for t in targets if "://" not in t and not (document.parent / t).exists()]
    assert missing == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (folder / "README.md").read_text("utf-8")))
    assert listed == {page.name for page in folder.glob("*.md")} - {"README.md"}


def test_the_readme_names_targets_that_the_makefile_has() -> None:
    targets = re.findall(r"^make ([\w-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
