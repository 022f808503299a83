"""A trial: one case through one door, in a process of its own that is watched."""

import json
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from landscope.errors import LandscopeError
from torture.hostile.watch import Watch

PATIENCE = 20  # seconds until a reader that waits for ever is stopped
_ROOM = 2**31  # bytes of address space above what the process has: the machine stays usable


@dataclass
class Outcome:
    """What came of it.

    Args:
        ended: "shown", "refused" by an error of landscope's, or "crashed" in any other way.
        said: The last line of what was printed, or the error.
        seconds: What the door took.
        peak: Bytes of memory at the peak, above those before.
        code: Code that ran.
        writes: Writes outside of the folders that are allowed.
    """

    ended: str
    said: str = ""
    seconds: float = 0.0
    peak: int = 0
    code: list[str] = field(default_factory=list[str])
    writes: list[str] = field(default_factory=list[str])


def attempt(
    door: Callable[[], None], allowed: list[Path], output: Path, patience: int = PATIENCE
) -> Outcome:
    """Opens a door in a fork of this process.

    Args:
        door: What is done.
        allowed: Folders in which files may be written.
        output: File that takes what is printed.
        patience: Seconds until it is stopped.
    """
    receives, sends = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receives)
            outcome = _within(door, allowed, output, patience)
            os.write(sends, json.dumps(asdict(outcome)).encode())
        finally:
            os._exit(0)
    os.close(sends)
    with os.fdopen(receives, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if told:
        return Outcome(**json.loads(told))
    stopped = os.waitstatus_to_exitcode(status) == -signal.SIGALRM
    said = f"it waited for more than {patience} s" if stopped else f"it died with status {status}"
    return Outcome("crashed", said, seconds=float(patience))


def _within(door: Callable[[], None], allowed: list[Path], output: Path, patience: int) -> Outcome:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    watch = Watch()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(patience)
    _bound_memory()
    before = _reset_peak()
    watch.start(allowed)
    began = time.perf_counter()
    ended, said = _open(door)
    seconds = time.perf_counter() - began
    watch.stop()
    return Outcome(
        ended, said, seconds, _memory("VmHWM") - before, watch.code[:5], watch.writes[:5]
    )


def _open(door: Callable[[], None]) -> tuple[str, str]:
    try:
        door()
    except LandscopeError as error:
        return "refused", str(error)
    except SystemExit as end:
        return ("refused" if end.code in (1, 2) else "crashed"), f"exit code {end.code}"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return "crashed", f"{type(error).__name__} at {where}: {error}"[:300]
    return "shown", ""


def _bound_memory() -> None:
    bound = _memory("VmSize") + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def _reset_peak() -> int:
    """Makes the peak of memory that of now, and gives it."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _memory("VmHWM")


def _memory(name: str) -> int:
    for text in Path("/proc/self/status").read_text("ascii").splitlines():
        if text.startswith(f"{name}:"):
            return int(text.split()[1]) * 1024
    return 0
