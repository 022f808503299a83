"""What the source may not call: whatever turns bytes of a file into code that runs."""

import ast
from collections.abc import Iterator
from pathlib import Path

MODULES = frozenset({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"})
"""Reading with these runs code, or takes structures of the interpreter for granted."""

CALLS = frozenset({"eval", "exec", "compile", "__import__"})
ATTRIBUTES = frozenset(
    {"torch.load", "torch.jit.load", "torch.hub.load", "numpy.load", "np.load", "yaml.load",
     "yaml.unsafe_load", "os.system", "os.popen", "pandas.read_pickle", "pd.read_pickle"}
)  # fmt: skip

_LOADING = "studies/comparison/functions.py"
ALLOWED = {(_LOADING, "exec_module"): "the user's own module, named on the command line"}
"""Where the user's code is run, and that it is the user's."""


def forbidden_in(source: Path) -> list[str]:
    """Each place of a package that calls what it may not, as ``file:line: what``."""
    return [
        f"{path.relative_to(source).as_posix()}:{line}: {what}"
        for path in sorted(source.rglob("*.py"))
        for line, what in _found(ast.parse(path.read_text("utf-8")))
        if (path.relative_to(source).as_posix(), what) not in ALLOWED
    ]


def _found(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if name.name.partition(".")[0] in MODULES:
                        yield node.lineno, name.name
            case ast.ImportFrom(module=str(module), names=names):
                if module.partition(".")[0] in MODULES:
                    yield node.lineno, module
                for name in names:
                    if f"{module}.{name.name}" in ATTRIBUTES:
                        yield node.lineno, f"{module}.{name.name}"
            case ast.Call():
                yield from ((node.lineno, what) for what in _called(node))


def _called(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in CALLS or name in ATTRIBUTES:
        yield name
    if name.endswith(".exec_module"):
        yield "exec_module"
    if name.endswith("import_module") and call.args and _is_a_module(call.args[0]):
        yield f"import of {ast.unparse(call.args[0])}"
    for keyword in call.keywords:
        names = {"shell": True, "allow_pickle": True}
        value = getattr(keyword.value, "value", None)
        if keyword.arg in names and value is not False:
            yield f"{keyword.arg}={ast.unparse(keyword.value)}"


def _is_a_module(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and str(argument.value) in MODULES
