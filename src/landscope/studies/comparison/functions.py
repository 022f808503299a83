"""The user's functions, named as ``module:function`` or ``path/file.py:function``."""

import hashlib
import importlib
import importlib.util
import inspect
import shlex
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from landscope.errors import StorageError, UsageError
from landscope.files import expanded
from landscope.studies.comparison.configuration import ComparisonRun


@dataclass(frozen=True, slots=True)
class ImportPath:
    """The place of a function; nothing is loaded yet.

    Args:
        module: Dotted name of a module, or path of a file that ends in ``.py``.
        function: Name of the function in it.
    """

    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"

    @property
    def is_file(self) -> bool:
        """Whether the module is named by the path of its file."""
        return self.module.endswith(".py")

    @property
    def label(self) -> str:
        """Name of the module alone, without folders, packages or ending."""
        return Path(self.module).stem if self.is_file else self.module.rpartition(".")[2]


def parse_path(text: str, function: str) -> ImportPath:
    """Parse the name of a function.

    Args:
        text: ``module:function`` or ``path/to/file.py:function``.
        function: The function meant if ``text`` names only a module.

    Raises:
        UsageError: It has another form.
    """
    # A Windows path has a colon of its own, in the second place.
    module, _, name = text.rpartition(":") if ":" in text[2:] else (text, ":", function)
    if not module or not name.isidentifier():
        raise UsageError(
            f"function {text!r}",
            "a function is named as module:function or path/to/file.py:function",
            f"give mine:{function} or mine.py:{function}, for example",
        )
    return ImportPath(str(expanded(module)) if module.endswith(".py") else module, name)


def load_function(path: ImportPath, *arguments: object) -> Callable[..., Any]:
    """Load a function: this runs the user's file, with its folder and this one importable.

    Args:
        path: Where it is.
        arguments: What it will be called with, of which only their number counts.

    Raises:
        UsageError: There is no such file, module or function; loading it fails; or it does not
            take these arguments.
    """
    module = _load_module(path)
    found = getattr(module, path.function, None)
    if not callable(found):
        there = [
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        raise UsageError(
            str(path),
            f"{path.module} has no function {path.function}",
            f"it has {', '.join(there)}; name one of them" if there else "write it there",
        )
    try:
        inspect.signature(found).bind(*arguments)
    except TypeError as error:
        raise UsageError(
            str(path),
            f"it is called with {len(arguments)} arguments, and does not take them ({error})",
            "see `landscope compare --help` for what each function is given",
        ) from error
    except ValueError:  # a builtin that does not say what it takes
        pass
    return found


@dataclass(frozen=True)
class UserFunctions:
    """The user's functions, loaded.

    Args:
        make_model: Makes the model.
        make_batches: Makes the batches of an epoch.
        loss: ``loss(model, batch)``; None for cross-entropy on (inputs, targets).
        make_optimizer: ``make_optimizer(model, lr)``; None for one of torch's.
    """

    make_model: Callable[[], Any]
    make_batches: Callable[[int], Any]
    loss: Callable[[Any, Any], Any] | None
    make_optimizer: Callable[[Any, float], Any] | None


def load_functions(config: ComparisonRun) -> UserFunctions:
    """Load what a run names: this runs the user's files.

    Raises:
        UsageError: One is not there, does not load, or takes other arguments.
    """
    optimizer = config.optimizer
    loss = parse_path(config.loss, "loss_fn") if config.loss else None
    return UserFunctions(
        load_function(parse_path(config.model, "make_model")),
        load_function(parse_path(config.data, "make_batches"), config.seed),
        None if loss is None else load_function(loss, None, None),
        load_function(parse_path(optimizer, "make_optimizer"), None, config.lr)
        if ":" in optimizer
        else None,
    )


def call(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of the user's; an error names the place where it was raised.

    Raises:
        UsageError: It raised something.
    """
    try:
        return function(*arguments)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            what, f"it fails with {tell_error(error)}", "fix it and start again"
        ) from error


def code_digest(path: ImportPath) -> str:
    """SHA-256 of the file that a loaded function is in; empty where it has none.

    Args:
        path: Of a function that ``load_function`` has loaded.
    """
    source = getattr(_load_module(path), "__file__", None)
    if source is None:
        return ""
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def code_digests(names: Iterable[str]) -> list[str]:
    """SHA-256 of each file in which these functions are, sorted.

    Args:
        names: As ``parse_path`` takes them, of functions that ``load_function`` has loaded.
    """
    paths = [parse_path(name, "") for name in names]
    return sorted({path.module: code_digest(path) for path in paths}.values())


def tell_error(error: BaseException) -> str:
    """An error in the user's code, on one line with its place."""
    lines = str(error).strip().splitlines()
    told = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_installed(frame.filename)]
    if not own:
        return told
    return f"{told}, at line {own[-1].lineno} of {Path(own[-1].filename).name}"


def _is_installed(file: str) -> bool:
    """Whether a file is of a package or of Python, and not the user's."""
    return (
        "site-packages" in file
        or "importlib" in file
        or Path(__file__).parents[2] in Path(file).parents
        or file.startswith("<")
    )


def _load_module(path: ImportPath) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        return _load_file(Path(path.module)) if path.is_file else _import(path.module)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            str(path), f"loading it fails with {tell_error(error)}", "fix it and start again"
        ) from error


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # it exists, but something that it imports does not
        raise UsageError(
            f"module {name!r}",
            f"there is no such module in {Path.cwd()} or installed",
            "check its name, or give the path of its file, which ends in .py",
        ) from error


