"""Definition 2.1 as a user writes it: literally, and frugally. Neither shares code with landscope.

The literal loop puts the moved layers' parameters into the network, runs it, calls ``backward`` and
reads one layer's gradient. The frugal one asks for that layer's gradient alone, and for none of the
first layer's, whose shift is zero by definition: ten lines that any competent user would write, and
the baseline that landscope is held to.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.layers import Layer

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class Row:
    """What a baseline finds of one layer.

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


@dataclass(frozen=True)
class Update:
    """One update of a network, of which the shift of each layer is asked.

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

    model: nn.Module
    loss_fn: Callable[[Tensor, Tensor], Tensor]
    inputs: Tensor
    targets: Tensor
    layers: list[Layer]
    before: Parameters
    after: Parameters
    gradient: Parameters
    buffers: Parameters


def frugal(update: Update) -> list[Row]:
    """A whole forward pass for each layer but the first, and that layer's own gradient alone."""
    moved, sums = dict(update.before), [_sums(update.gradient, update.layers[0], update.gradient)]
    for earlier, layer in zip(update.layers, update.layers[1:], strict=False):
        moved.update({name: update.after[name] for name in earlier.parameters})
        own = {name: moved[name].detach().requires_grad_() for name in layer.parameters}
        buffers = {name: buffer.clone() for name, buffer in update.buffers.items()}
        outputs = functional_call(update.model, {**moved, **own, **buffers}, (update.inputs,))
        loss = update.loss_fn(outputs, update.targets)
        gradient = torch.autograd.grad(loss, list(own.values()))
        sums.append(_sums(update.gradient, layer, dict(zip(own, gradient, strict=True))))
    return _rows(update.layers, sums)


def literal(update: Update) -> list[Row]:
    """A whole forward pass and a whole backward pass for each layer; the model is put back."""
    parameters = dict(update.model.named_parameters())
    sums: list[Tensor] = []
    with _put_back(update.model):
        _write(parameters, update.before, update.before)
        for position, layer in enumerate(update.layers):
            if position:
                _write(parameters, update.after, update.layers[position - 1].parameters)
            _write(dict(update.model.named_buffers()), update.buffers, update.buffers)
            update.model.zero_grad()
            update.loss_fn(update.model(update.inputs), update.targets).backward()
            there = {
                name: torch.zeros_like(p) if p.grad is None else p.grad
                for name, p in parameters.items()
            }
            sums.append(_sums(update.gradient, layer, there))
    return _rows(update.layers, sums)


def _sums(still: Parameters, layer: Layer, moved: Parameters) -> Tensor:
    a, b = (
        torch.cat([gradient[name].flatten() for name in layer.parameters]).double()
        for gradient in (still, moved)
    )
    return torch.stack([(a - b).norm(), a.norm(), b.norm(), a @ b])


def _rows(layers: list[Layer], sums: list[Tensor]) -> list[Row]:
    numbers = torch.stack(sums).tolist()
    return [_row(layer.name, *row) for layer, row in zip(layers, numbers, strict=True)]


def _row(name: str, l2: float, still: float, moved: float, product: float) -> Row:
    nan = float("nan")
    cosine = product / (still * moved) if still * moved else nan
    return Row(name, l2, l2 / still if still else nan, cosine, still)


def _write(into: Parameters, values: Parameters, names: Iterable[str]) -> None:
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
