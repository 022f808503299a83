"""The noise floor of a gradient: how much it differs when it is computed again.

The gradients at two nearby points can be distinguished only if they differ by more than this. It
has two parts. Computed twice in the same way, a gradient differs if kernels sum in varying order.
Computed with and without mixed precision, it differs by the rounding of the reduced type; this part
exists on every device and is the same at each repetition.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from landscope.measures.comparison import Comparisons
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import check_finite
from landscope.objective.layers import execution_order
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import Parameters, check_like, trainable


@dataclass(frozen=True)
class LayerNoise:
    """The noise floor of one layer's gradient.

    Args:
        layer: Name of the layer's weight-bearing module.
        repeat: ``||g - g'||`` with g' the same gradient taken again in the same way, in units of
            the loss over those of the parameters.
        rounding: ``||g - g'||`` with g' the same gradient without mixed precision; 0 where there
            is none, NaN where the layer's weights themselves are of a reduced type, as bfloat16:
            there is no gradient in full precision then.
        gradient_norm: ``||g||``.
    """

    layer: str
    repeat: float
    rounding: float
    gradient_norm: float


@dataclass(frozen=True)
class NoiseFloor:
    """The noise floor of a network's gradient.

    Args:
        layers: That of each layer, in the order of execution.
    """

    layers: tuple[LayerNoise, ...]

    @property
    def repeat(self) -> float:
        """:attr:`LayerNoise.repeat` of the whole network."""
        return math.hypot(*(layer.repeat for layer in self.layers))

    @property
    def rounding(self) -> float:
        """:attr:`LayerNoise.rounding` of the whole network."""
        return math.hypot(*(layer.rounding for layer in self.layers))

    @property
    def gradient_norm(self) -> float:
        """:attr:`LayerNoise.gradient_norm` of the whole network."""
        return math.hypot(*(layer.gradient_norm for layer in self.layers))


def noise_floor(
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    gradient: Parameters | None = None,
    loss_scale: float = 1.0,
) -> NoiseFloor:
    """The noise floor of the gradient at the model's parameters, under the autocast around it.

    The model is not changed, and is measured in its current mode.

    Args:
        model: The network.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        gradient: The gradient where the step has computed it. It is not computed again.
        loss_scale: What a ``GradScaler`` multiplies the loss by, in float16.

    Raises:
        UsageError: The gradient does not fit the model, the loss scale is not positive and
            finite, the model has nothing to train or is on another device than the batch, or the
            loss is not a scalar or not finite.
    """
    point = trainable(model)
    if gradient is not None:
        check_like(gradient, point, "gradient", model)
    objective = Objective.now(model, loss_fn, inputs, targets, loss_scale=loss_scale)
    if gradient is None:
        loss, _, gradient = objective.gradient(point)
        check_finite(loss)
    return noise_of_gradient(objective, point, gradient)


def noise_of_gradient(objective: Objective, point: Parameters, gradient: Parameters) -> NoiseFloor:
    """:func:`noise_floor` at any point, where the gradient is known.

    Args:
        objective: The batch with the state of its step.
        point: The point.
        gradient: The gradient there.
    """
    order = execution_order(objective, point)

    def is_reduced(name: str) -> bool:
        return torch.finfo(point[name].dtype).eps > torch.finfo(torch.float32).eps

    again = objective.gradient(point)[2]
    plain = gradient
    if objective.autocast.dtypes:
        in_full = replace(objective, autocast=objective.autocast.off(), loss_scale=1.0)
        plain = in_full.gradient(point)[2]
    found = Comparisons()
    for layer in order:
        for other in (again, plain):
            found.add(gradient, {name: other[name] for name in layer.parameters})
    rows, _ = found.results()
    return NoiseFloor(
        tuple(
            LayerNoise(
                layer.name,
                repeat.distance,
                math.nan if any(map(is_reduced, layer.parameters)) else rounding.distance,
                repeat.first,
            )
            for layer, repeat, rounding in zip(order, rows[::2], rows[1::2], strict=True)
        )
    )
