"""The directions of imports: a package imports only from packages above it in one listing.

Read from the source, over every import statement wherever it is, so that an import inside a
function, or one that only a type checker sees, counts as well.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import landscope

SOURCE = Path(landscope.__file__).parent

# What each package may import from, besides itself. A part of a package may have a row of its own;
# of the rows whose names fit a module, the longest is the module's.
MAY_IMPORT = {
    "errors": (),
    "cost": (),
    "reading": (),
    "quantities": ("reading",),
    "files": (),
    "text": (),
    "norms.names": (),
    "objective": ("errors", "cost"),
    "measures": ("errors", "text", "objective"),
    "data": ("errors", "files"),
    "norms": ("errors", "measures", "objective"),
    "models": ("errors", "norms"),
    "probes": ("errors", "cost", "reading", "quantities", "measures", "objective"),
    "runs": ("errors", "reading", "quantities", "files"),
    "findings": ("reading", "quantities", "text"),
    "figures": ("errors", "reading", "quantities", "text", "norms.names", "runs"),
    "report": ("errors", "reading", "text", "runs", "findings", "figures"),
    "terminal.findings": ("text", "findings"),
    "terminal.live_table": ("reading", "quantities", "text", "findings", "terminal.findings"),
    "scope": (
        "errors",
        "cost",
        "reading",
        "quantities",
        "measures",
        "objective",
        "probes",
        "runs",
        "report",
        "terminal.live_table",
    ),
    # The engine and the contract know no kind of study, and no kind knows another.
    "studies": (
        "errors",
        "cost",
        "reading",
        "quantities",
        "objective",
        "runs",
        "figures",
        "report",
        "scope",
    ),
    "studies.santurkar2018": (
        "errors",
        "cost",
        "reading",
        "quantities",
        "text",
        "measures",
        "objective",
        "data",
        "norms",
        "norms.names",
        "models",
        "probes",
        "runs",
        "figures",
        "report",
        "scope",
        "studies",
    ),
    "studies.comparison": (
        "errors",
        "reading",
        "quantities",
        "files",
        "text",
        "objective",
        "norms",
        "norms.names",
        "runs",
        "figures",
        "report",
        "scope",
        "studies",
    ),
    "terminal": (
        "errors",
        "cost",
        "reading",
        "quantities",
        "text",
        "runs",
        "findings",
        "report",
        "terminal.findings",
        "studies",
        "studies.santurkar2018",
    ),
    "integrations": ("errors", "reading", "files", "objective", "scope"),
    "testing": (
        "errors",
        "reading",
        "measures",
        "objective",
        "data",
        "norms",
        "models",
        "probes",
        "scope",
    ),
    # What users import from the package itself.
    "": (
        "errors",
        "cost",
        "reading",
        "measures",
        "data",
        "norms",
        "probes",
        "findings",
        "report",
        "scope",
        "testing",
    ),
    "cli": (
        "",
        "errors",
        "files",
        "runs",
        "studies",
        "studies.santurkar2018",
        "studies.comparison",
        "terminal",
    ),
    "__main__": ("cli",),
}

# What reads records alone, and so never loads torch.
WITHOUT_TORCH = (
    "norms.names",
    "runs",
    "findings",
    "figures",
    "report",
    "terminal",
    "studies.kind",
    "studies.listener",
    "studies.publish",
    "studies.execution",
    "studies.santurkar2018.study",
    "studies.santurkar2018.claims",
    "studies.santurkar2018.report",
    "studies.comparison.study",
    "studies.comparison.claims",
    "studies.comparison.report",
    "studies.comparison.functions",
)
# The way from a study to its training, which is taken only when one is run.
LATE = ("studies.machine", "studies.santurkar2018.training", "studies.comparison.training")


def module_name(path, source):
    parts = list(path.relative_to(source).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_of(source):
    """Paths by name, the package's own name left out; the package itself is the empty name."""
    return {module_name(path, source): path for path in sorted(source.rglob("*.py"))}


