"""A case: something hostile in a study, and the doors through which it is met."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Base = Literal["paper", "comparison", "data"]


@dataclass(frozen=True)
class Case:
    """One hostile folder.

    Args:
        name: What is hostile in it.
        base: The honest folder that it is made of.
        plant: ``plant(folder, outside)`` puts it there.
        doors: Those that meet it.
        folder: Name of the folder.
    """

    name: str
    base: Base
    plant: Callable[[Path, Path], None]
    doors: tuple[str, ...]
    folder: str = "study"
