"""Which function a batch norm is measured as: of its batch, of that batch held still, or neither.

In training mode a batch norm is a function of the batch, statistics included, and that function is
what is trained. Two others are of interest beside it, and are often measured in its place without
a word: the batch's own statistics as constants, through which no gradient flows, and the running
statistics, with which the network is used later.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.instancenorm import _InstanceNorm  # pyright: ignore[reportPrivateUsage]

from landscope.errors import UsageError
from landscope.objective.batch_statistics import (
    follows_batches,
    in_training_mode,
    keeps_statistics,
    statistics_of_batch,
    with_attributes,
)
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters

NormMode = Literal["batch", "frozen", "running"]
"""Of the batch, as in training; of its statistics held still; of the running statistics."""


@dataclass(frozen=True, eq=False)
class _InOtherMode(Objective):
    """An objective whose norms are in another mode than in the step.

    Args:
        trained: That of the step.
    """

    trained: Objective | None = None


def in_norm_mode(objective: Objective, mode: NormMode, parameters: Parameters) -> Objective:
    """The objective with its batch norms in a mode; all else, as dropout, is as in the step.

    Args:
        objective: The step's.
        mode: The mode. ``"batch"`` gives the objective back as it is.
        parameters: For ``"frozen"``: where the batch's statistics are taken.

    Raises:
        UsageError: A norm keeps no running statistics, or, for ``"frozen"``, it is used several
            times in a pass, has statistics of each sample or follows batches in an unknown way.
    """
    if mode == "batch":
        return objective
    norms = _of_batches(objective)
    buffers = objective.buffers
    if mode == "frozen":
        buffers = {**buffers, **_of_this_batch(objective, norms, parameters)}
    own = set(norms.values())
    standing = with_attributes(
        objective.standing, lambda module: {"training": False} if module in own else {}
    )
    known: dict[str, Any] = {f.name: getattr(objective, f.name) for f in fields(Objective)}
    known |= {"standing": standing, "buffers": buffers}
    return _InOtherMode(**known, trained=as_trained(objective))


def as_trained(objective: Objective) -> Objective:
    """The step's own objective, of one that :func:`in_norm_mode` made of it."""
    trained = objective.trained if isinstance(objective, _InOtherMode) else None
    return trained or objective


def in_evaluation_mode(objective: Objective) -> Objective:
    """The objective with the whole network in evaluation mode, of the step's own statistics."""
    standing = with_attributes(objective.standing, lambda _: {"training": False})
    return replace(objective, standing=standing, buffers=as_trained(objective).buffers)


def _of_batches(objective: Objective) -> dict[str, nn.Module]:
    """The norms that may be functions of the batch in this step."""
    training = in_training_mode(objective)
    for name, module in training.items():
        if isinstance(module, _BatchNorm) and not keeps_statistics(module):
            raise UsageError(
                f"the batch norm {name!r} keeps no running statistics",
                "it is a function of the batch in every mode",
                "measure it with norm_mode='batch', or make it with track_running_stats=True",
            )
    return {name: module for name, module in training.items() if keeps_statistics(module)}


def _of_this_batch(
    objective: Objective, norms: dict[str, nn.Module], parameters: Parameters
) -> dict[str, Tensor]:
    """The buffers of the norms with the statistics of the batch in the place of running ones."""
    found: dict[str, Tensor] = {}
    for name, statistics in statistics_of_batch(objective, norms, parameters).items():
        if not statistics.moved and not follows_batches(norms[name]):
            continue  # its statistics are constants in any mode
        _check_freezable(name, norms[name], statistics.uses)
        prefix = f"{name}." if name else ""
        found |= {f"{prefix}{n}": tensor for n, tensor in statistics.buffers.items()}
    return found


def _check_freezable(name: str, module: nn.Module, uses: int) -> None:
    remedy = "measure it with norm_mode='batch'"
    if not follows_batches(module):
        raise UsageError(
            f"the norm {name!r} of the class {type(module).__name__}",
            "how it follows the statistics of batches is read from an attribute momentum or "
            "stats_decay, and it has neither",
            f"{remedy} or 'running'",
        )
    if isinstance(module, _InstanceNorm):
        raise UsageError(
            f"the instance norm {name!r}",
            "it has statistics of each sample, which no running ones can stand for",
            f"{remedy} or 'running'",
        )
    if uses > 1:
        raise UsageError(
            f"the norm {name!r} is used {uses} times in a pass",
            "one set of statistics can be held still, and each use has its own",
            remedy,
        )