def imports_of(name, path):
    """Full names of what a module imports: modules, and what may be modules, beside its own."""
    package = ["landscope", *filter(None, name.split("."))]
    if path.name != "__init__.py":
        package = package[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            found += [f"{origin}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            found.append(node.args[0].value)
    # The version is a plain constant beside the names that users import, and loads none of them.
    return [imported for imported in found if imported != "landscope.__version__"]


def _imports_by_name(call):
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    constant = bool(call.args) and isinstance(call.args[0], ast.Constant)
    return called in ("import_module", "__import__") and constant


def own_module(imported, modules):
    """The module of landscope that an import reaches, the package itself included; or None."""
    if imported.split(".")[0] != "landscope":
        return None
    name = imported.removeprefix("landscope").removeprefix(".")
    # `from package import name` reaches the module `package.name`, or else a name in the package.
    while name not in modules and name:
        name = name.rpartition(".")[0]
    return name


def within(module, places):
    return any(
        module == place or (place != "" and module.startswith(f"{place}.")) for place in places
    )


def place_of(module):
    """The row of the listing that a module belongs to; None where it has none."""
    fitting = [place for place in MAY_IMPORT if within(module, [place])]
    return max(fitting, key=len, default=None)


def wrong_imports(source):
    """Every import that goes the wrong way, as ``importer -> imported``."""
    modules = modules_of(source)
    wrong = []
    for name, path in modules.items():
        place = place_of(name)
        for imported in imports_of(name, path):
            module = own_module(imported, modules)
            if module is None:
                continue
            if place is None or place_of(module) not in (place, *MAY_IMPORT[place]):
                wrong.append(f"{name} -> {module or 'landscope'}")
    return wrong


def ways_to_torch(source, starts=WITHOUT_TORCH):
    """Every module of some packages from which imports lead to torch, with the whole way."""
    modules = modules_of(source)
    imports = {name: imports_of(name, path) for name, path in modules.items()}
    ways = []
    for start in modules:
        if not within(start, starts):
            continue
        reached, todo = {start}, [(start,)]
        while todo:
            way = todo.pop()
            for imported in imports[way[-1]]:
                if imported.split(".")[0] == "torch":
                    ways.append(" -> ".join([*way, "torch"]))
                module = own_module(imported, modules)
                if module and module not in reached and not within(module, LATE):
                    reached.add(module)
                    todo.append((*way, module))
    return ways


def test_every_module_has_its_place_in_the_listing():
    assert [name for name in modules_of(SOURCE) if place_of(name) is None] == []


def test_every_row_names_rows_above_it():
    rows = list(MAY_IMPORT)
    below = [
        f"{row} -> {name}"
        for at, row in enumerate(rows)
        for name in MAY_IMPORT[row]
        if name not in rows[:at]
    ]
    assert below == []


def test_every_import_goes_up_the_listing():
    assert wrong_imports(SOURCE) == []


def test_what_reads_records_alone_never_imports_torch():
    assert ways_to_torch(SOURCE) == []


def test_the_packages_that_measure_are_seen_to_import_torch():
    """The search finds what is there."""
    measuring = ("data", "norms", "models", "probes", "scope", "measures", "objective")

    starts = {way.split(" -> ")[0].split(".")[0] for way in ways_to_torch(SOURCE, measuring)}

    assert starts == set(measuring)


@pytest.fixture
def package(tmp_path):
    """A small package of the same shape in which every import is right."""
    right = {
        "__init__.py": "__version__ = '1'",
        "errors.py": "",
        "environment.py": "from landscope import __version__",
        "measures/__init__.py": "",
        "measures/line.py": "import torch\nfrom landscope.errors import UsageError",
        "probes/__init__.py": "",
        "probes/probe.py": "from landscope.measures.line import line",
        "scope.py": "from landscope.probes.probe import Probe",
        "runs/__init__.py": "from landscope.runs.journal import Journal",
        "runs/journal.py": "import numpy",
        "figures/__init__.py": "from landscope.runs.journal import Journal",
        "studies/__init__.py": "",
        "studies/engine.py": "from landscope.runs import Journal",
        "cli.py": "def main():\n    from landscope.studies import engine",
    }
    for name, text in right.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_a_package_in_order_has_no_complaint(package):
    assert wrong_imports(package) == []
    assert ways_to_torch(package) == []


@pytest.mark.parametrize(
    ("where", "text", "complaint"),
    [
        ("figures/new.py", "import landscope.studies", "figures.new -> studies"),
        ("figures/new.py", "from landscope import studies", "figures.new -> studies"),
        ("runs/new.py", "from ..figures import draw", "runs.new -> figures"),
        ("runs/__init__.py", "from ..figures import draw", "runs -> figures"),
        ("probes/new.py", "def f():\n    import landscope.runs as r", "probes.new -> runs"),
        (
            "measures/new.py",
            "if TYPE_CHECKING:\n    from landscope.studies.engine import run",
            "measures.new -> studies.engine",
        ),
        ("probes/new.py", "import_module('landscope.runs')", "probes.new -> runs"),
        ("probes/new.py", "importlib.import_module('landscope.cli')", "probes.new -> cli"),
        ("probes/new.py", "import landscope\nlandscope.line", "probes.new -> landscope"),
        ("scope.py", "from landscope.studies.engine import run", "scope -> studies.engine"),
        ("runs/new.py", "from landscope.cli import main", "runs.new -> cli"),
        ("new.py", "from landscope.runs import Journal", "new -> runs"),
    ],
)
def test_a_planted_wrong_import_is_found(package, where, text, complaint):
    (package / where).write_text(text, "utf-8")

    assert wrong_imports(package) == [complaint]


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("import torch", "figures.new -> torch"),
        ("def f():\n    from torch.nn import Module", "figures.new -> torch"),
        ("from landscope.probes.probe import Probe", "figures.new -> probes.probe -> "),
    ],
)
def test_a_planted_way_to_torch_is_found(package, text, way):
    (package / "figures/new.py").write_text(text, "utf-8")

    (found,) = {found for found in ways_to_torch(package) if found.startswith("figures.new")}
    assert found.startswith(way)
    assert found.endswith(" -> torch")


HEAVY = ("torch", "matplotlib", "plotly", "scipy", "safetensors", "pooch", "tqdm")

HELP = """
import contextlib, io, sys
import landscope.cli

printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    landscope.cli.main(["--help"])
assert "reproduce" in printed.getvalue(), printed.getvalue()
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_the_help_loads_nothing_that_measures_or_draws():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())

    assert "landscope" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_help_is_there_and_exits_with_0():
    done = subprocess.run(
        [sys.executable, "-m", "landscope", "--help"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "reproduce" in done.stdout


READERS = """
import importlib, pkgutil, sys

for name in {names!r}:
    package = importlib.import_module(f"landscope.{{name}}")
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"landscope.{{name}}."):
        importlib.import_module(module.name)
print("torch" in sys.modules, "matplotlib" in sys.modules)
"""


def test_reading_and_drawing_records_loads_no_torch():
    """As it runs, and not only as it is written: libraries of others included."""
    script = READERS.format(names=WITHOUT_TORCH)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "True"]
