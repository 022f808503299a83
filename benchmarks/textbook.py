"""Definition 2.1 by the book: for each layer a whole forward and a whole backward pass.

This is the loop that a user writes: swap the parameters of the layers before i in, run the network,
call ``backward``, read the gradient of layer i. It shares no code with landscope.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.layers import Layer


@dataclass(frozen=True)
class Row:
    """What the book says of one layer.

    Args:
        layer: Its name.
        l2: ``||G - G'||``.
        relative: ``||G - G'|| / ||G||``.
        cosine: Cosine of the angle between them.
        gradient_norm: ``||G||``.
    """

    layer: str
    l2: float
    relative: float
    cosine: float
    gradient_norm: float


def shift_by_the_book(
    model: nn.Module,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    *,
    layers: list[Layer],
    before: dict[str, Tensor],
    after: dict[str, Tensor],
    gradient: dict[str, Tensor],
    buffers: dict[str, Tensor],
) -> list[Row]:
    """The shift of each layer; the model is put back as it was.

    Args:
        model: The network.
        loss_fn: ``loss_fn(outputs, targets)``, a scalar.
        inputs: The batch.
        targets: Its targets.
        layers: The layers in the order of execution.
        before: The parameters before the step.
        after: The parameters after it.
        gradient: The gradient at ``before``.
        buffers: The running statistics before the step.
    """
    parameters = dict(model.named_parameters())
    sums: list[Tensor] = []
    with _put_back(model):
        _write(parameters, before, before)
        for position, layer in enumerate(layers):
            if position:
                _write(parameters, after, layers[position - 1].parameters)
            _write(dict(model.named_buffers()), buffers, buffers)
            model.zero_grad()
            loss_fn(model(inputs), targets).backward()
            still = torch.cat([gradient[name].flatten() for name in layer.parameters]).double()
            moved = torch.cat([_gradient(parameters[name]) for name in layer.parameters]).double()
            sums.append(
                torch.stack([(still - moved).norm(), still.norm(), moved.norm(), still @ moved])
            )
    numbers = torch.stack(sums).tolist()
    return [_row(layer.name, *row) for layer, row in zip(layers, numbers, strict=True)]


def _row(name: str, l2: float, still: float, moved: float, product: float) -> Row:
    nan = float("nan")
    cosine = product / (still * moved) if still * moved else nan
    return Row(name, l2, l2 / still if still else nan, cosine, still)


def _gradient(parameter: Tensor) -> Tensor:
    found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return found.flatten()


def _write(into: dict[str, Tensor], values: dict[str, Tensor], names: Iterable[str]) -> None:
    with torch.no_grad():
        for name in names:
            into[name].copy_(values[name])


@contextmanager
def _put_back(model: nn.Module) -> Generator[None]:
    """Afterwards weights, running statistics and gradients are what they were."""
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradients = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    try:
        yield
    finally:
        model.load_state_dict(kept)
        for name, parameter in model.named_parameters():
            parameter.grad = gradients[name]
