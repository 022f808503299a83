"""Losses that differentiate by themselves: a gradient penalty, forces, a differential equation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_NO_GRAPH = "does not require grad"
"""In what torch says where a loss asks for a derivative and nothing was recorded."""


class OwnGraphs:
    """Runs a pass without a graph, and with one where the loss turns out to need it.

    A loss is evaluated under ``no_grad`` wherever its gradient is not asked for. One that calls
    ``torch.autograd.grad`` cannot be; what was learned of one pass holds for all that follow.
    """

    def __init__(self) -> None:
        self._needed = False

    def around(self, run: Callable[[], Any]) -> Any:
        """What a pass gives, which can be run twice; a graph that only the loss needed ends here.

        Args:
            run: The pass; it leaves nothing behind, so that a second is like the first.
        """
        if torch.is_grad_enabled():
            return run()
        if not self._needed:
            try:
                return run()
            except RuntimeError as error:
                if _NO_GRAPH not in str(error):
                    raise
            self._needed = True
        with torch.enable_grad():
            given = run()
        return given.detach() if isinstance(given, Tensor) else given
