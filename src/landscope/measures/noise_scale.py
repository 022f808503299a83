r"""The noise scale: the batch size above which the gradient is more signal than noise.

The gradient of a batch of B samples is that of all the data, G, and noise; with :math:`\Sigma` the
covariance of one sample's gradient,

.. math:: E \|G_B\|^2 = \|G\|^2 + \frac{S}{B}, \qquad S = \mathrm{tr}\, \Sigma

and the simple noise scale is :math:`S / \|G\|^2`. Two sizes of batch give both unknowns. The large
batch is the whole, the small ones are its halves; with :math:`q` the mean of the squared gradient
norms of the halves, each weighted by its samples,

.. math:: S = B (q - \|G_B\|^2), \qquad \|G\|^2 = 2 \|G_B\|^2 - q

Both are unbiased, so either can fall below 0; where the loss is a mean over samples the second is,
for equal halves, the inner product of their gradients.

With batch norm the loss is not such a mean: the expected gradient depends on the batch size, and
its noise grows faster than 1 / B in small batches. Then the signal is underestimated, even below 0,
and there is no noise scale; docs/decisions/noise-scale.md has numbers.

Source: McCandlish et al. 2018, arXiv 1812.06162, section 2.2 and appendix A.1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import Samples, check_finite
from landscope.objective.halves import adds_up, halves, in_words
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import Parameters, norm, trainable


@dataclass(frozen=True)
class NoiseScale:
    """Signal and noise in the gradient of a batch.

    Args:
        batch_size: Samples in the batch.
        gradient_square: Estimate of ``||G||^2``, in (loss / parameter)^2; it may be negative.
        gradient_variance: Estimate of S, the variance of one sample's gradient, likewise.
    """

    batch_size: int
    gradient_square: float
    gradient_variance: float

    @property
    def noise_scale(self) -> float:
        """``S / ||G||^2``, in samples; NaN where an estimate has the wrong sign."""
        if self.gradient_square > 0 and self.gradient_variance >= 0:
            return self.gradient_variance / self.gradient_square
        return math.nan

    @property
    def efficiency(self) -> float:
        """``1 / (1 + noise scale / batch size)``: progress of a step, of what G would make."""
        return 1 / (1 + self.noise_scale / self.batch_size)

    @staticmethod
    def mean(found: Sequence["NoiseScale"]) -> "NoiseScale":
        """The mean of several estimates: of signal and noise each, not of their quotient.

        Args:
            found: At least one; the batch size is that of the last.
        """
        count = len(found)
        return NoiseScale(
            found[-1].batch_size,
            sum(each.gradient_square for each in found) / count,
            sum(each.gradient_variance for each in found) / count,
        )


def noise_scale(
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    loss_scale: float = 1.0,
    batch_dim: int = 0,
    samples: Samples = "independent",
) -> NoiseScale:
    """Estimate the noise scale from one batch and its halves.

    One estimate is rough; use :meth:`NoiseScale.mean` over the estimates of many batches. The model
    is not changed, and is measured in its current mode.

    Args:
        model: The network.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given. A mean over samples.
        inputs: The batch: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        loss_scale: What a ``GradScaler`` multiplies the loss by, in float16.
        batch_dim: Dimension of each tensor along which samples lie: 1 where time comes first. Of a
            tensor with fewer dimensions it is the last.
        samples: ``"dependent"`` where the loss couples them, so that there is no noise scale.

    Raises:
        UsageError: The batch cannot be halved, the loss is a sum over samples, no scalar or not
            finite, or the model has nothing to train or is on another device than the batch.

    Example:
        >>> import torch
        >>> import landscope
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.constant_(model.weight, 3.0)
        >>> inputs = torch.ones(4, 1)
        >>> targets = torch.tensor([[2.0], [2.0], [1.0], [1.0]])  # gradients 2 and 4 of the halves
        >>> estimate = landscope.noise_scale(model, torch.nn.functional.mse_loss, inputs, targets)
        >>> estimate.gradient_square, estimate.gradient_variance
        (8.0, 4.0)
        >>> estimate.noise_scale, round(estimate.efficiency, 3)
        (0.5, 0.889)
    """
    objective = Objective.now(
        model,
        loss_fn,
        inputs,
        targets,
        loss_scale=loss_scale,
        batch_dim=batch_dim,
        samples=samples,
    )
    point = trainable(model)
    loss, _, gradient = objective.gradient(point)
    check_finite(loss)
    return noise_of_halves(objective, point, start=(loss, gradient))


def noise_of_halves(
    objective: Objective, point: Parameters, *, start: tuple[Tensor, Parameters]
) -> NoiseScale:
    """:func:`noise_scale` from any point, where the whole batch's gradient is known already.

    Args:
        objective: The batch with the state of its step.
        point: Where.
        start: The loss and the gradient there.

    Raises:
        UsageError: The batch cannot be halved, the network takes no such half, or the loss is a
            sum over samples.
    """
    whole, gradient = start
    parts = halves(objective)
    samples = sum(size for size, _ in parts)

    def of(size: int, half: Objective) -> Tensor:
        loss, _, own = _gradient_of_half(half, size, point)
        square = norm(own).square()
        return torch.stack([loss.to(square), square]) * (size / samples)

    # In a function of its own, so that no two gradients are alive beside that of the whole.
    means = of(*parts[0]) + of(*parts[1])
    total = norm(gradient).square()
    numbers = torch.stack([whole.to(total), total, *means]).tolist()
    loss, square, half_loss, half_square = numbers
    if adds_up(objective, point, loss, half_loss):
        raise UsageError(
            f"the loss is {loss:.4g} on the batch, and {half_loss:.4g} on half of it",
            "the noise scale is that of a loss that is a mean over the samples",
            "divide it by their number, as with reduction='mean'",
        )
    return NoiseScale(samples, 2 * square - half_square, samples * (half_square - square))


def _gradient_of_half(
    half: Objective, samples: int, point: Parameters
) -> tuple[Tensor, Tensor, Parameters]:
    try:
        return half.gradient(point)
    except UsageError:
        raise
    except torch.OutOfMemoryError:
        raise
    # The whole batch has passed. A batch norm refuses one value a channel; a loss may have been
    # made for one size of batch.
    except Exception as error:
        raise UsageError(
            f"half of the batch, with {samples} sample{'s' * (samples > 1)}, does not pass "
            f"the network ({in_words(error)})",
            "it is measured in halves",
            "give a batch whose halves the network can be trained on",
        ) from error
