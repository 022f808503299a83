"""What a batch's own statistics are at each norm that follows them, as the norm computes them.

A norm follows the statistics of batches if it has a buffer ``running_mean``: torch's batch and
instance norms have it, with ``running_var`` beside it and ``momentum`` for the weight of the new;
this project's Lp norms, with ``running_scale`` and ``stats_decay`` for the weight of the old; and
so have other people's norms, if they are made of either. This is the one place that knows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.instancenorm import _InstanceNorm  # pyright: ignore[reportPrivateUsage]

from landscope.objective.exchange import Standing
from landscope.objective.objective import Objective, forward_hooks
from landscope.objective.parameters import Parameters


@dataclass(frozen=True, eq=False)
class BatchStatistics:
    """The statistics of one batch at one norm.

    Args:
        buffers: The norm's own, by their names in it: mean and biased variance, or scale, of the
            batch in the place of running ones.
        uses: How often the norm is used in a pass; the buffers are those of the last.
        moved: Whether the pass moved any of them: a norm that is not of the batch leaves them.
    """

    buffers: dict[str, Tensor]
    uses: int
    moved: bool


def keeps_statistics(module: nn.Module) -> bool:
    """Whether a module has running statistics, which it uses in evaluation mode."""
    return "running_mean" in dict(module.named_buffers(recurse=False))


def follows_batches(module: nn.Module) -> bool:
    """Whether they follow those of batches in one of the two ways that are known here."""
    return keeps_statistics(module) and bool(_forgetting(module))


def in_training_mode(objective: Objective) -> dict[str, nn.Module]:
    """The modules that are in training mode in the step, by name."""
    modes = {module: attributes["training"] for module, attributes in objective.standing.modules}
    return {n: module for n, module in objective.model.named_modules() if modes.get(module, False)}


def statistics_of_batch(
    objective: Objective, norms: dict[str, nn.Module], parameters: Parameters
) -> dict[str, BatchStatistics]:
    """The batch's statistics at some norms, by name, in one forward pass.

    Norms that a pass does not use are left out. Those that do not follow batches in a known way
    (:func:`follows_batches`) have whatever they make of one batch.

    Args:
        objective: The batch, with the norms in training mode.
        norms: Which, by name.
        parameters: Where.
    """
    counts: dict[str, list[int]] = {name: [] for name in norms}

    def counting(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            counts[name].append(_values(module, (*args, *kwargs.values())[0]))

        return hook

    # With nothing of the old kept, what a norm follows is the batch itself.
    forgetting = with_attributes(objective.standing, _forgetting)
    buffers = objective.fresh_buffers()
    with torch.no_grad(), forward_hooks() as handles:
        for name, module in norms.items():
            handles.append(module.register_forward_pre_hook(counting(name), with_kwargs=True))
        replace(objective, standing=forgetting).data_loss(parameters, buffers)
    return {
        name: _found(objective, name, norms[name], buffers, seen)
        for name, seen in counts.items()
        if seen
    }


def _found(
    objective: Objective, name: str, module: nn.Module, buffers: Parameters, counts: list[int]
) -> BatchStatistics:
    names = {n: f"{name}.{n}" if name else n for n, _ in module.named_buffers(recurse=False)}
    own = {n: buffers[full] for n, full in names.items()}
    moved = any(not own[n].equal(objective.buffers[full]) for n, full in names.items())
    if isinstance(module, (_BatchNorm, _InstanceNorm)):
        # PyTorch normalises with the biased variance, and follows the unbiased one.
        own["running_var"] = own["running_var"] * ((counts[-1] - 1) / counts[-1])
    return BatchStatistics(own, len(counts), moved)


def _values(module: nn.Module, inputs: Tensor) -> int:
    """How many values each feature's statistics are of."""
    values = inputs.numel() // module.get_buffer("running_mean").numel()
    if not isinstance(module, _InstanceNorm):
        return values
    alone = next(dim for kind, dim in _ONE_SAMPLE.items() if isinstance(module, kind))
    return values if inputs.dim() == alone else values // len(inputs)


_ONE_SAMPLE = {nn.InstanceNorm1d: 2, nn.InstanceNorm2d: 3, nn.InstanceNorm3d: 4}
"""Dimensions of what each takes without a batch."""


def _forgetting(module: nn.Module) -> dict[str, Any]:
    if keeps_statistics(module):
        # Two names for opposite things: the weight of the new, and the weight of the old.
        for name, nothing_old in (("momentum", 1.0), ("stats_decay", 0.0)):
            # Not hasattr of the module itself, which may answer to every name.
            if name in vars(module) or hasattr(type(module), name):
                return {name: nothing_old}
    return {}


def with_attributes(
    standing: Standing, attributes_of: Callable[[nn.Module], dict[str, Any]]
) -> Standing:
    """The captured state, with other attributes for some modules.

    Args:
        standing: The captured state.
        attributes_of: The other attributes of a module.
    """
    modules = tuple((m, {**known, **attributes_of(m)}) for m, known in standing.modules)
    return replace(standing, modules=modules)
