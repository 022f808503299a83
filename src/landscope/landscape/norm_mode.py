"""Which function a batch norm is measured as: of its batch, of that batch held still, or neither.

In training mode a batch norm is a function of the batch, statistics included, and that function is
what is trained. Two others are of interest beside it, and are often measured in its place without
a word: the batch's own statistics as constants, through which no gradient flows, and the running
statistics, with which the network is used later.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.instancenorm import _InstanceNorm  # pyright: ignore[reportPrivateUsage]

from landscope.errors import UsageError
from landscope.landscape.exchange import Standing
from landscope.landscape.objective import Objective, forward_hooks
from landscope.landscape.parameters import Parameters

NormMode = Literal["batch", "frozen", "running"]
"""Of the batch, as in training; of its statistics held still; of the running statistics."""


def in_norm_mode(objective: Objective, mode: NormMode, parameters: Parameters) -> Objective:
    """The objective with its batch norms in a mode; all else, as dropout, is as in the step.

    Args:
        objective: The step's.
        mode: The mode. ``"batch"`` gives the objective back as it is.
        parameters: For ``"frozen"``: where the batch's statistics are taken.

    Raises:
        UsageError: A norm keeps no running statistics, or, for ``"frozen"``, it is used several
            times in a pass or has statistics of each sample.
    """
    if mode == "batch":
        return objective
    norms = dict(_following(objective))
    buffers = objective.buffers
    if mode == "frozen":
        buffers = {**buffers, **_of_the_batch(objective, norms, parameters)}
    own = set(norms.values())
    standing = _with_attributes(
        objective.standing, lambda module: {"training": False} if module in own else {}
    )
    return replace(objective, standing=standing, buffers=buffers)


def in_evaluation_mode(objective: Objective) -> Objective:
    """The objective with the whole network in evaluation mode."""
    standing = _with_attributes(objective.standing, lambda _: {"training": False})
    return replace(objective, standing=standing)


def keeps_statistics(module: nn.Module) -> bool:
    """Whether a module follows the statistics of batches, which it uses in evaluation mode.

    Known by its buffer ``running_mean``, as all of torch's and this project's norms have it.
    """
    return any(name == "running_mean" for name, _ in module.named_buffers(recurse=False))


def _following(objective: Objective) -> Iterator[tuple[str, nn.Module]]:
    """The norms that are functions of the batch in this step."""
    modes = {module: attributes["training"] for module, attributes in objective.standing.modules}
    for name, module in objective.model.named_modules():
        if not modes.get(module, False):
            continue
        if keeps_statistics(module):
            yield name, module
        elif isinstance(module, _BatchNorm):
            raise UsageError(
                f"the batch norm {name!r} keeps no running statistics",
                "it is a function of the batch in every mode",
                "measure it with norm_mode='batch', or make it with track_running_stats=True",
            )


def _of_the_batch(
    objective: Objective, norms: dict[str, nn.Module], parameters: Parameters
) -> dict[str, Tensor]:
    """The buffers of the norms with the statistics of the batch in the place of running ones."""
    values: dict[str, list[int]] = {name: [] for name in norms}

    def counting(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            del module
            values[name].append(args[0].numel() // args[0].shape[1])

        return hook

    # With nothing of the old kept, what a norm follows is the batch itself.
    standing = _with_attributes(objective.standing, _forgetting)
    buffers = objective.fresh_buffers()
    with torch.no_grad(), forward_hooks() as handles:
        for name, module in norms.items():
            _check_freezable(name, module)
            handles.append(module.register_forward_pre_hook(counting(name)))
        replace(objective, standing=standing).data_loss(parameters, buffers)
    for name, counts in values.items():
        if len(counts) > 1:
            raise UsageError(
                f"the norm {name!r} is used {len(counts)} times in a pass",
                "one set of statistics can be held still, and each use has its own",
                "measure it with norm_mode='batch'",
            )
    found: dict[str, Tensor] = {}
    for name, module in norms.items():
        if not values[name]:
            continue
        prefix = f"{name}." if name else ""
        own = {n: buffers[f"{prefix}{n}"] for n, _ in module.named_buffers(recurse=False)}
        if isinstance(module, _BatchNorm):
            # PyTorch normalises with the biased variance, and follows the unbiased one.
            count = values[name][0]
            own["running_var"] = own["running_var"] * ((count - 1) / count)
        found |= {f"{prefix}{n}": tensor for n, tensor in own.items()}
    return found


def _check_freezable(name: str, module: nn.Module) -> None:
    if isinstance(module, _InstanceNorm):
        raise UsageError(
            f"the instance norm {name!r}",
            "it has statistics of each sample, which no running ones can stand for",
            "measure it with norm_mode='batch' or 'running'",
        )


def _forgetting(module: nn.Module) -> dict[str, Any]:
    if not keeps_statistics(module):
        return {}
    # Two names for opposite things: the weight of the new, and the weight of the old.
    return {"momentum": 1.0} if hasattr(module, "momentum") else {"stats_decay": 0.0}


def _with_attributes(
    standing: Standing, attributes_of: Callable[[nn.Module], dict[str, Any]]
) -> Standing:
    modules = tuple((m, {**known, **attributes_of(m)}) for m, known in standing.modules)
    return Standing(modules, standing.tensors)
