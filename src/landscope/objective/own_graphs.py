"""What the graph of a loss shows: that it differentiates, or holds weights of the model."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from landscope.errors import CapturedWeightsError
from landscope.objective.parameters import Parameters


class OwnGraphs:
    """Runs a pass without a graph, and with one where the loss turns out to need it.

    A loss is evaluated under ``no_grad`` wherever its gradient is not asked for. One that calls
    ``torch.autograd.grad`` cannot be; what was learned of one pass holds for all that follow.
    """

    def __init__(self) -> None:
        self._needed = False
        self._checked = False
        self.hides_a_part = False
        """Whether the first graph that was checked has a checkpoint of the old kind in it."""

    def check(self, loss: Tensor, own: Mapping[str, Tensor]) -> None:
        """Look at the first graph: refuse a loss that uses weights of the model itself.

        Other weights were put in their places.

        Args:
            loss: A scalar with its graph.
            own: The model's own parameters and buffers, by name.

        Raises:
            CapturedWeightsError: It does.
        """
        if self._checked:
            return
        nodes = list(nodes_of(loss))
        leaves = {id(getattr(node, "variable", None)) for node in nodes}
        captured = [name for name, tensor in own.items() if id(tensor) in leaves]
        if captured:
            raise CapturedWeightsError(
                f"the loss uses the parameter {captured[0]!r} by another way than the model",
                "a measurement evaluates the loss at other weights, which it puts in the places "
                "where the model holds its own",
                "write the loss as loss_fn(model, batch), and take the weights from that model",
            )
        self._checked = True
        self.hides_a_part = any("CheckpointFunction" in type(node).__name__ for node in nodes)

    def around(self, run: Callable[[Parameters], Any], point: Parameters) -> Any:
        """What a pass gives, which can be run twice; a graph that only the loss needed ends here.

        Args:
            run: The pass at a point; it leaves nothing behind, so that a second is like the first.
            point: The parameters.
        """
        if torch.is_grad_enabled():
            return run(point)
        if not self._needed:
            try:
                return run(point)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError:
                pass  # if it was for want of a graph, it goes well with one
        # The loss may differentiate by the weights, as where a few steps are a part of it.
        own = {name: tensor.detach().requires_grad_() for name, tensor in point.items()}
        with torch.enable_grad():
            given = run(own)
        self._needed = True
        return given.detach() if isinstance(given, Tensor) else given


def nodes_of(loss: Tensor) -> Generator[Any]:
    """The nodes of a graph, each once."""
    left, seen = [loss.grad_fn], set[Any]()
    while left:
        node = left.pop()
        if node is not None and node not in seen:
            seen.add(node)
            left += [following for following, _ in node.next_functions]
            yield node


@contextmanager
def grads_kept(loss: Tensor, point: Parameters) -> Generator[None]:
    """Inside, ``.grad`` of what a loss reaches beside a point is empty; outside, it is as it was.

    A checkpoint with ``use_reentrant=True`` leaves its gradients in ``.grad``; its inside is not in
    the graph. Only ``backward()`` goes through it: of a gradient by the weights behind it,
    torch prunes it without a word.

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
