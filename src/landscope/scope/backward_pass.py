"""The backward pass of a block: the gradient as the training computes it, before it is changed.

Clipping, averaging over processes, noise, or a second pass at other weights come after it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from landscope.objective.parameters import Parameters


class BackwardPass:
    """Keeps what the first backward pass of a block gives each parameter.

    Args:
        model: The network.
        apart: A context in which this may work within the training: what goes wrong stays there.

    Attributes:
        gradient: Copies by the parameter's name, of those that a pass has reached.
        passes: Most passes that reached a parameter.
    """

    def __init__(self, model: nn.Module, apart: Callable[[], AbstractContextManager[None]]) -> None:
        self._model = model
        self._apart = apart
        self._handles: list[RemovableHandle] = []
        self.gradient: Parameters = {}
        self.passes = 0
        self._not_zero: list[Tensor] = []  # of each parameter, what was in .grad before

    def wait(self) -> None:
        """From here on, and anew."""
        self.gradient, self.passes, self._not_zero = {}, 0, []
        counts: dict[str, int] = {}

        def reached(name: str, parameter: Tensor) -> Callable[[Tensor], None]:
            def hook(gradient: Tensor) -> None:
                counts[name] = counts.get(name, 0) + 1
                self.passes = max(self.passes, counts[name])
                if name in self.gradient:
                    return
                with self._apart():
                    self.gradient[name] = dense(gradient)
                    if parameter.grad is not None:
                        self._not_zero.append(dense(parameter.grad).any())

            return hook

        for name, parameter in self._model.named_parameters():
            if parameter.requires_grad and parameter.is_leaf:
                self._handles.append(parameter.register_hook(reached(name, parameter)))

    def stop(self) -> None:
        """Nothing hangs on the parameters from here on."""
        while self._handles:
            self._handles.pop().remove()

    @property
    def adds_up(self) -> bool:
        """Whether a gradient was left from before, to which this one was added."""
        return any(map(bool, self._not_zero))


def dense(gradient: Tensor) -> Tensor:
    """A copy. Embeddings can have gradients that are sparse."""
    copy = gradient.detach().clone()
    return copy if copy.layout == torch.strided else copy.to_dense()
