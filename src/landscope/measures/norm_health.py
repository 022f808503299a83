r"""The health of norms: running statistics, dead scales, and whether the batch is large enough.

A norm that follows batches divides by :math:`d_B = \sqrt{\sigma_B^2 + \epsilon}` in training and
by :math:`d = \sqrt{\sigma^2 + \epsilon}` in evaluation mode, with the batch's variance and the
running one (an Lp norm by :math:`s_p + \epsilon`). Over its features, as root mean squares,

- the mean gap is that of :math:`(\mu - \mu_B) / d_B`: how far its outputs, before scale and shift,
  are moved in evaluation mode;
- the variance gap is that of :math:`2 \log (d / d_B)`: by which factor they are stretched.

The running statistics are those before the step; the batch's own are in them only afterwards.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase  # pyright: ignore[reportPrivateUsage]

from landscope.objective.batch import IN_BATCH
from landscope.objective.batch_statistics import (
    BatchStatistics,
    follows_batches,
    in_training_mode,
    statistics_of_batch,
)
from landscope.objective.checks import Samples, check_finite
from landscope.objective.halves import adds_up, halves, in_words
from landscope.objective.norm_mode import as_trained, in_evaluation_mode
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import Parameters, trainable, wide

DEAD = 1e-3
"""A scale is dead if it is at most this share of its norm's largest scale."""

_WITH_SCALES = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class NormGap:
    """How far a norm's running statistics are from those of a batch.

    Args:
        layer: Name of the norm.
        mean_gap: Of the mean, in units of what the norm divides by.
        variance_gap: Of the logarithm of the variance.
        uses: How often a pass uses the norm. With several uses both gaps are NaN: the batch has
            statistics at each use, but the running ones cover all.
    """

    layer: str
    mean_gap: float
    variance_gap: float
    uses: int = 1


@dataclass(frozen=True)
class NormHealth:
    """The health of a network's norms on a batch.

    Args:
        gaps: Of each norm that follows batches, in the order in which the network holds them.
        dead_scales: Part of each norm's scales that is dead, by its name.
        training_loss: Loss of the batch as it is trained on, without penalty.
        evaluation_loss: Loss of the same batch with the network in evaluation mode.
        half_batch_loss: Mean loss of the batch's halves, each as a batch of its own; NaN if no norm
            follows batches, or the halves cannot be measured.
        no_halves: Why the halves cannot be measured.
    """

    gaps: tuple[NormGap, ...]
    dead_scales: dict[str, float]
    training_loss: float
    evaluation_loss: float
    half_batch_loss: float
    no_halves: str = ""

    @property
    def evaluation_gap(self) -> float:
        """Loss in evaluation mode over that in training, less 1."""
        return _excess(self.evaluation_loss, self.training_loss)

    @property
    def half_batch_gap(self) -> float:
        """Loss with the statistics of half the batch over that with those of all, less 1."""
        return _excess(self.half_batch_loss, self.training_loss)


def norm_health(
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    batch_dim: int = 0,
    samples: Samples = "independent",
) -> NormHealth:
    """Measure the health of a network's norms, without changing it.

    Args:
        model: The network, in training mode.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        batch_dim: Dimension of each tensor along which samples lie: 1 where time comes first. Of a
            tensor with fewer dimensions it is the last.
        samples: ``"dependent"`` where the loss couples them, so that there is no loss of a half.

    Raises:
        UsageError: ``batch_dim`` or ``samples`` has no meaning, the model has nothing to train or
            is on another device than the batch, or the loss is no scalar or not finite.
    """
    objective = Objective.now(model, loss_fn, inputs, targets, batch_dim=batch_dim, samples=samples)
    point = trainable(model)
    with torch.no_grad():
        loss = objective.data_loss(point)
    check_finite(loss)
    return health_at(objective, point, loss)


