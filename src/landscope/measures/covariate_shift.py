"""Internal covariate shift: how far each layer's gradient moves under the layers before it.

Santurkar et al. 2018, Definition 2.1: ``||G_i - G'_i||_2`` with ``G_i`` the gradient of layer i at
the parameters before the step, and ``G'_i`` the same with every layer before i after its step.
Same batch in both; layer i itself and all that follow it stay where they were.

Done literally this takes a whole forward and backward pass for each layer. Here the layers before
it run once in all, and only what follows runs again: see :mod:`landscope.objective.moved`.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from torch import nn

from landscope.errors import UsageError
from landscope.measures.comparison import Comparison, Comparisons
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import check_finite
from landscope.objective.layers import Layer
from landscope.objective.moved import MovedPasses
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import (
    Parameters,
    check_like,
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
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    after: Parameters,
    gradient: Parameters | None = None,
    layers: Collection[str] | None = None,
    every: int = 1,
    loss_scale: float = 1.0,
) -> list[LayerShift]:
    """Definition 2.1 for every layer, in the order of execution.

    The model is at the parameters before the step and is not changed: weights, buffers, ``.grad``,
    mode and random streams. It is measured in its current mode. G is taken over the layer's own
    parameters: weight, bias, and the scale and shift of the norm that follows.

    Args:
        model: The network, before the step.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch of the step: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        after: The parameters after the step, one entry for each that requires a gradient.
        gradient: The gradient at the parameters before the step, where the step has computed it.
            It is not computed again.
        layers: Names of the layers to measure, as in :attr:`LayerShift.layer`; all unless given.
        every: Measure every n-th of them only, starting with the first.
        loss_scale: What a ``GradScaler`` multiplies the loss by, in float16.

    Returns:
        One :class:`LayerShift` a layer. The first has shift exactly 0: nothing lies before it.

    Raises:
        UsageError: ``after`` or ``gradient`` does not fit the model, a layer is unknown, ``every``
            is below 1, the loss scale is not positive and finite, the model has
            nothing to train or is on another device than the batch, or the loss is not a scalar,
            or it or the gradient not finite.

    Example:
        >>> import torch
        >>> import landscope
        >>> model = torch.nn.Sequential(
        ...     torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
        ... )  # the loss is (a b) ** 2
        >>> _ = torch.nn.init.constant_(model[0].weight, 1.0)
        >>> _ = torch.nn.init.constant_(model[1].weight, 2.0)
        >>> inputs, targets = torch.ones(1, 1), torch.zeros(1, 1)
        >>> after = {"0.weight": torch.tensor([[0.5]]), "1.weight": torch.tensor([[1.0]])}
        >>> loss_fn = torch.nn.functional.mse_loss
        >>> for layer in landscope.covariate_shift(model, loss_fn, inputs, targets, after=after):
        ...     print(layer.layer, layer.l2, layer.cosine)
        0 0.0 1.0
        1 3.0 1.0
    """
    before = trainable(model)
    check_like(after, before, "after", model)
    if gradient is not None:
        check_like(gradient, before, "gradient", model)
    if every < 1:
        raise UsageError(
            f"every = {every}",
            "every n-th layer is measured, n from 1",
            "give every=1 for all",
        )
    objective = Objective.now(model, loss_fn, inputs, targets, loss_scale=loss_scale)
    if gradient is None:
        loss, _, gradient = objective.gradient(before)
        check_finite(loss)
    elif not norm(gradient).isfinite():
        raise UsageError(
            "gradient is not finite",
            "a shift is the change of a gradient that is known",
            "check the batch and the weights for NaN, or measure at an earlier step",
        )
    return shift_of_layers(
        objective,
        before,
        after,
        gradient=gradient,
        layers=layers,
        every=every,
    )


def shift_of_layers(
    objective: Objective,
    before: Parameters,
    after: Parameters,
    *,
    gradient: Parameters,
    layers: Collection[str] | None = None,
    every: int = 1,
    most: int | None = None,
) -> list[LayerShift]:
    """:func:`covariate_shift` between two points, where the step's gradient is known.

    Args:
        objective: The batch with the state of its step.
        before: Parameters before the step.
        after: Parameters after the step.
        gradient: The gradient at ``before``.
        layers: Names of the layers to measure; all unless given.
        every: Measure every n-th of them, starting with the first.
        most: Measure at most so many of them, evenly spaced, the last among them.
    """
    # Entries for frozen parameters are allowed in a point, and no part of the landscape.
    after = {name: after[name] for name in before}
    passes = MovedPasses(objective, before, after)
    chosen = spread(_chosen(passes.order, layers, every), most)
    found = Comparisons()
    # Nothing lies before the first layer: there is nothing to measure.
    passes.gradients([n for n in chosen if n > 0], lambda _, moved: found.add(gradient, moved))
    if chosen[0] == 0:
        found.add(gradient, {name: gradient[name] for name in passes.order[0].parameters})
    rows = reversed(found.results()[0])  # the last layer's comes first
    return [_shift(passes.order[n].name, row) for n, row in zip(chosen, rows, strict=True)]


def spread(positions: list[int], most: int | None) -> list[int]:
    """At most so many of some positions, evenly spaced, the last among them."""
    if most is None or len(positions) <= most:
        return positions
    return [positions[(n + 1) * len(positions) // most - 1] for n in range(most)]


def _chosen(order: list[Layer], layers: Collection[str] | None, every: int) -> list[int]:
    if isinstance(layers, str):
        raise UsageError(
            f"layers = {layers!r}", "it is a list of names", f"give layers=[{layers!r}]"
        )
    names = [layer.name for layer in order]
    unknown = [name for name in layers or () if name not in names]
    if unknown:
        raise UsageError(
            f"layers has the unknown entry {unknown[0]!r}",
            f"the network's layers are {', '.join(map(repr, names))}",
            "choose among them",
        )
    wanted = [n for n, name in enumerate(names) if layers is None or name in layers][::every]
    if not wanted:
        raise UsageError(
            "layers is empty", "at least one layer is measured", "leave it out to measure all"
        )
    return wanted


def _shift(layer: str, found: Comparison) -> LayerShift:
    return LayerShift(
        layer=layer,
        l2=found.distance,
        relative=found.distance / found.first if found.first else math.nan,
        cosine=found.cosine,
        gradient_norm=found.first,
    )
