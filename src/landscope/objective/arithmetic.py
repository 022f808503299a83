"""The arithmetic of a training step, layer by layer, in which probes declare their cost.

Products of matrices, convolutions and attention are counted, by torch's own counter.
"""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from landscope.cost import Work
from landscope.objective.moved import MovedPasses
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters


def operations_in(work: Callable[[], object]) -> int:
    """Operations of the matrix products, convolutions and attention in some work."""
    with _counter() as counter:
        work()
    return counter.get_total_flops()


def work_of(objective: Objective, parameters: Parameters, samples: int) -> Work:
    """The arithmetic of a training step, measured, and of the passes for each layer's shift.

    Where nothing is counted, it is taken to be even.

    Args:
        objective: The network and a batch; of how many samples makes no difference to the shares.
        parameters: Any point.
        samples: Samples in the batch whose work it is to be.
    """
    passes = MovedPasses(objective, parameters, parameters)
    forward = operations_in(lambda: objective.loss(parameters))
    if forward == 0:
        return Work.even(len(passes.order), samples)
    step = operations_in(lambda: objective.gradient(parameters))
    totals = [0]
    with _counter() as counter:
        passes.gradients(
            range(1, len(passes.order)), lambda *_: totals.append(counter.get_total_flops())
        )
    # The last layer's pass comes first, and the first layer has none.
    behind = [later - earlier for earlier, later in itertools.pairwise(totals)][::-1]
    return Work((0.0, *(part / forward for part in behind)), (step - forward) / forward, samples)


def _counter() -> FlopCounterMode:
    return FlopCounterMode(display=False, custom_mapping=_ATTENTION)


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
