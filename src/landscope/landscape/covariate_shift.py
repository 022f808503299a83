"""Internal covariate shift: how far each layer's gradient moves under the layers before it.

Santurkar et al. 2018, Definition 2.1: ``||G_i - G'_i||_2`` with ``G_i`` the gradient of layer i at
the parameters before the step, and ``G'_i`` the same with every layer before i after its step.
Same batch in both; layer i itself and all that follow it stay where they were.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscope.landscape.layers import Layer, execution_order
from landscope.landscape.objective import LossFn, Objective, check_finite
from landscope.landscape.parameters import (
    Parameters,
    check_like,
    difference,
    inner,
    norm,
    trainable,
)


@dataclass(frozen=True)
class LayerShift:
    """The covariate shift of one layer.

    Args:
        layer: Name of the layer's weight-bearing module.
        l2: ``||G - G'||``, in units of the loss over those of the parameters.
        relative: ``||G - G'|| / ||G||``; NaN where the gradient vanishes.
        cosine: Cosine of the angle between G and G', in [-1, 1]; NaN where either vanishes.
        gradient_norm: ``||G||``.
    """

    layer: str
    l2: float
    relative: float
    cosine: float
    gradient_norm: float


def covariate_shift(
    model: nn.Module, loss_fn: LossFn, inputs: Any, targets: Any, *, after: Parameters
) -> list[LayerShift]:
    """Definition 2.1 for every layer, in the order of execution.

    The model stands at the parameters before the step and is left as it is: weights, buffers,
    ``.grad``, mode and random streams. It is measured in the mode that it is in. G is taken over
    the layer's own parameters: weight, bias, and the scale and shift of the norm that follows.

    Args:
        model: The network, before the step.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar.
        inputs: The batch of the step: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets.
        after: The parameters after the step, one entry for each that requires a gradient.

    Returns:
        One :class:`LayerShift` a layer. The first has shift exactly 0: nothing lies before it.

    Raises:
        UsageError: ``after`` does not fit the model, the model has nothing to train or is on
            another device than the batch, or the loss is not a scalar or not finite.
    """
    before = trainable(model)
    check_like(after, before, "after", model)
    objective = Objective.now(model, loss_fn, inputs, targets)
    loss, _, gradient = objective.gradient(before)
    check_finite(loss)
    return shift_of_layers(objective, before, after, gradient=gradient)


def shift_of_layers(
    objective: Objective,
    before: Parameters,
    after: Parameters,
    *,
    gradient: Parameters | None = None,
    order: list[Layer] | None = None,
) -> list[LayerShift]:
    """:func:`covariate_shift` between two points; what is known already is not computed again.

    Args:
        objective: The batch with the state of its step.
        before: Parameters before the step.
        after: Parameters after the step.
        gradient: The gradient at ``before``, where the step has computed it.
        order: The layers in the order of execution, where they are known.
    """
    if gradient is None:
        _, _, gradient = objective.gradient(before)
    if order is None:
        order = execution_order(objective, before)
    mixed = dict(before)
    rows: list[torch.Tensor] = []
    for position, layer in enumerate(order):
        still = {name: gradient[name] for name in layer.parameters}
        if position == 0:
            moved = still
        else:
            mixed |= {name: after[name] for name in order[position - 1].parameters}
            _, _, moved = objective.gradient(mixed, of=layer.parameters)
        rows.append(
            torch.stack(
                [norm(difference(still, moved)), norm(still), norm(moved), inner(still, moved)]
            )
        )
    # One copy to the host at the end: nothing above waits for the device.
    return [
        _shift(layer.name, *row)
        for layer, row in zip(order, torch.stack(rows).tolist(), strict=True)
    ]


def _shift(layer: str, l2: float, still: float, moved: float, product: float) -> LayerShift:
    cosine = product / (still * moved) if still * moved else float("nan")
    if abs(cosine) > 1:
        # Rounding must not put a cosine beyond 1; NaN compares as false and stays.
        cosine = math.copysign(1.0, cosine)
    return LayerShift(
        layer=layer,
        l2=l2,
        relative=l2 / still if still else float("nan"),
        cosine=cosine,
        gradient_norm=still,
    )
