"""The line as a user would measure it without landscope: by hand, or with `loss-landscapes`.

`loss-landscapes` 3.0.6 (https://pypi.org/project/loss-landscapes) walks along a straight line in
even steps and evaluates a metric at each point. Its own metric for gradients is tried as it is; so
is its walk with a metric that a user writes, which gives what :func:`landscope.line` gives.
"""

import copy
import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.step import Step

Points = list[tuple[float, float]]
"""Loss and gradient change at each step size."""


def by_hand(step: Step, etas: tuple[float, ...]) -> Points:
    """For each step size: run the model with other parameters, and take loss and gradient there."""
    points: Points = []
    for eta in etas:
        there = {
            name: (start - eta * step.gradient[name]).requires_grad_()
            for name, start in step.before.items()
        }
        buffers = {name: buffer.clone() for name, buffer in step.model.named_buffers()}
        outputs = functional_call(step.model, {**there, **buffers}, (step.inputs,))
        points.append(_loss_and_change(step, outputs, list(there.values())))
    return points


def with_the_package(step: Step, etas: tuple[float, ...]) -> Points:
    """`loss_landscapes.linear_interpolation` with a metric that a user writes.

    Raises:
        ImportError: The package is not installed, or does not load.
    """
    package = importlib.import_module("loss_landscapes")
    metrics = importlib.import_module("loss_landscapes.metrics")

    class LossAndChange(metrics.Metric):
        def __call__(self, wrapper: Any) -> tuple[float, float]:
            # The walk keeps parameters out of autograd, and moves them in place between calls.
            model = wrapper.modules[0].requires_grad_()
            point = _loss_and_change(step, model(step.inputs), list(model.parameters()))
            model.requires_grad_(requires_grad=False)
            return point

    start, end = _ends(step, etas)
    found = package.linear_interpolation(start, end, LossAndChange(), steps=len(etas))
    return [(float(loss), float(change)) for loss, change in found]


def with_its_own_metric(step: Step, etas: tuple[float, ...]) -> Points:
    """`loss_landscapes.linear_interpolation` with its own ``LossGradient``.

    Raises:
        ImportError: The package is not installed, or does not load.
    """
    package = importlib.import_module("loss_landscapes")
    metrics = importlib.import_module("loss_landscapes.metrics")
    metric = metrics.LossGradient(step.network.loss_fn, step.inputs, step.targets)
    start, end = _ends(step, etas)
    return package.linear_interpolation(start, end, metric, steps=len(etas))


PEERS: dict[str, Callable[[Step, tuple[float, ...]], Points]] = {
    "by hand": by_hand,
    "loss-landscapes": with_the_package,
    "loss-landscapes, LossGradient": with_its_own_metric,
}
"""What the line is compared with, by name."""


def _ends(step: Step, etas: tuple[float, ...]) -> tuple[nn.Module, nn.Module]:
    ends = []
    for eta in (0.0, max(etas)):
        model = copy.deepcopy(step.model)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(step.before[name] - eta * step.gradient[name])
        ends.append(model)
    return ends[0], ends[1]


def _loss_and_change(step: Step, outputs: Tensor, parameters: list[Tensor]) -> tuple[float, float]:
    loss = step.network.loss_fn(outputs, step.targets)
    there = torch.autograd.grad(loss, parameters)
    squares: list[Tensor] = [
        (gradient - start).double().square().sum()
        for gradient, start in zip(there, step.gradient.values(), strict=True)
    ]
    return loss.item(), torch.stack(squares).sum().sqrt().item()
