"""The documents: their code runs, their links lead somewhere, their commands exist."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def test_the_readmes_python_runs_and_prints_a_line_a_layer(capsys) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    names = {
        "model": model,
        "loss_fn": nn.functional.cross_entropy,
        "inputs": torch.randn(16, 4),
        "targets": torch.randint(3, (16,)),
    }
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
