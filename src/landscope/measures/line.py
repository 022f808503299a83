"""The landscape along a line: losses, gradient changes and smoothness on a grid of step sizes.

Santurkar et al. 2018, sections 3.2 and A.2.2. At a point theta with gradient g and for eta in a
grid, the line is ``theta - eta d``, with d = g unless another direction is given:

- variation of the loss: the band [min, max] of ``L(theta - eta d)``;
- gradient predictiveness: the band [min, max] of ``||grad L(theta - eta d) - g||``;
- effective beta-smoothness: the maximum of ``||grad L(theta - eta d) - g|| / ||eta d||``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import check_finite, check_scalar
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import (
    Parameters,
    check_like,
    distance,
    norm,
    resolved,
    trainable,
)
from landscope.text import html_table, short


@dataclass(frozen=True)
class Line:
    """The landscape at ``theta - eta d`` for each step size eta.

    Args:
        etas: Step sizes, in units of parameter over direction. For a step that the parameters' type
            cannot hold, such as a small one in bfloat16, the losses, changes and betas are NaN.
        losses: Loss at each step size; with the penalty, where the objective has one.
        gradient_changes: ``||grad L(theta - eta d) - grad L(theta)||`` at each.
        betas: Gradient change over distance moved, ``||eta d||``, at each; NaN where d vanishes.
        data_losses: Loss without the penalty at each.
        start_loss: Loss at theta.
        gradient_norm: ``||grad L(theta)||``.
        resolved: Whether the parameters' type can hold the step, for each step size.
    """

    etas: tuple[float, ...]
    losses: tuple[float, ...]
    gradient_changes: tuple[float, ...]
    betas: tuple[float, ...]
    data_losses: tuple[float, ...]
    start_loss: float
    gradient_norm: float
    resolved: tuple[bool, ...] = ()

    @property
    def loss_band(self) -> tuple[float, float]:
        """Smallest and largest loss on the grid; NaN where any of them is."""
        return _smallest(self.losses), _largest(self.losses)

    @property
    def change_band(self) -> tuple[float, float]:
        """Smallest and largest gradient change on the grid; NaN where any of them is."""
        return _smallest(self.gradient_changes), _largest(self.gradient_changes)

    @property
    def effective_beta(self) -> float:
        """Largest beta on the grid, in units of the curvature; NaN where any of them is."""
        return _largest(self.betas)

    def _repr_html_(self) -> str:
        columns = (self.etas, self.losses, self.gradient_changes, self.betas)
        return html_table(
            f"Line: effective beta {short(self.effective_beta)}, "
            f"loss {short(self.start_loss)} at 0",
            ("step size", "loss", "gradient change", "beta"),
            (map(short, row) for row in zip(*columns, strict=True)),
        )


def line(
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    etas: Sequence[float],
    direction: Parameters | None = None,
    start: tuple[Tensor, Parameters] | None = None,
    loss_scale: float = 1.0,
) -> Line:
    """Measure the landscape along a line from the model's parameters, by default the gradient.

    Nothing of the model changes: weights, buffers, ``.grad``, mode and random streams. It is
    measured in its current mode.

    Args:
        model: The network, at theta.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        etas: Step sizes, positive.
        direction: What eta multiplies; by default the gradient of this batch. The line moves
            against it.
        start: The loss and its gradient at theta, where the step has computed them. They are not
            computed again.
        loss_scale: What a ``GradScaler`` multiplies the loss by, in float16.

    Raises:
        UsageError: A step size is not positive and finite or there is none, the direction or the
            gradient does not fit the model, the direction is zero, the model has nothing to train
            or is on another device than the batch, or the loss is not a scalar or not finite at
            theta. A loss that is not finite further along the line is a result.

    Example:
        >>> import torch
        >>> import landscope
        >>> model = torch.nn.Linear(1, 1, bias=False)  # the loss is w ** 2, with gradient 2 w
        >>> _ = torch.nn.init.constant_(model.weight, 3.0)
        >>> inputs, targets = torch.ones(1, 1), torch.zeros(1, 1)
        >>> loss_fn = torch.nn.functional.mse_loss
        >>> line = landscope.line(model, loss_fn, inputs, targets, etas=[0.25, 0.5, 1.0])
        >>> line.losses
        (2.25, 0.0, 9.0)
        >>> line.loss_band, line.gradient_norm, line.effective_beta
        ((0.0, 9.0), 6.0, 2.0)
    """
    check_etas(etas)
    point = trainable(model)
    if direction is not None:
        check_like(direction, point, "direction", model)
        if float(norm(direction)) == 0:
            raise UsageError(
                "direction is zero in every entry",
                "a line has a direction",
                "leave it out to move along the gradient",
            )
    if start is not None:
        check_scalar(start[0], "start holds a loss of")
        check_like(start[1], point, "start's gradient", model)
    objective = Objective.now(model, loss_fn, inputs, targets, loss_scale=loss_scale)
    if start is None:
        start_loss, _, gradient = objective.gradient(point)
        start = (start_loss, gradient)
    check_finite(start[0])
    return landscape_along(objective, point, etas=etas, direction=direction, start=start)


def landscape_along(
    objective: Objective,
    point: Parameters,
    *,
    etas: Sequence[float],
    direction: Parameters | None = None,
    start: tuple[Tensor, Parameters] | None = None,
) -> Line:
    """:func:`line` from any point; what is known already is not computed again.

    Args:
        objective: The batch with the state of its step.
        point: theta.
        etas: Step sizes, positive.
        direction: What eta multiplies; by default the gradient.
        start: The loss and the gradient at ``point``, where the step has computed them.
    """
    if start is None:
        start_loss, _, gradient = objective.gradient(point)
    else:
        start_loss, gradient = start
    direction = gradient if direction is None else direction
    etas = [float(eta) for eta in etas]

    held = resolved(point, direction, etas)

    def at(eta: float, *, held: bool) -> Tensor:
        if not held:
            return torch.full_like(start_loss.expand(3), math.nan, dtype=torch.float32)
        loss, data_loss, there = objective.gradient(point, direction=direction, eta=eta)
        change = distance(there, gradient)
        return torch.stack([loss.to(change), data_loss.to(change), change])

    # In a function of its own, so that no two gradients are alive beside that of the start.
    rows = [at(eta, held=fits) for eta, fits in zip(etas, held, strict=True)]
    lengths = torch.stack([norm(gradient), norm(direction)])
    ends = torch.cat([start_loss.reshape(1).to(lengths), lengths])
    # One copy to the host at the end: no pass above waits for the device.
    table = torch.stack([*(row.to(lengths) for row in rows), ends]).tolist()
    *grid, (at_start, gradient_norm, length) = table
    losses, data_losses, changes = zip(*grid, strict=True)
    return Line(
        etas=tuple(etas),
        losses=losses,
        gradient_changes=changes,
        betas=tuple(
            change / (eta * length) if length else float("nan")
            for change, eta in zip(changes, etas, strict=True)
        ),
        data_losses=data_losses,
        start_loss=at_start,
        gradient_norm=gradient_norm,
        resolved=held,
    )


def check_etas(etas: Sequence[float]) -> None:
    """Refuse a grid that is empty or has a step size that is not positive and finite.

    Raises:
        UsageError: The grid is empty, or a step size is not positive and finite.
    """
    if not len(etas):
        raise UsageError("etas is empty", "a grid has at least one step size", "give etas=[0.1]")
    for eta in etas:
        if not (math.isfinite(eta) and eta > 0):
            raise UsageError(
                f"etas has the step size {float(eta)}",
                "a step size is positive and finite",
                "the line already moves downhill: give the size alone",
            )


def _smallest(values: tuple[float, ...]) -> float:
    return math.nan if any(map(math.isnan, values)) else min(values)


def _largest(values: tuple[float, ...]) -> float:
    return math.nan if any(map(math.isnan, values)) else max(values)
