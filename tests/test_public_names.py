"""The package's public face: its names, its modules, its tables of names, and its errors."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import landscope
from landscope import cli, errors
from landscope.data import DATASETS
from landscope.errors import LandscopeError
from landscope.models.table import MODELS, build
from landscope.norms.names import NormName
from landscope.norms.table import NORMS
from landscope.probes import covariate_shift, distribution, line, optimum, theory
from landscope.studies.santurkar2018.experiments import PRESETS, Family, ProbeName, load_preset
from landscope.studies.santurkar2018.losses import loss_for

SOURCE = Path(landscope.__file__).parent
ROOT = Path(__file__).parents[1]
NAMES = sorted(landscope._HOMES)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(landscope.__path__, "landscope.")
    if module.name != "landscope.__main__"
)


def test_what_is_promised_is_what_can_be_had():
    assert {*landscope._HOMES, *landscope._PACKAGES, "__version__"} == set(landscope.__all__)
    assert dir(landscope) == sorted(landscope.__all__)
    assert list(landscope.__all__) == sorted(landscope.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_imported_from_its_home_and_says_what_it_is(name):
    found = getattr(landscope, name)

    assert found is getattr(importlib.import_module(landscope._HOMES[name]), name)
    assert found.__module__ == landscope._HOMES[name]
    # A dataclass without a docstring gets one that only repeats its fields.
    written = inspect.getdoc(found)
    assert written
    assert not written.startswith(f"{name}(")


def test_the_type_checker_sees_the_same_names():
    tree = ast.parse((SOURCE / "__init__.py").read_text("utf-8"))
    (checking,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: statement.module
        for statement in checking.body
        for alias in statement.names
        if alias.asname == alias.name
    }

    assert ast.unparse(checking.test) == "TYPE_CHECKING"
    assert seen == landscope._HOMES | dict.fromkeys(landscope._PACKAGES, "landscope")


@pytest.mark.parametrize("name", landscope._PACKAGES)
def test_every_public_package_has_what_it_promises(name):
    package = getattr(landscope, name)

    assert package is importlib.import_module(f"landscope.{name}")
    assert package.__all__ == sorted(package.__all__, key=_as_ruff_sorts)
    assert [each for each in package.__all__ if not hasattr(package, each)] == []


def _as_ruff_sorts(name):
    return (not name.isupper(), not name[0].isupper(), name)


@pytest.mark.parametrize(
    "expression",
    [
        "Probe",
        "StepView",
        "Cost",
        "Work",
        "Reading",
        "Status",
        "Axis",
        "Writer",
        "EverySteps",
        "FirstStep",
        "probes.Gradient",
        "testing.ProbeConformance",
        "replace_norms",
        "testing.NormConformance",
        "testing.EXACT64",
        "Run",
        "findings.find",
        "findings.Finding",
        "data.load",
    ],
)
def test_what_a_probe_a_norm_or_an_analysis_needs_is_at_most_one_level_below(expression):
    """In a process of its own, where nothing but the package has been imported."""
    script = f"import landscope; landscope.{expression}"
    subprocess.run([sys.executable, "-c", script], check=True)


def deep_imports(text):
    """Modules of landscope more than one level below it from which a text imports."""
    return [
        name for name in re.findall(r"from landscope((?:\.\w+)*) import", text) if "." in name[1:]
    ]


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*")]


@pytest.mark.parametrize("page", [p for p in PAGES if p.is_file()], ids=lambda page: page.name)
def test_documents_and_examples_use_the_public_face(page):
    # Each adapter to another library has a module of its own, which loads that library.
    found = deep_imports(page.read_text("utf-8"))
    assert [name for name in found if not name.startswith(".integrations.")] == []


def test_a_deep_import_is_seen():
    assert deep_imports("from landscope.probes.probe import Probe") == [".probes.probe"]
    assert deep_imports("from landscope.probes import Probe\nfrom landscope import Cost") == []


def test_the_readme_has_a_row_for_each_public_function():
    text = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `landscope\.([\w.]+)` \|", text, re.MULTILINE)
    functions = [name for name in NAMES if inspect.isfunction(getattr(landscope, name))]
    assert sorted(rows) == sorted([*functions, "findings.find"])


def test_the_version_is_one():
    assert [part.isdigit() for part in landscope.__version__.split(".")] == [True] * 3


def test_a_name_that_is_not_there_is_refused_as_everywhere():
    with pytest.raises(AttributeError, match="module 'landscope' has no attribute 'lines'"):
        _ = landscope.lines


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported_and_has_a_docstring(name):
    assert importlib.import_module(name).__doc__


def test_the_modules_are_all_of_the_files():
    files = {path for path in SOURCE.rglob("*.py") if path.name != "__main__.py"}
    found = {Path(importlib.import_module(name).__file__) for name in MODULES}

    assert found == files - {SOURCE / "__init__.py"}


def test_the_norms_of_a_configuration_are_those_of_the_table():
    assert set(get_args(NormName)) == set(NORMS)


def test_each_family_of_a_configuration_has_its_loss():
    assert {loss_for(family).name for family in get_args(Family)} == {
        "cross-entropy",
        "squared-error",
    }


def test_each_probe_of_a_configuration_has_its_file():
    rooms = (covariate_shift, distribution, line, optimum, theory)

    files = {room.__name__.rpartition(".")[2] for room in rooms}
    assert set(get_args(ProbeName)) - {"reference_lines"} == files
    assert {"PaperLine", "FixedLine", "RandomLine"} <= set(vars(line))  # the lines share a file


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_names_models_and_data_that_there_are(name):
    preset = load_preset(name)
    for family in (preset.vgg, preset.dln):
        assert family.data in DATASETS
        assert build(family.model) is not None
    assert preset.vgg.model in MODELS


def families():
    """Every error that landscope raises on its own account, the family's head included."""
    found, todo = [], [LandscopeError]
    while todo:
        found.append(todo.pop())
        todo += found[-1].__subclasses__()
    return found