def health_at(objective: Objective, point: Parameters, training_loss: Tensor) -> NormHealth:
    """:func:`norm_health` at any point, where the loss without penalty is known already.

    Three forward passes, or one where no norm follows batches.

    Args:
        objective: The batch with the state of its step; if it has another norm mode, the step's own
            objective is measured.
        point: Where.
        training_loss: The loss there, without penalty.
    """
    trained = as_trained(objective)
    training = in_training_mode(trained)
    following = {name: norm for name, norm in training.items() if follows_batches(norm)}
    with torch.no_grad():
        own_loss = training_loss if trained is objective else trained.data_loss(point)
        evaluation_loss = in_evaluation_mode(trained).data_loss(point)
    losses = torch.stack([own_loss, evaluation_loss.to(own_loss)]).tolist()
    gaps = _gaps(trained, following, point)
    halved, reason = _of_halves(trained, point, losses[0]) if gaps else (math.nan, "")
    return NormHealth(
        gaps=gaps,
        dead_scales=_dead_scales(trained.model, point),
        training_loss=losses[0],
        evaluation_loss=losses[1],
        half_batch_loss=halved,
        no_halves=reason,
    )


def _gaps(
    objective: Objective, norms: dict[str, nn.Module], point: Parameters
) -> tuple[NormGap, ...]:
    if not norms:
        return ()
    seen = statistics_of_batch(objective, norms, point)
    pairs = [_gap(objective, name, norms[name], found) for name, found in seen.items()]
    numbers = torch.stack([pair.to(pairs[0]) for pair in pairs]).tolist() if pairs else []
    return tuple(
        NormGap(name, *(pair if found.uses == 1 else (math.nan, math.nan)), uses=found.uses)
        for (name, found), pair in zip(seen.items(), numbers, strict=True)
    )


def _gap(objective: Objective, name: str, norm: nn.Module, found: BatchStatistics) -> Tensor:
    """Mean gap and variance gap, two numbers."""
    running = {n: objective.buffers[f"{name}.{n}" if name else n] for n in found.buffers}
    divisor = _divisor(norm, found.buffers)
    mean = (wide(running["running_mean"]) - wide(found.buffers["running_mean"])) / divisor
    factor = 2 * (_divisor(norm, running) / divisor).log()
    return torch.stack([mean.square().mean().sqrt(), factor.square().mean().sqrt()])


def _divisor(norm: nn.Module, statistics: dict[str, Tensor]) -> Tensor:
    """What the norm divides by."""
    eps = float(getattr(norm, "eps", 0.0))
    if "running_var" in statistics:
        return (wide(statistics["running_var"]) + eps).sqrt()
    return wide(statistics["running_scale"]) + eps


def _dead_scales(model: nn.Module, point: Parameters) -> dict[str, float]:
    """The dead share of each norm with one scale for each feature; NaN if a scale is not finite."""
    found: dict[str, Tensor] = {}
    for name, module in model.named_modules():
        scales = dict(module.named_parameters(recurse=False)).get("weight")
        if scales is None or scales.ndim != 1 or not _has_scales(module):
            continue
        sizes = wide(point.get(f"{name}.weight" if name else "weight", scales).detach()).abs()
        dead = (sizes <= DEAD * sizes.max()).double().mean()
        found[name] = torch.where(sizes.isfinite().all(), dead, math.nan)
    numbers = [dead.to(next(iter(found.values()))) for dead in found.values()]
    return dict(zip(found, torch.stack(numbers).tolist() if numbers else [], strict=True))


def _has_scales(module: nn.Module) -> bool:
    """Whether the weight is a norm's scales, which switch a feature off at 0.

    So it is in torch's norms, in those that follow batches, and in this project's, which say their
    ``features`` and ``eps``. Other people's may add 1 to theirs.
    """
    own = vars(module).keys() >= {"features", "eps"}  # a module may answer to every name
    return isinstance(module, _WITH_SCALES) or follows_batches(module) or own


def _of_halves(objective: Objective, point: Parameters, whole: float) -> tuple[float, str]:
    """The mean loss of the halves, or why there is none."""
    try:
        parts = halves(objective)
        samples = sum(size for size, _ in parts)
        with torch.no_grad():
            mean = sum(float(half.data_loss(point)) * size / samples for size, half in parts)
        if adds_up(objective, point, whole, mean):
            return math.nan, "the loss is a sum over samples: of half a batch it is half"
    # The whole batch passed, so the network cannot process the halves.
    except Exception as error:  # a loss for one batch size may raise anything
        return math.nan, f"the batch's halves: {in_words(error)}"
    return mean, ""


def _excess(loss: float, usual: float) -> float:
    return (loss - usual) / abs(usual) if usual else math.nan
