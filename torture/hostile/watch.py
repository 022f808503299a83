"""The audit hook: sees code that runs, processes, sockets, and writes outside of their place."""

# Paths are looked at as the system sees them.
# ruff: noqa: PTH117, PTH118, PTH119, PTH120

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import landscope
from torture.hostile.marks import CANARY

_CODE = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.startfile",
         "subprocess.Popen", "pickle.find_class", "pty.spawn", "code.__new__")  # fmt: skip
_PATHS = ("os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.truncate", "os.utime",
          "os.mkfifo", "os.mknod")  # fmt: skip
_TWO_PATHS = ("os.rename", "os.link", "os.symlink")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """Notes what must not happen, from ``start`` on; a hook cannot be taken off a process again.

    Attributes:
        code: Code that ran, and what could run some: a process, a socket, an unpickled class.
        writes: Paths outside of the allowed folders that were opened for writing or changed.
    """

    def __init__(self) -> None:
        self.code: list[str] = []
        self.writes: list[str] = []
        self._allowed: tuple[str, ...] = ()
        self._on = False
        self._trusted = tuple(
            os.path.realpath(folder)
            for folder in (
                *sysconfig.get_paths().values(),
                sys.base_prefix,
                sys.prefix,
                Path(landscope.__file__).parent,
                Path(__file__).parents[1],
            )
        )

    def start(self, allowed: Sequence[Path]) -> None:
        """Watch from now on.

        Args:
            allowed: Folders in which files may be written.
        """
        self._allowed = tuple(os.path.realpath(folder) for folder in allowed)
        sys.addaudithook(self._hear)
        self._on = True

    def stop(self) -> None:
        """Look away."""
        self._on = False

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._on:
            return
        self._on = False  # what is done here is not watched
        try:
            self._judge(event, args, sys._getframe(1).f_code.co_filename)
        finally:
            self._on = True

    def _judge(self, event: str, args: tuple[Any, ...], caller: str) -> None:
        if event in ("exec", "compile"):
            self._judge_code(event, args, caller)
        elif event == "marshal.loads" and not caller.startswith("<frozen importlib"):
            self.code.append(event)
        elif event == "ctypes.dlopen" and args[0] and not self._trusts(str(args[0])):
            self.code.append(f"{event} {args[0]!r}")
        elif event in _CODE or event.startswith("socket."):
            self.code.append(f"{event} {args!r:.200}")
        elif event == "open":
            self._judge_open(*args)
        elif event in _PATHS:
            self._judge_path(event, args[0])
        elif event in _TWO_PATHS:
            for path in args[:2] if event == "os.rename" else args[1:2]:
                self._judge_path(event, path)

    def _judge_code(self, event: str, args: tuple[Any, ...], caller: str) -> None:
        if event == "exec":
            code: CodeType = args[0]
            name, text = code.co_filename, repr((code.co_consts, code.co_names))
        else:
            name, text = str(args[1]), repr(args[0])
        made = name.startswith("<") or not os.path.isabs(name)  # of no file: its maker counts
        if CANARY in text or not self._trusts(caller if made else name):
            self.code.append(f"{event} {name!r} from {caller}")

    def _judge_open(self, path: Any, mode: Any, flags: Any) -> None:
        writes = isinstance(flags, int) and flags & _WRITES
        if writes and not isinstance(path, int):
            self._judge_path(f"open {mode}", path, follow=not flags & getattr(os, "O_NOFOLLOW", 0))

    def _judge_path(self, event: str, path: Any, *, follow: bool = False) -> None:
        name = os.fsdecode(path)
        folder = os.path.realpath(os.path.dirname(name) or ".")
        real = os.path.realpath(name) if follow else os.path.join(folder, os.path.basename(name))
        if real != os.devnull and not any(_within(real, root) for root in self._allowed):
            self.writes.append(f"{event} {real}")

    def _trusts(self, name: str) -> bool:
        return name.startswith("<frozen") or any(
            _within(os.path.realpath(name), root) for root in self._trusted
        )


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(root + os.sep)
