r"""How large a step is safe: the loss along the optimiser's own update, and the curvature there.

At theta the optimiser with learning rate eta makes the update :math:`u = \theta - \theta'`, along
the direction :math:`d = u / \eta`. With g the gradient at theta and g' that at :math:`\theta'`:

- the loss :math:`L(\theta - m u)` for multiples m of the step: the largest m on the grid before
  the loss rises above that at theta is how far the step could have gone;
- the curvature along the update, :math:`\langle d, g - g' \rangle / (\eta \|d\|^2)`, by the change
  of the gradient over the very step that is taken;
- the same in the optimiser's own metric, :math:`\beta = \langle d, g - g' \rangle / (\eta \langle
  d, g \rangle)`. A quadratic falls along d up to :math:`\eta = 2/\beta` and most at
  :math:`1/\beta`, so comparing :math:`\beta\eta` with 2 shows how near the step is to the edge.

For plain gradient descent d = g, and both are the same number. An optimiser that preconditions,
:math:`d = P^{-1} g`, has :math:`\langle d, g \rangle = d^T P d`, its own metric's length of d.

Sources: the edge at :math:`2/\eta`, Cohen et al. 2021, arXiv 2103.00065; preconditioned, Cohen et
al. 2022, arXiv 2207.14484; curvature by the gradient's change along the step (directional
smoothness), Mishkin et al. 2024, arXiv 2403.04081.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.measures.line import check_etas
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import check_finite
from landscope.objective.objective import LossFn, Objective
from landscope.objective.parameters import (
    Parameters,
    check_like,
    displaced,
    inner,
    norm,
    resolved,
    trainable,
)
from landscope.text import html_table, short

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class StepSize:
    """The landscape along one update of an optimiser.

    Args:
        multiples: Multiples of the update, increasing.
        losses: Loss at ``theta - multiple * update`` for each; NaN where the type of theta cannot
            hold that point, as in bfloat16 a part of a small update.
        start_loss: Loss at theta.
        lr: Learning rate of the update.
        squared_length: ``||u||^2`` of the update u, in parameter^2.
        descent: ``<u, g>``: how much the loss would fall if it were linear.
        lost_descent: ``<u, g - g'>``: how much of that is gone at the other end of the step.
        resolved: Whether the parameters' type can hold the point, for each multiple.
    """

    multiples: tuple[float, ...]
    losses: tuple[float, ...]
    start_loss: float
    lr: float
    squared_length: float
    descent: float
    lost_descent: float
    resolved: tuple[bool, ...] = ()

    @property
    def safe_multiple(self) -> float:
        """Largest multiple on the grid up to which no loss is above that at theta; 0 if none is.

        Multiples that the parameters' type cannot hold are skipped; NaN if it can hold none, or
        there is no update.
        """
        known = self.resolved or [True] * len(self.multiples)
        if not (any(known) and self.squared_length):
            return math.nan
        safe = 0.0
        for multiple, loss, held in zip(self.multiples, self.losses, known, strict=True):
            if not held:
                continue
            if not loss <= self.start_loss:  # a NaN loss is not safe either
                break
            safe = multiple
        return safe

    @property
    def safe_lr(self) -> float:
        """The learning rate whose step is that multiple.

        If it is 0, no rate on the grid is safe; a smaller one may be.
        """
        return self.safe_multiple * self.lr if self.lr else math.nan

    @property
    def curvature(self) -> float:
        """Curvature along the update, in loss / parameter^2; NaN where there is no update."""
        return self.lost_descent / self.squared_length if self.squared_length else math.nan

    @property
    def sharpness_lr(self) -> float:
        """``beta * lr``, which at 2 is on the edge; NaN where the update goes uphill or nowhere."""
        return self.lost_descent / self.descent if self.descent > 0 else math.nan

    @property
    def metric_beta(self) -> float:
        """``beta``, the curvature in the optimiser's metric, in 1 / step size."""
        return self.sharpness_lr / self.lr if self.lr else math.nan

    @property
    def inverse_beta(self) -> float:
        """``1 / beta``, the best step size on a quadratic; NaN where the loss curves downward."""
        return 1 / self.metric_beta if self.metric_beta > 0 else math.nan

    def _repr_html_(self) -> str:
        return html_table(
            f"Step: safe up to {short(self.safe_multiple)} times lr {short(self.lr)}, "
            f"beta x lr {short(self.sharpness_lr)}, loss {short(self.start_loss)} at 0",
            ("multiple", "loss"),
            (map(short, row) for row in zip(self.multiples, self.losses, strict=True)),
        )


