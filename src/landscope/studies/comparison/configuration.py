"""A comparison of norms on a model of the user's own: its configuration and its runs."""

import math
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Literal, TypeVar, get_args

from pydantic import Field

from landscope.errors import UsageError
from landscope.norms.names import NORM_LABELS, NormName
from landscope.studies.kind import SEEDS, Frozen, check_seed

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
MEASUREMENTS = 20
"""Default number of measurements over a run; the time of a step is taken between them."""

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
        every: Steps between two measurements; the first is at step 0.
        insert: Whether norms are put behind layers that have none.
        also: The model's own norm classes to replace too, as ``Class=last`` or ``=first``, the
            place of their features.
        keep: Modules to keep, by name or by class.
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


def functions_of(model: str, data: str, loss: str | None, optimizer: str) -> list[str]:
    """Those of the fields of a run that name a function of the user's."""
    named = [model, data, loss, None if optimizer in OPTIMIZERS else optimizer]
    return [name for name in named if name]


def spoken(norm: str) -> str:
    """A norm in a sentence, as in ``with batch norm`` and ``without a norm``."""
    label = NORM_LABELS[norm]
    plain = label if label[:2].isupper() or label[1].isdigit() or label[1] == "∞" else label.lower()
    return _SPOKEN.get(norm, f"with {plain}")


def check_also(also: Sequence[str]) -> tuple[str, ...]:
    """Refuse a class of norms without the place of its features."""
    for each in also:
        name, _, axis = each.partition("=")
        if not name or axis not in ("last", "first"):
            raise UsageError(
                f"also = {each!r}",
                "it is the class of a norm and the place of its features",
                "give --also MyNorm=last where they are the last dimension, or MyNorm=first where "
                "they follow the batch",
            )
    return tuple(also)


def check_norms(norms: Sequence[str]) -> tuple[str, ...]:
    """Refuse unknown or repeated norms, and fewer than two."""
    for norm in norms:
        if norm not in COMPARED_NORMS:
            raise UsageError(
                f"norm = {norm!r}",
                f"a norm is one of {', '.join(COMPARED_NORMS)}",
                did_you_mean(norm, COMPARED_NORMS),
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
    """Refuse learning rates that are not positive, or repeated."""
    for lr in lrs:
        if not (lr > 0 and math.isfinite(lr)):
            raise UsageError(
                f"lr = {lr:g}", "a learning rate is a number above 0", "give 0.1, for one"
            )
    check_once("lr", [f"{lr:g}" for lr in lrs])
    return tuple(float(lr) for lr in lrs)


def check_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Refuse seeds that PyTorch does not accept, or repeated ones."""
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
    """Refuse a repeated value and an empty list."""
    found = list(values)
    if not found:
        raise UsageError(f"no {name}", "there is at least one", f"give --{name}s a value")
    for value in found:
        if found.count(value) > 1:
            raise UsageError(f"{name} = {value}", "it is given more than once", "give each once")


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """The remedy for a name that may be misspelt."""
    close = get_close_matches(given, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "choose one of them"
