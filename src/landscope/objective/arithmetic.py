"""The arithmetic of a training step, layer by layer: what the cost of a probe is told in.

Products of matrices, convolutions and attention are counted, by torch's own counter.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from landscope.cost import LayerWork, Work
from landscope.objective.layers import layers_in_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters
from landscope.objective.recording import record
from landscope.objective.tape import Position, ReplayError, Tape


def operations_in(work: Callable[[], object]) -> int:
    """Operations of the matrix products, convolutions and attention in some work."""
    with FlopCounterMode(display=False, custom_mapping=_ATTENTION) as counter:
        work()
    return counter.get_total_flops()


def work_of(objective: Objective, parameters: Parameters, samples: int) -> Work:
    """The arithmetic of a training step, measured: a forward pass, and three backward.

    Where nothing is counted, or the pass cannot be cut into layers, it is taken to be even.

    Args:
        objective: The network and a batch; of how many samples makes no difference to the shares.
        parameters: Any point.
        samples: Samples in the batch whose work it is to be.
    """
    recording = record(objective, parameters)
    layers = layers_in_order(objective.model, recording.first_uses)
    tape = recording.tape
    if tape is None:
        return Work.even(len(layers), samples)
    ends = [recording.first_uses[layer.parameters[0]] for layer in layers[1:]]
    counts: list[tuple[int, int, int, int]] = []
    with objective.random_state.streams.kept(), objective.autocast.left():
        position = tape.start(objective.buffers)
        for layer, end in zip(layers, [*ends, len(tape.operations)], strict=True):
            try:
                counts.append(_counts(tape, position, end, parameters, layer.parameters))
            except (ReplayError, RuntimeError):
                return Work.even(len(layers), samples)
            tape.advance(position, end, parameters)
    total = sum(forward for forward, *_ in counts)
    if total == 0:
        return Work.even(len(layers), samples)
    return Work(tuple(LayerWork(*(part / total for part in parts)) for parts in counts), samples)


def _counts(
    tape: Tape, position: Position, end: int, parameters: Parameters, names: tuple[str, ...]
) -> tuple[int, int, int, int]:
    """The operations of one layer, in the order of :class:`LayerWork`'s fields.

    Args:
        tape: The pass.
        position: Where it stands: before the layer. It is left there.
        end: Where the next layer begins.
        parameters: The point.
        names: The layer's own parameters.
    """
    own = {name: parameters[name].detach().requires_grad_() for name in names}
    start, entering = tape.rooted(position)
    forward = operations_in(lambda: tape.advance(start, end, parameters | own, differentiate=True))
    leaving = [
        tensor for tensor in start.tensors if tensor is not None and tensor.grad_fn is not None
    ]

    ones = [torch.ones_like(tensor) for tensor in leaving]

    def backward(to: list[Tensor]) -> int:
        if not (to and leaving):
            return 0
        return operations_in(
            lambda: torch.autograd.grad(leaving, to, ones, retain_graph=True, allow_unused=True)
        )

    weights = list(own.values())
    return forward, backward(entering), backward(weights), backward([*entering, *weights])


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)


# Torch counts a GPU's fused attention and passes over the CPU's, which computes the same products:
# two forward, five backward (QK^T once more, then the chain rule's four).
_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