def step_size(
    model: nn.Module,
    loss_fn: LossFn,
    inputs: Any,
    targets: Any = IN_BATCH,
    *,
    update: Parameters,
    lr: float,
    multiples: Sequence[float] = MULTIPLES,
    loss_scale: float = 1.0,
) -> StepSize:
    """Measure how far an update could go, without taking it.

    The model is not changed, and is measured in its current mode.

    Args:
        model: The network, at theta, before the update.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        update: What the optimiser subtracts from theta: the parameters before minus those after.
        lr: Its learning rate.
        multiples: Multiples of the update, positive and increasing.
        loss_scale: What a ``GradScaler`` multiplies the loss by, in float16.

    Raises:
        UsageError: The multiples are not positive, finite and increasing, the learning rate is
            negative, the update does not fit the model, or the loss is no finite scalar.

    Example:
        >>> import torch
        >>> import landscope
        >>> model = torch.nn.Linear(1, 1, bias=False)  # the loss is w ** 2, with gradient 2 w
        >>> _ = torch.nn.init.constant_(model.weight, 4.0)
        >>> inputs, targets = torch.ones(1, 1), torch.zeros(1, 1)
        >>> loss_fn = torch.nn.functional.mse_loss
        >>> update = {"weight": torch.tensor([[1.0]])}  # lr 0.125 times the gradient 8
        >>> step = landscope.step_size(model, loss_fn, inputs, targets, update=update, lr=0.125)
        >>> step.safe_multiple, step.safe_lr  # at 8 times the step the loss is that at the start
        (8.0, 1.0)
        >>> step.metric_beta, step.sharpness_lr
        (2.0, 0.25)
    """
    check_multiples(multiples)
    if not lr >= 0:
        raise UsageError(f"lr = {lr}", "a learning rate is not negative", "give the optimiser's")
    point = trainable(model)
    check_like(update, point, "update", model)
    objective = Objective.now(model, loss_fn, inputs, targets, loss_scale=loss_scale)
    loss, _, gradient = objective.gradient(point)
    check_finite(loss)
    return along_update(
        objective, point, update, start=(loss, gradient), lr=lr, multiples=multiples
    )


def along_update(
    objective: Objective,
    point: Parameters,
    update: Parameters,
    *,
    start: tuple[Tensor, Parameters],
    lr: float,
    multiples: Sequence[float] = MULTIPLES,
) -> StepSize:
    """:func:`step_size` from any point, where the loss and its gradient are known already.

    Args:
        objective: The batch with the state of its step.
        point: theta.
        update: What is taken off it.
        start: The loss and the gradient there.
        lr: Learning rate of the update.
        multiples: Multiples of the update, positive and increasing.
    """
    start_loss, gradient = start
    held = resolved(point, update, multiples)
    end_loss, _, there = objective.gradient(point, direction=update, eta=1.0)
    descent = inner(update, gradient)
    numbers = [start_loss, norm(update).square(), descent, descent - inner(update, there)]
    del there
    unknown = torch.full_like(descent, math.nan)

    def loss_at(multiple: float, *, held: bool) -> Tensor:
        if not held:
            return unknown
        if multiple == 1:
            return end_loss
        return objective.loss(displaced(point, update, float(multiple)))

    numbers += [loss_at(m, held=fits) for m, fits in zip(multiples, held, strict=True)]
    # One copy to the host at the end: nothing above waits for the device.
    found, length, fall, lost, *losses = torch.stack([n.to(descent) for n in numbers]).tolist()
    return StepSize(
        multiples=tuple(map(float, multiples)),
        losses=tuple(losses),
        start_loss=found,
        lr=lr,
        squared_length=length,
        descent=fall,
        lost_descent=lost,
        resolved=held,
    )


def check_multiples(multiples: Sequence[float]) -> None:
    """Refuse a grid that is empty, or not positive, finite and increasing.

    Raises:
        UsageError: The grid is empty, or not positive, finite and increasing.
    """
    check_etas(multiples)
    if any(low >= high for low, high in pairwise(multiples)):
        raise UsageError(
            f"multiples = {tuple(multiples)}",
            "the search for the largest safe multiple starts at the smallest",
            "give them in increasing order, each once",
        )
