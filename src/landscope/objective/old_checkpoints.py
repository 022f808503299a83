"""Checkpoints of the old kind, with ``use_reentrant=True``: only ``backward()`` goes through them.

Its inside is no part of the graph, and leaves its gradients in ``.grad``. Where it lies before all
other layers, torch prunes it from a gradient by their weights without a word.
"""

from collections.abc import Generator
from contextlib import contextmanager

from torch import Tensor

from landscope.objective.own_graphs import nodes_of
from landscope.objective.parameters import Parameters


@contextmanager
def grads_kept(loss: Tensor, point: Parameters) -> Generator[None]:
    """Inside, ``.grad`` of what a loss reaches beside a point is empty; outside, it is as it was.

    Args:
        loss: A scalar with its graph, on which ``backward()`` is called inside.
        point: Whose gradients are wanted.
    """
    own = set(map(id, point.values()))
    leaves = [node.variable for node in nodes_of(loss) if hasattr(node, "variable")]
    others = [(leaf, leaf.grad) for leaf in leaves if id(leaf) not in own]
    for leaf, _ in others:
        leaf.grad = None
    try:
        yield
    finally:
        for leaf, grad in others:
            leaf.grad = grad