def _load_file(file: Path) -> ModuleType:
    """The file's module, under its own name where that is free, so that processes find it."""
    if not file.is_file():
        raise UsageError(str(file), "there is no such file", "check the path")
    file = file.resolve()
    _make_importable(file.parent)
    known = sys.modules.get(file.stem)
    # A name with a dot would be that of a module within another.
    if (
        known is None
        and file.stem.isidentifier()
        and importlib.util.find_spec(file.stem) is not None
    ):
        known = importlib.import_module(file.stem)
    if known is not None and _source_of(known) == file:
        return known
    name = f"{file.stem}@{file.parent}"  # the name is another module's
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise UsageError(str(file), "Python cannot load it", "give a file with Python code")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _source_of(module: ModuleType) -> Path | None:
    source = getattr(module, "__file__", None)
    return None if source is None else Path(source).resolve()


def _make_importable(folder: Path) -> None:
    """Modules in the folder come before what is installed, and after the standard library.

    A file there may be called types.py or queue.py, and workers begin with this very path.
    """
    if str(folder) not in sys.path:
        own = sysconfig.get_paths()
        standard = (own["stdlib"], own["platstdlib"], str(Path(own["platstdlib"]) / "lib-dynload"))
        places = [place for place, entry in enumerate(sys.path, 1) if entry in standard]
        sys.path.insert(max(places, default=len(sys.path)), str(folder))


def write_starter(file: Path) -> str:
    """Write the commented file, and give the command that runs it as it is.

    Raises:
        UsageError: The file exists, or its name does not end in ``.py``.
        StorageError: It cannot be written.
    """
    if file.suffix != ".py" or not file.stem:
        raise UsageError(
            str(file), "Python loads a file that ends in .py", f"give {file.stem or 'mine'}.py"
        )
    text = resources.files(__name__.rpartition(".")[0]).joinpath("starter.txt").read_text("utf-8")
    try:
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text.replace("THIS_FILE", shlex.quote(str(file))))
    except FileExistsError as error:
        raise UsageError(
            str(file), "it exists and is never overwritten", "give another name"
        ) from error
    except OSError as error:
        raise StorageError(
            str(file), f"it cannot be written ({error.strerror})", "choose a folder that exists"
        ) from error
    return f"landscope compare {shlex.quote(str(file))} --norms as-is none group --steps 100"
