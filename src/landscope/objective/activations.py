"""What flows into and out of a network's modules in one pass at a point in parameter space."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from landscope.objective.objective import Objective, forward_hooks
from landscope.objective.parameters import Parameters


def activations(
    objective: Objective,
    parameters: Parameters,
    *,
    inputs_of: Iterable[str],
    outputs_of: Iterable[str],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """First input of some modules and output of others, by name, detached copies.

    A module that is not called, or with something else than a tensor in the first place, is left
    out; of one that is called several times the last call counts.

    Args:
        objective: The batch with the state of its step.
        parameters: The point.
        inputs_of: Names of modules whose first argument is wanted.
        outputs_of: Names of modules whose output is wanted.
    """
    modules = dict(objective.model.named_modules())
    entering: dict[str, Tensor] = {}
    leaving: dict[str, Tensor] = {}

    def keep_input(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            del module
            if args and isinstance(args[0], Tensor):
                entering[name] = args[0].detach().clone()

        return hook

    def keep_output(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            del module, args
            # A copy: the activation function that follows may work in place.
            leaving[name] = output.detach().clone()

        return hook

    with torch.no_grad(), forward_hooks() as handles:
        for name in inputs_of:
            handles.append(modules[name].register_forward_pre_hook(keep_input(name)))
        for name in outputs_of:
            handles.append(modules[name].register_forward_hook(keep_output(name)))
        objective.outputs(parameters)
    return entering, leaving
