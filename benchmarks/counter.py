"""Torch's count of operations, made whole: with the CPU's fused attention, which it leaves out.

Torch counts a GPU's fused attention and passes over the CPU's, which computes the same products:
two forward, five backward (QK^T once more, then the chain rule's four). Here both are counted
alike, by torch's own two formulas.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)


def _forward(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_backward_flop_count(gradient, query, key, value)


_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _forward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward,
}


def counted(work: Callable[[], object]) -> int:
    """Operations of the matrix products, convolutions and attention in some work."""
    with FlopCounterMode(display=False, custom_mapping=_ATTENTION) as counter:
        work()
    return counter.get_total_flops()