@pytest.mark.parametrize("family", families(), ids=lambda family: family.__name__)
def test_each_error_ends_the_command_with_its_code_and_one_line(family, monkeypatch, capsys):
    def refuse(*args, **kwargs):
        raise family("lr = -1", "a step size is positive", "give --lr a number above 0")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main(["show", "runs"])

    assert (
        ended.value.code == (2 if issubclass(family, errors.UsageError) else 1) == family.exit_code
    )
    printed = capsys.readouterr()
    assert printed.out == ""
    assert " ".join(printed.err.split()) == (
        "landscope: lr = -1: a step size is positive; give --lr a number above 0"
    )


def test_the_head_of_the_family_is_caught_wherever_an_error_is():
    assert {family.__name__ for family in families()} == {
        name
        for name, found in vars(errors).items()
        if inspect.isclass(found) and found.__module__ == errors.__name__
    }
    assert issubclass(errors.UsageError, ValueError)


# What landscope raises beside its own family, each where nobody but its own code sees it or where
# Python asks for it: where it stands, so that a new one is looked at.
OTHER_RAISES = {
    ("__init__", "AttributeError"),  # Python asks for it
    ("terminal.options", "CoercionError"),  # the command line's own, told as misuse
    ("testing.norms", "AssertionError"),  # a suite fails by them
    ("testing.norms", "NotImplementedError"),
    ("testing.probes", "AssertionError"),
    ("testing.probes", "NotImplementedError"),
    ("testing.tolerances", "AssertionError"),
    ("objective.substitution", "TypeError"),  # told as a model without a shadow
    ("objective.moved", "RuntimeError"),  # then the pass runs whole
    ("data.contents", "EOFError"),  # caught in the same room and told as a DataError
    ("runs.body", "ShapeError"),  # likewise, as a RecordError or a UsageError
    ("runs.line", "DamagedLine"),
    ("runs.line", "MisplacedLine"),
    ("runs.line", "NewerLine"),
    ("runs.line", "ValueError"),
    ("runs.manifest", "ValueError"),
    ("studies.comparison.records", "ValueError"),
    ("files", "NotRegularError"),  # told by whoever reads the file
    ("runs.journal", "FileNotFoundError"),  # likewise, as a StorageError
    ("studies.packing", "CannotPack"),  # told as a run without checkpoints
    ("studies.packing", "CannotUnpack"),  # and these as a state that does not come back
    ("studies.packing", "ValueError"),
    ("studies.comparison.batches", "ValueError"),
    ("studies.comparison.training", "Diverged"),  # a result, which the engine writes down
    ("studies.santurkar2018.training", "Diverged"),
    ("studies.training_state", "ValueError"),
}


def raises_of(path):
    """Names of the classes that a file raises; what a function makes or passes on is left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            if name[0].isupper():
                yield name


def test_what_is_raised_is_of_the_family_or_accounted_for():
    own = {family.__name__ for family in families()}
    found = {
        (".".join(path.relative_to(SOURCE).with_suffix("").parts), name)
        for path in SOURCE.rglob("*.py")
        for name in raises_of(path)
        if name not in own
    }

    assert found == OTHER_RAISES
