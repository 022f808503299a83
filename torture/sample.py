"""A sample: a whole file of one kind, its reader, and everything that may be read from it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np

from landscope.errors import LandscopeError

Verdict = Literal["right", "refused", "unnamed", "traceback", "wrong"]


@dataclass(frozen=True)
class Sample:
    """A file to damage.

    Args:
        path: Where it is, whole.
        read: What landscope reads from it, in words that are equal for equal values alone.
        right: Everything that ``read`` may give without being wrong.
        other: The bytes of another whole file of its kind, whose values are others.
        named: What an error says of where the damage is, besides the file itself.
    """

    path: Path
    read: Callable[[], str]
    right: Collection[str]
    other: bytes
    named: tuple[str, ...] = ()

    def judge(self) -> tuple[Verdict, str]:
        """How landscope takes the file as it is now, and what it said."""
        try:
            answer = self.read()
        except LandscopeError as error:
            named = all(text in error.value for text in (str(self.path), *self.named))
            return "refused" if named else "unnamed", str(error)
        except Exception as error:
            return "traceback", repr(error)
        return "right" if answer in self.right else "wrong", answer


def digest_of(arrays: dict[str, np.ndarray]) -> str:
    """Names, types, shapes and all bits of some arrays, in few letters."""
    hashed = sha256()
    for name, array in sorted(arrays.items()):
        hashed.update(repr((name, str(array.dtype), array.shape)).encode())
        hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()
