"""The adapters' packages: loaded when an adapter is, asked for where they are missing."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import landscope.integrations
from landscope.errors import UsageError

ROOM = Path(landscope.integrations.__file__).parent
# By adapter: the packages that it may load, what pip calls the missing one, and landscope's extra.
ADAPTERS = {
    "lightning": (("lightning",), "lightning", "lightning"),
    "huggingface": (("transformers", "accelerate"), "transformers", "huggingface"),
    "tensorboard": (("tensorboard", "torch.utils.tensorboard"), "tensorboard", "tensorboard"),
    "wandb": (("wandb",), "wandb", "wandb"),
    "trackio": (("trackio",), "trackio", "trackio"),
}
SHARED = {"missing", "series"}
PACKAGES = {"lightning", "transformers", "accelerate", "tensorboard", "wandb", "trackio"}

LOADED = """
import sys

import landscope
import landscope.integrations
import landscope.integrations.series
{all}
print(*sorted({{name.split(".")[0] for name in sys.modules}}))
"""


@pytest.mark.parametrize(
    "everything", ["", "for name in landscope.__all__: getattr(landscope, name)"]
)
def test_landscope_loads_none_of_the_packages(everything):
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(all=everything)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(done.stdout.split()).isdisjoint(PACKAGES)


def test_each_adapter_has_its_row():
    assert {path.stem for path in ROOM.glob("*.py")} == {*ADAPTERS, *SHARED, "__init__"}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_no_adapter_knows_another(adapter):
    tree = ast.parse((ROOM / f"{adapter}.py").read_text("utf-8"))
    known = {
        node.module.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("landscope.integrations.")
    }

    assert known <= SHARED


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_package_is_told_with_how_to_install_it(adapter, monkeypatch):
    packages, package, extra = ADAPTERS[adapter]
    for name in list(sys.modules):
        if any(name == p or name.startswith(f"{p}.") for p in packages):
            monkeypatch.delitem(sys.modules, name)
    for name in packages[:1]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"landscope.integrations.{adapter}", raising=False)

    with pytest.raises(UsageError) as refused:
        importlib.import_module(f"landscope.integrations.{adapter}")

    assert str(refused.value) == (
        f"the package {package}: landscope's adapter to {package} needs it, and it is not "
        f"installed; install it with `pip install 'landscope[{extra}]'`"
    )
    assert isinstance(refused.value.__cause__, ModuleNotFoundError)


def test_every_extra_is_declared_and_tested():
    declared = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    extras = declared["project"]["optional-dependencies"]

    for _, package, extra in ADAPTERS.values():
        assert any(line.startswith(package) for line in extras[extra])
        assert set(extras[extra]) <= set(extras["dev"])
