"""A comparison of norms on a model of the user's own: its configuration and its runs."""

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import Field

from landscope.errors import UsageError
from landscope.norms.names import NORM_LABELS, NormName
from landscope.studies.comparison.import_path import ImportPath, parse_path
from landscope.studies.config import SEEDS, Frozen
from landscope.studies.santurkar2018.experiments import check_seed

STUDY = "comparison"
"""What the manifest of such a study says that it is."""

AS_IS = "as-is"
"""The model as it is given, no norm replaced."""

ComparedNorm = NormName | Literal["as-is"]
COMPARED_NORMS: tuple[str, ...] = (*get_args(NormName), AS_IS)

_SPOKEN = {
    "none": "without a norm",
    "noise": "with noise and no norm",
    AS_IS: "with the model as it is",
}

CROSS_ENTROPY = "cross-entropy"
OPTIMIZERS = ("sgd", "adamw")
LOOKS = 20
"""Looks of the probes over a run, unless told otherwise; the time of a step is taken between."""

_T = TypeVar("_T")


class ComparisonRun(Frozen):
    """One training of the user's model with one norm.

    Args:
        model: Function that makes the model, as ``module:function``.
        data: Function that makes the batches.
        loss: Function that gives the loss; None for cross-entropy on (inputs, targets).
        optimizer: ``"sgd"``, ``"adamw"``, or a function that makes one.
        norm: Name in the table of norms, or ``"as-is"``.
        lr: Learning rate, fixed over the run.
        seed: Seed of the initial weights, of the batches and of the noise.
        steps: Updates by the optimiser.
        every: Steps between two looks of the probes; the first is at step 0.
        insert: Whether norms are put behind layers that have none.
        also: Norms of the model's own that are replaced too, as ``Class=last`` or ``=first``, which
            says where their features lie.
        keep: Modules that are left alone, by name or by class.
    """

    model: str
    data: str
    loss: str | None
    optimizer: str
    norm: ComparedNorm
    lr: float = Field(gt=0, allow_inf_nan=False)
    seed: int = Field(ge=0, lt=SEEDS)
    steps: int = Field(gt=0)
    every: int = Field(gt=0)
    insert: bool
    also: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    @property
    def functions(self) -> list[str]:
        """The user's functions, as ``module:function``."""
        return functions_of(self.model, self.data, self.loss, self.optimizer)

    @property
    def id(self) -> str:
        """Name of the run in its study, and of its folder."""
        return f"{self.norm}-lr{self.lr:g}-seed{self.seed}"


class Comparison(Frozen):
    """Norms compared at the same learning rates and seeds; the fields are those of a run."""

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


def functions_of(model: str, data: str, loss: str | None, optimizer: str) -> list[str]:
    """Those of the fields of a run that name a function of the user's."""
    named = [model, data, loss, None if optimizer in OPTIMIZERS else optimizer]
    return [name for name in named if name]


def spoken(norm: str) -> str:
    """A norm in a sentence, as in ``with batch norm`` and ``without a norm``."""
    label = NORM_LABELS[norm]
    plain = label if label[:2].isupper() or label[1].isdigit() or label[1] == "∞" else label.lower()
    return _SPOKEN.get(norm, f"with {plain}")


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
        every: Steps between two looks; None for ``LOOKS`` of them.
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
            _did_you_mean(optimizer, OPTIMIZERS),
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
        every=every or max(2, steps // LOOKS),
        insert=insert,
        also=check_also(also),
        keep=tuple(keep),
    )


def check_also(also: Sequence[str]) -> tuple[str, ...]:
    """Refuse a class of norms without the place of its features."""
    for each in also:
        name, _, axis = each.partition("=")
        if not name or axis not in ("last", "first"):
            raise UsageError(
                f"also = {each!r}",
                "it is the class of a norm and where its features lie",
                "give --also MyNorm=last where they are the last dimension, or MyNorm=first where "
                "they follow the batch",
            )
    return tuple(also)


def check_norms(norms: Sequence[str]) -> tuple[str, ...]:
    """Refuse norms that there are not, that come twice, or that are fewer than two."""
    for norm in norms:
        if norm not in COMPARED_NORMS:
            raise UsageError(
                f"norm = {norm!r}",
                f"a norm is one of {', '.join(COMPARED_NORMS)}",
                _did_you_mean(norm, COMPARED_NORMS),
            )
    check_once("norm", norms)
    if len(norms) < 2:
        raise UsageError(
            f"norms = {', '.join(norms)}",
            "a comparison is between two norms or more",
            f"add {next(norm for norm in ('none', AS_IS) if norm not in norms)}, for example",
        )
    return tuple(norms)


def check_lrs(lrs: Sequence[float]) -> tuple[float, ...]:
    """Refuse learning rates that are not positive, or that come twice."""
    for lr in lrs:
        if not (lr > 0 and math.isfinite(lr)):
            raise UsageError(
                f"lr = {lr:g}", "a learning rate is a number above 0", "give 0.1, for one"
            )
    check_once("lr", [f"{lr:g}" for lr in lrs])
    return tuple(float(lr) for lr in lrs)


def check_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Refuse seeds that are not PyTorch's, or that come twice."""
    for seed in seeds:
        check_seed(seed)
    check_once("seed", seeds)
    return tuple(seeds)


def check_count(name: str, count: int) -> None:
    """Refuse a number of steps that is not positive."""
    if count < 1:
        raise UsageError(
            f"{name} = {count}", "it is a number of steps, at least 1", f"give --{name} 1 or more"
        )


def check_once(name: str, values: Iterable[_T]) -> None:
    """Refuse a value that comes twice, and a list that is empty."""
    found = list(values)
    if not found:
        raise UsageError(f"no {name}", "there is at least one", f"give --{name}s a value")
    for value in found:
        if found.count(value) > 1:
            raise UsageError(f"{name} = {value}", "it is given more than once", "give each once")


def default_folder(comparison: Comparison) -> Path:
    """Where a comparison goes unless told otherwise: a folder for each model's module."""
    return Path("runs") / f"compare-{parse_path(comparison.model, 'make_model').label}"


def _did_you_mean(given: str, known: Sequence[str]) -> str:
    close = get_close_matches(given, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "choose one of them"
