"""Theorems 4.1 and 4.2 of Santurkar et al. 2018, both sides, for every batch norm of a network.

One batch norm maps unit j of its input, ``y`` in R^m over the batch (and space), to
``z = gamma y_hat + beta`` with ``y_hat = (y - mean) / s`` and ``s^2 = var(y) + eps``. With
``g = dL/dz`` the gradient of the same downstream loss and ``v = dL_bn/dy`` the one through the
norm:

- Theorem 4.1: ``||v||^2 <= (gamma/s)^2 (||g||^2 - <1,g>^2/m - (1 + e) <g,y_hat>^2/m)``;
- Theorem 4.2: ``v' (d2L_bn/dy dy) v <= (Jv)' H (Jv) + (gamma/s^2) (...)``, H = d2L/dz dz.

The paper prints 1/sqrt(m) in the first, which is false, and drops eps. With 1/m and
``e = eps / s^2`` both are equalities. Writing J = dz/dy and a = <y_hat, v>/m, which is 0 without
eps, the curvature of the norm itself contributes

    (gamma/s^2) ( -2 a <g, v - a y_hat> - <g, y_hat> (||v||^2/m - a^2) ),

and ``Jv = (gamma/s) (v - a y_hat)``; for eps = 0 these are the terms that the paper prints.
The left sides are measured by differentiating through the norm, the right sides computed from g,
y_hat and H alone; nothing of one enters the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.measures.distribution import by_feature
from landscope.objective.batch import IN_BATCH
from landscope.objective.checks import check_dependence, check_finite
from landscope.objective.global_state import no_anomaly_mode
from landscope.objective.objective import LossFn, Objective, forward_hooks
from landscope.objective.parameters import Parameters, trainable

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm

Units = Float[Tensor, "m units"]
"""Values of each unit over batch and space."""


@dataclass(frozen=True)
class BatchNormTheory:
    """Both sides of the two theorems at one batch norm.

    Args:
        layer: Name of the batch norm.
        lipschitz_left: ``||dL_bn/dy_j||^2`` for each unit j.
        lipschitz_right: Right side of Theorem 4.1 for each unit.
        removed_fraction: rho_j, the share of ``||dL/dz_j||^2`` that the norm removes, in [0, 1].
        units: Units at which the curvature was measured.
        curvature_left: Left side of Theorem 4.2 at those units.
        curvature_right: Its right side.
    """

    layer: str
    lipschitz_left: tuple[float, ...]
    lipschitz_right: tuple[float, ...]
    removed_fraction: tuple[float, ...]
    units: tuple[int, ...]
    curvature_left: tuple[float, ...]
    curvature_right: tuple[float, ...]


def batch_norm_theory(
    model: nn.Module, loss_fn: LossFn, inputs: Any, targets: Any = IN_BATCH, *, units: int = 2
) -> list[BatchNormTheory]:
    """Both sides of Theorems 4.1 and 4.2 at every batch norm in training mode.

    Costs one forward and backward pass for Theorem 4.1, and two double backward passes for each
    unit at which the curvature is measured. The model is not changed.

    Args:
        model: The network; at least one batch norm must be in training mode.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar; ``loss_fn(model, inputs)`` where no
            targets are given.
        inputs: The batch: a tensor, a tuple of arguments or a dict of keywords.
        targets: Its targets; left out where the batch holds them.
        units: Units of each norm at which the curvature is measured, spread evenly; 0 for none.

    Raises:
        UsageError: No batch norm is in training mode, ``units`` is negative, or the model or the
            loss cannot be measured at all.

    Example:
        >>> import torch
        >>> import landscope
        >>> model = torch.nn.BatchNorm1d(1)
        >>> inputs = torch.tensor([[0.0], [2.0], [4.0], [6.0]])
        >>> targets = torch.tensor([[1.0], [0.0], [0.0], [2.0]])
        >>> (norm,) = landscope.batch_norm_theory(
        ...     model, lambda outputs, targets: ((outputs - targets) ** 2).sum(), inputs, targets
        ... )
        >>> [round(side, 3) for side in (*norm.lipschitz_left, *norm.lipschitz_right)]
        [1.84, 1.84]
        >>> [round(side, 3) for side in (*norm.curvature_left, *norm.curvature_right)]
        [0.247, 0.247]
        >>> round(norm.removed_fraction[0], 3)
        0.636
    """
    if units < 0:
        raise UsageError(f"units = {units}", "a number of units is 0 or more", "give units=2")
    objective = Objective.now(model, loss_fn, inputs, targets)
    point = trainable(model)
    theory = theory_of_norms(objective, point, units=units)
    with torch.no_grad():
        check_finite(objective.losses(point)[0])
    return theory


def theory_of_norms(
    objective: Objective, point: Parameters, *, units: int
) -> list[BatchNormTheory]:
    """:func:`batch_norm_theory` at any point in parameter space."""
    norms = {
        name: module
        for name, module in objective.model.named_modules()
        if isinstance(module, BatchNorm) and (module.training or module.running_mean is None)
    }
    if not norms:
        raise UsageError(
            f"{type(objective.model).__name__} has no batch norm in training mode",
            "the theorems are about the statistics of a batch",
            "call model.train(), or measure a network with batch norm",
        )
    with torch.enable_grad(), no_anomaly_mode():
        passes, loss = _record(objective, point, norms)
        return [_both_sides(name, norms[name], passes[name], loss, units) for name in passes]


def _record(
    objective: Objective, point: Parameters, norms: dict[str, BatchNorm]
) -> tuple[dict[str, tuple[Tensor, Tensor, Tensor]], Tensor]:
    """One pass with a graph: for each norm its input y, its output z and its scale gamma."""
    names = {id(module): name for name, module in norms.items()}
    inputs: dict[str, Tensor] = {}
    passes: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def before(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # A view of its own: y reaches the loss through this norm alone, even beside a shortcut.
        y = args[0].view_as(args[0])
        # Where no trained weight stands before the norm, y begins the graph.
        y = y if y.requires_grad else y.detach().requires_grad_()
        inputs[names[id(module)]] = y
        return (y, *args[1:])

    def after(module: BatchNorm, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        del args
        gamma = module.weight.detach() if module.affine else output.new_ones(output.shape[1])
        # Likewise z: what follows the norm sees this view, and an in-place ReLU a copy of it.
        z = output.view_as(output)
        passes[names[id(module)]] = (inputs[names[id(module)]], z, gamma)
        return z.clone()

    with forward_hooks() as handles:
        for module in norms.values():
            handles.append(module.register_forward_pre_hook(before))
            handles.append(module.register_forward_hook(after))
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in point.items()}
        _, data_loss = objective.losses(leaves)
    check_dependence(data_loss, list(leaves))
    return passes, data_loss


def _both_sides(
    name: str,
    module: BatchNorm,
    recorded: tuple[Tensor, Tensor, Tensor],
    loss: Tensor,
    units: int,
) -> BatchNormTheory:
    y, z, gamma = recorded
    curved = units > 0
    g_batch, v_batch = torch.autograd.grad(loss, [z, y], create_graph=curved, retain_graph=True)
    whitened, s2 = _whiten(by_feature(y), module.eps)
    g, v = by_feature(g_batch), by_feature(v_batch)
    m = g.shape[0]
    e = module.eps / s2
    along = (g * whitened).sum(0)
    kept = g.square().sum(0) - g.sum(0).square() / m - (1 + e) * along.square() / m
    removed = (g.sum(0).square() + along.square()) / (m * g.square().sum(0))
    chosen = _spread(g.shape[1], units)
    left, right = _curvatures(chosen, (y, z), (g_batch, v_batch), (g, v, whitened), gamma, s2)
    return BatchNormTheory(
        layer=name,
        lipschitz_left=tuple(v.square().sum(0).tolist()),
        lipschitz_right=tuple((gamma.square() / s2 * kept).tolist()),
        removed_fraction=tuple(removed.tolist()),
        units=tuple(chosen),
        curvature_left=tuple(left),
        curvature_right=tuple(right),
    )


def _curvatures(
    chosen: Sequence[int],
    ends: tuple[Tensor, Tensor],
    gradients: tuple[Tensor, Tensor],
    columns: tuple[Units, Units, Units],
    gamma: Tensor,
    s2: Tensor,
) -> tuple[list[float], list[float]]:
    """Both sides of Theorem 4.2 at the chosen units."""
    y, z = ends
    g_batch, v_batch = gradients
    lefts: list[Tensor] = []
    rights: list[Tensor] = []
    for j in chosen:
        g, v, whitened = (column[:, j] for column in columns)
        m = g.shape[0]
        a = (whitened * v).sum() / m
        through = gamma[j] / s2[j].sqrt() * (v - a * whitened)
        own = -2 * a * (g * (v - a * whitened)).sum() - (g * whitened).sum() * (
            v.square().sum() / m - a.square()
        )
        lefts.append(_quadratic(v_batch, y, j, v))
        rights.append(_quadratic(g_batch, z, j, through) + gamma[j] / s2[j] * own)
    return [float(left) for left in lefts], [float(right) for right in rights]


def _quadratic(gradient: Tensor, at: Tensor, unit: int, vector: Float[Tensor, " m"]) -> Tensor:
    """``u' (d gradient / d at) u`` for a direction u that lies in one unit."""
    direction = torch.zeros_like(at)
    shape = direction.transpose(0, 1)[unit].shape
    direction.transpose(0, 1)[unit] = vector.reshape(shape)
    # Where the loss is linear in `at`, autograd has no graph to go through: the curvature is 0.
    if not gradient.requires_grad:
        return torch.zeros((), dtype=at.dtype, device=at.device)
    (product,) = torch.autograd.grad(
        gradient, at, grad_outputs=direction, retain_graph=True, materialize_grads=True
    )
    return (product * direction).sum()


def _whiten(y: Units, eps: float) -> tuple[Units, Float[Tensor, " units"]]:
    s2 = y.var(0, correction=0) + eps
    return (y - y.mean(0)) / s2.sqrt(), s2


def _spread(units: int, chosen: int) -> list[int]:
    """``chosen`` of ``units``, spread evenly, the first among them."""
    count = min(units, chosen)
    return [position * units // count for position in range(count)]
