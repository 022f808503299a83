"""What a kind of study is: its runs, its training, its figures, claims and report; and which are.

A kind is a folder here and one row of ``KINDS``; nothing else knows its name.
"""

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from landscope.cost import ProbeCost
from landscope.errors import RecordError, UsageError
from landscope.reading import Reading

if TYPE_CHECKING:
    from landscope.figures.spec import FigureSpec
    from landscope.report.content import Answer, StudyPage
    from landscope.runs import StudyRecords
    from landscope.studies.machine import Machine

KINDS: dict[str, str] = {
    "santurkar2018": "landscope.studies.santurkar2018.study:Santurkar2018",
    "comparison": "landscope.studies.comparison.study:Comparison",
}
"""Each kind of study by its name in the manifest: the class that says all of it."""

SEEDS = 2**63
"""Seeds are below it, so that steps can be added to them and PyTorch still takes them."""

CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints: the most that a stop costs, unless a checkpoint takes long itself."""


class Frozen(BaseModel):
    """A value: it cannot change, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def digest(self) -> str:
        """SHA-256 of all its fields: equal for equal values, whatever they are called elsewhere."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()


@runtime_checkable
class RunConfig(Protocol):
    """The configuration of one run, a ``Frozen`` value."""

    @property
    def id(self) -> str:
        """Name of the run in its study, and of its folder."""
        ...

    @property
    def seed(self) -> int:
        """From which all of its random streams are derived."""
        ...

    @property
    def steps(self) -> int:
        """Updates by the optimiser."""
        ...

    @property
    def digest(self) -> str:
        """Tells it from every other."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """All fields as plain values."""
        ...


def check_seed(seed: int) -> None:
    """Refuse a seed that is not one of PyTorch's.

    Raises:
        UsageError: It is negative, or has more than 63 bits.
    """
    if not 0 <= seed < SEEDS:
        raise UsageError(f"seed = {seed}", "a seed is 0 or more, below 2^63", "give 0, for one")


@dataclass(frozen=True)
class Order:
    """Where and how a study is run.

    Args:
        out: Folder of the study.
        device: As torch names it; None for the first GPU, else the CPU.
        workers: Runs side by side; None for one a CPU core, or one on a GPU.
        only: Ids of the runs to do; all that are left where empty.
        checkpoint_every: Seconds between two checkpoints of a run, at least; more where they would
            take over a twentieth of the time. 0 for one after every step, infinity for none.
        accept_changes: Whether it goes on under another version, device or number of threads.

    Raises:
        UsageError: A number has no meaning.
    """

    out: Path
    device: str | None = None
    workers: int | None = None
    only: tuple[str, ...] = ()
    checkpoint_every: float = CHECKPOINT_SECONDS
    accept_changes: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(
                f"workers = {self.workers}",
                "at least one run at a time",
                "give --workers 1 or more",
            )
        if math.isnan(self.checkpoint_every) or self.checkpoint_every < 0:
            raise UsageError(
                f"checkpoint-every = {self.checkpoint_every:g}",
                "it is a number of seconds, at least 0",
                "give 30 for one every half minute, 0 for one after each step, or inf for none",
            )


class Diverged(Exception):  # noqa: N818 (a result, and no error)
    """The loss of a training has stopped being finite.

    Args:
        step: At which.
    """

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


class Training(ABC):
    """One training as it is at its first step.

    Attributes:
        layers: Names in the order of execution.
    """

    layers: list[str]

    @property
    def facts(self) -> dict[str, Any]:
        """What the run's manifest says besides, as plain values."""
        return {}

    @abstractmethod
    def measured(self, write: Callable[[Reading], None]) -> AbstractContextManager[Any]:
        """A block in which the training is measured, and readings are given to ``write``."""

    @abstractmethod
    def parts(self) -> Mapping[str, Any]:
        """All that the coming steps depend on, by name: each has a ``state_dict`` as in torch."""

    @abstractmethod
    def steps(self, start: int) -> Iterator[int]:
        """Train from a step on; gives after each how many there have been.

        Raises:
            Diverged: The loss is not finite any more.
        """

    def end(self, step: int) -> dict[str, Any] | None:
        """After the last step, not measured any more: write what is left; the weights to be kept.

        Args:
            step: Steps that there were; the one at which it diverged.
        """
        del step


class Settings(NamedTuple):
    """The types of what a manifest says of a study of a kind, and of each of its runs."""

    study: type[BaseModel]
    run: type[BaseModel]


class TextTable(NamedTuple):
    """A table in the terminal.

    Args:
        headings: Of the columns.
        names: How many columns from the left are names; the others are numbers.
        rows: As many cells each.
    """

    headings: tuple[str, ...]
    names: int
    rows: list[tuple[str, ...]]


class Kind(ABC):
    """A kind of study; an instance of it is one such study, as it is asked for.

    What is asked of the class itself is how the records of such a study are read: without torch.

    Attributes:
        name: As the manifest says it.
        grows: Lists among ``asked`` that may have more when a study goes on.
        records: The types of what its manifests say.
    """

    name: ClassVar[str]
    grows: ClassVar[tuple[str, ...]] = ()
    records: ClassVar[Settings]

    @abstractmethod
    def runs(self) -> Sequence[Any]:
        """The configuration of each of its runs, a :class:`RunConfig`."""

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """What its folder must have been begun with, as plain values by their names there."""

    @abstractmethod
    def title(self) -> str:
        """What is asked for, in a few words."""

    def code(self) -> list[str] | None:
        """Digests of the user's own files; None where it runs none. This may load them."""
        return None

    def prepare(self, machine: "Machine") -> int:
        """Try what can be tried before anything is written.

        Returns:
            The processes that each run starts for itself.

        Raises:
            LandscopeError: It cannot be run.
        """
        del machine
        return 0

    def in_order(self, runs: Sequence[Any]) -> Sequence[Any]:
        """These runs in the order in which they are begun, long ones first."""
        return runs

    def costs(self, runs: Sequence[Any], machine: "Machine") -> Mapping[str, list[ProbeCost]]:
        """What the probes of these runs will cost, by the name of the network, where it is known.

        Raises:
            LandscopeError: As for the runs themselves.
        """
        del runs, machine
        return {}

    @abstractmethod
    def begin(self, run: Any, machine: "Machine") -> Training:
        """The training of one run, set up within ``machine.prepared()``.

        Raises:
            LandscopeError: It is refused.
        """

    @classmethod
    @abstractmethod
    def figures(cls) -> Mapping[int, "Callable[[StudyRecords], FigureSpec]"]:
        """Its figures by number."""

    @classmethod
    @abstractmethod
    def claims(cls) -> "Sequence[Callable[[StudyRecords], Answer]]":
        """Its claims, in the order in which they are answered."""

    @classmethod
    @abstractmethod
    def page(cls, study: "StudyRecords") -> "StudyPage":
        """What its report says besides figures and answers."""

    @classmethod
    @abstractmethod
    def table(cls, study: "StudyRecords") -> TextTable:
        """Its runs in the terminal."""


def kind_of(study: "StudyRecords") -> type[Kind]:
    """The kind of a study, whose manifests hold what one of that kind does.

    Raises:
        RecordError: This landscope knows no such kind, or a manifest has other fields.
    """
    name = study.manifest.study
    if name not in KINDS:
        raise RecordError(
            f"study {name!r} in {study.where}",
            f"this landscope shows studies of the kinds {', '.join(KINDS)}",
            "install the landscope that wrote it",
        )
    kind: type[Kind] = resolve_name(KINDS[name])
    study.settings(kind.records.study)
    for run in study.runs.values():
        run.settings(kind.records.run)
    return kind
