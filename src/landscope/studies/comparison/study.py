"""A comparison as a kind of study: its runs, and how their records are read."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from landscope.errors import UsageError
from landscope.studies.comparison.configuration import (
    MEASUREMENTS,
    OPTIMIZERS,
    ComparedNorm,
    ComparisonRun,
    check_also,
    check_count,
    check_lrs,
    check_norms,
    check_seeds,
    did_you_mean,
    functions_of,
)
from landscope.studies.comparison.functions import ImportPath, code_digests, parse_path
from landscope.studies.comparison.records import Compared, ComparedRun
from landscope.studies.kind import Frozen, Kind, Settings, TextTable, Training

if TYPE_CHECKING:
    from landscope.figures.spec import FigureSpec
    from landscope.report.content import Answer, StudyPage
    from landscope.runs import StudyRecords
    from landscope.studies.machine import Machine


class Comparison(Frozen, Kind):
    """Norms compared at the same learning rates and seeds; the fields are those of a run.

    Running it runs the user's code. One that goes on may have more norms, rates or seeds.
    """

    name: ClassVar[str] = "comparison"
    grows: ClassVar[tuple[str, ...]] = ("norms", "lrs", "seeds")
    records: ClassVar[Settings] = Settings(Compared, ComparedRun)

    model: str
    data: str
    loss: str | None = None
    optimizer: str = "sgd"
    norms: tuple[ComparedNorm, ...]
    lrs: tuple[float, ...]
    seeds: tuple[int, ...]
    steps: int
    every: int
    insert: bool = False
    also: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def runs(self) -> list[ComparisonRun]:
        """Every norm at every learning rate with every seed.

        The norms come one after the other, so that what slows the machine down for a while slows
        all of them.
        """
        shared = self.model_dump(exclude={"norms", "lrs", "seeds"})
        return [
            ComparisonRun(norm=norm, lr=lr, seed=seed, **shared)
            for seed in self.seeds
            for lr in self.lrs
            for norm in self.norms
        ]

    def asked(self) -> dict[str, Any]:
        """All fields."""
        return self.model_dump(mode="json")

    def code(self) -> list[str]:
        """Of the files of the user's functions; this loads them."""
        return code_digests(functions_of(self.model, self.data, self.loss, self.optimizer))

    def title(self) -> str:
        """As in ``mine.py:make_model: 12 runs with none, batch``."""
        return f"{self.model}: {len(self.runs())} runs with {', '.join(self.norms)}"

    def default_folder(self) -> Path:
        """The default folder: one for each model's module."""
        return Path("runs") / f"compare-{parse_path(self.model, 'make_model').label}"

    def prepare(self, machine: "Machine") -> int:
        """Try the user's functions with every norm; raises UsageError."""
        from landscope.studies.comparison.training import try_norms

        start = (self.lrs[0], self.seeds[0])
        return try_norms([run for run in self.runs() if (run.lr, run.seed) == start], machine)

    def begin(self, run: ComparisonRun, machine: "Machine") -> Training:
        """The user's model with one norm, under a scope."""
        from landscope.studies.comparison.training import ComparisonTraining

        return ComparisonTraining(run, machine)

    @classmethod
    def figures(cls) -> "Mapping[int, Callable[[StudyRecords], FigureSpec]]":
        """By number."""
        from landscope.studies.comparison.figures import FIGURES

        return FIGURES

    @classmethod
    def claims(cls) -> "Sequence[Callable[[StudyRecords], Answer]]":
        """Which norm is best at what."""
        from landscope.studies.comparison.claims import CLAIMS

        return CLAIMS

    @classmethod
    def page(cls, study: "StudyRecords") -> "StudyPage":
        """Model, norms and runs."""
        from landscope.studies.comparison.report import page

        return page(study)

    @classmethod
    def table(cls, study: "StudyRecords") -> TextTable:
        """A line for each norm at each learning rate."""
        from landscope.studies.comparison.report import table

        return table(study)


def plan(
    model: str,
    data: str | None,
    loss: str | None,
    optimizer: str,
    *,
    norms: Sequence[str],
    lrs: Sequence[float],
    seeds: Sequence[int],
    steps: int,
    every: int | None,
    insert: bool,
    also: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> Comparison:
    """The comparison that is asked for, each value checked; nothing is loaded yet.

    Args:
        model: A function, or a module that has a ``make_model``.
        data: A function, or a module that has a ``make_batches``; None for the model's module.
        loss: A function; None for cross-entropy.
        optimizer: A name of ``OPTIMIZERS``, or a function.
        norms: Two or more names of ``COMPARED_NORMS``.
        lrs: Learning rates.
        seeds: Seeds.
        steps: Updates of each run.
        every: Steps between two measurements; None for ``MEASUREMENTS`` of them.
        insert: Whether norms are put where there are none.
        also: As in :class:`ComparisonRun`.
        keep: As in :class:`ComparisonRun`.

    Raises:
        UsageError: One of them has no meaning.
    """
    made = parse_path(model, "make_model")
    batches = parse_path(data, "make_batches") if data else ImportPath(made.module, "make_batches")
    if optimizer not in OPTIMIZERS and ":" not in optimizer:
        raise UsageError(
            f"optimizer = {optimizer!r}",
            f"an optimizer is {', '.join(OPTIMIZERS)}, or a function as module:make_optimizer",
            did_you_mean(optimizer, OPTIMIZERS),
        )
    check_count("steps", steps)
    if every is not None:
        check_count("every", every)
    return Comparison(
        model=str(made),
        data=str(batches),
        loss=None if loss is None else str(parse_path(loss, "loss_fn")),
        optimizer=optimizer
        if optimizer in OPTIMIZERS
        else str(parse_path(optimizer, "make_optimizer")),
        norms=check_norms(norms),  # pyright: ignore[reportArgumentType]
        lrs=check_lrs(lrs),
        seeds=check_seeds(seeds),
        steps=steps,
        every=every or max(2, steps // MEASUREMENTS),
        insert=insert,
        also=check_also(also),
        keep=tuple(keep),
    )
