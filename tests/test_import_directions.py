"""The rooms' directions: each imports only from rooms to its left, or from the ground floor.

Read from the source, over every import statement wherever it stands, so that an import inside a
function, or one that only a type checker sees, counts as well.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import landscope

SOURCE = Path(landscope.__file__).parent

# Which other rooms a room may import from, besides the ground floor.
LEFT = {
    "study": (),
    "data": ("study",),
    "norms": ("study", "data"),
    "models": ("study", "data", "norms"),
    "training": ("study", "data", "norms", "models"),
    "probes": ("study", "data", "norms", "models", "training"),
    "runs": ("study",),
    # The scope knows neither our models nor our loop.
    # Its readings may be shown as they are made.
    "scope": ("training.step_view", "probes", "runs", "reviewed", "terminal.live_table"),
    # One adapter a file, over the scope alone.
    "integrations": ("scope",),
    # Two rooms side by side, neither of which knows the other.
    "figures": ("study", "runs"),
    "claims": ("study", "runs"),
    # Readings alone, from a store or as they are made.
    "findings": (),
    # What a scope and a recorded run have in common.
    "reviewed": ("findings", "figures"),
    "report": ("study", "runs", "figures", "claims", "findings"),
    "terminal": ("study", "runs", "claims", "findings"),
    "testing": ("study", "data", "norms", "models", "training", "probes", "scope"),
    "measures": (),
    "objective": (),
    "errors": (),
    "cost": (),
    "reading": (),
    "progress": (),
    "notebook": (),
    "device": (),
    "machine": (),
    "regular_file": (),
    "environment": ("",),  # for the version that a record carries
}
GROUND_FLOOR = (
    "errors",
    "cost",
    "reading",
    "progress",
    "environment",
    "device",
    "machine",
    "measures",
    "objective",
    "notebook",
    "regular_file",
)
# Within the ground floor, what is below: the maths knows how to refuse and what it costs.
GROUND_LEFT = {
    "measures": ("errors", "notebook", "objective"),
    "objective": ("errors", "cost"),
    "device": ("errors",),
    "machine": ("device", "objective"),
    "environment": (),
    "errors": (),
    "cost": (),
    "reading": (),
    "progress": (),
    "notebook": (),
    "regular_file": (),
}
CONNECTING = (
    "",
    "__main__",
    "cli",
    "run",
    "resume",
    "publish",
    "conduct",
    "reproduce",
    "compare",
    "recorded_run",
    "run_comparison",
    "comparison_parts",
)
WITHOUT_TORCH = (
    "figures",
    "claims",
    "findings",
    "report",
    "study",
    "runs",
    "terminal",
    "reviewed",
)


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
    return found


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
    # `from room import name` reaches the module `room.name`, or else a name in the room.
    while name not in modules and name:
        name = name.rpartition(".")[0]
    return name


def within(module, places):
    return any(
        module == place or (place != "" and module.startswith(f"{place}.")) for place in places
    )


def wrong_imports(source):
    """Every import that goes the wrong way, as ``importer -> imported``."""
    modules = modules_of(source)
    wrong = []
    for name, path in modules.items():
        room = name.split(".")[0]
        if room in CONNECTING:
            continue
        ground = GROUND_LEFT.get(room, GROUND_FLOOR)
        allowed = (room, *ground, *LEFT.get(room, ()))
        for imported in imports_of(name, path):
            module = own_module(imported, modules)
            if module is not None and not within(module, allowed):
                wrong.append(f"{name} -> {module or 'landscope'}")
    return wrong


def ways_to_torch(source, rooms=WITHOUT_TORCH):
    """Every module of some rooms from which imports lead to torch, with the whole way."""
    modules = modules_of(source)
    imports = {name: imports_of(name, path) for name, path in modules.items()}
    ways = []
    for start in modules:
        if start.split(".")[0] not in rooms:
            continue
        reached, todo = {start}, [(start,)]
        while todo:
            way = todo.pop()
            for imported in imports[way[-1]]:
                if imported.split(".")[0] == "torch":
                    ways.append(" -> ".join([*way, "torch"]))
                module = own_module(imported, modules)
                # The package's own names, and the way from the order to the runs, load torch when
                # they are used and not before; a test below holds them to it.
                if module and module not in reached and module not in CONNECTING:
                    reached.add(module)
                    todo.append((*way, module))
    return ways


def test_every_room_has_its_place():
    """A new room, or a new module beside the rooms, is put somewhere before it is used."""
    rooms = {name.split(".")[0] for name in modules_of(SOURCE)}

    assert rooms == {*LEFT, *CONNECTING}
    assert set(GROUND_LEFT) == set(GROUND_FLOOR)


def test_every_import_goes_to_the_left_or_down():
    assert wrong_imports(SOURCE) == []


def test_what_reads_records_alone_never_imports_torch():
    assert ways_to_torch(SOURCE) == []


def test_the_rooms_that_measure_are_seen_to_import_torch():
    """The search finds what is there."""
    measuring = ("data", "norms", "models", "training", "probes", "scope", "measures", "objective")

    starts = {way.split(" -> ")[0].split(".")[0] for way in ways_to_torch(SOURCE, measuring)}

    assert starts == set(measuring)


def test_the_environment_takes_nothing_but_the_version_from_the_package():
    tree = ast.parse((SOURCE / "environment.py").read_text("utf-8"))
    taken = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "landscope"
    }

    assert taken == {"__version__"}


@pytest.fixture
def house(tmp_path):
    """A small package of the same shape in which every import is right."""
    right = {
        "__init__.py": "",
        "errors.py": "",
        "measures/__init__.py": "",
        "measures/line.py": "import torch\nfrom landscope.errors import UsageError",
        "training/__init__.py": "",
        "training/loop.py": "from landscope.measures.line import line",
        "training/step_view.py": "from landscope.measures import line",
        "probes/__init__.py": "",
        "probes/probe.py": "from landscope.training.step_view import StepView",
        "scope.py": "from landscope.probes.probe import Probe",
        "runs/__init__.py": "from landscope.runs.journal import Journal",
        "runs/journal.py": "import numpy",
        "claims/__init__.py": "from landscope.runs import Journal",
        "figures/__init__.py": "from landscope.runs.journal import Journal",
        "cli.py": "def main():\n    from landscope.training import loop",
    }
    for name, text in right.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_a_house_in_order_has_no_complaint(house):
    assert wrong_imports(house) == []
    assert ways_to_torch(house) == []


@pytest.mark.parametrize(
    ("where", "text", "complaint"),
    [
        ("figures/new.py", "import landscope.claims", "figures.new -> claims"),
        ("claims/new.py", "from landscope import figures", "claims.new -> figures"),
        ("claims/new.py", "from ..figures import draw", "claims.new -> figures"),
        ("claims/__init__.py", "from ..figures import draw", "claims -> figures"),
        (
            "training/new.py",
            "from landscope.probes.probe import Probe",
            "training.new -> probes.probe",
        ),
        (
            "training/new.py",
            "def f():\n    import landscope.runs as r",
            "training.new -> runs",
        ),
        (
            "measures/new.py",
            "if TYPE_CHECKING:\n    from landscope.training.loop import train",
            "measures.new -> training.loop",
        ),
        ("probes/new.py", "import_module('landscope.runs')", "probes.new -> runs"),
        ("probes/new.py", "importlib.import_module('landscope.cli')", "probes.new -> cli"),
        ("probes/new.py", "import landscope\nlandscope.line", "probes.new -> landscope"),
        ("scope.py", "from landscope.training.loop import train", "scope -> training.loop"),
        ("runs/new.py", "from landscope.cli import main", "runs.new -> cli"),
    ],
)
def test_a_planted_wrong_import_is_found(house, where, text, complaint):
    (house / where).write_text(text, "utf-8")

    assert wrong_imports(house) == [complaint]


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("import torch", "figures.new -> torch"),
        ("def f():\n    from torch.nn import Module", "figures.new -> torch"),
        ("from landscope.probes.probe import Probe", "figures.new -> probes.probe -> "),
    ],
)
def test_a_planted_way_to_torch_is_found(house, text, way):
    (house / "figures/new.py").write_text(text, "utf-8")

    (found,) = {found for found in ways_to_torch(house) if found.startswith("figures.new")}
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


RECORDS_ROOMS = """
import importlib, pkgutil, sys

for room in {rooms!r}:
    package = importlib.import_module(f"landscope.{{room}}")
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"landscope.{{room}}."):
        importlib.import_module(module.name)
import landscope.publish, landscope.reproduce, landscope.recorded_run
print("torch" in sys.modules, "matplotlib" in sys.modules)
"""


def test_reading_and_drawing_records_loads_no_torch():
    """As it runs, and not only as it is written: libraries of others included."""
    script = RECORDS_ROOMS.format(rooms=WITHOUT_TORCH)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "True"]
