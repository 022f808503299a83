"""The arguments of a scope: unwrapped, checked before a training begins, and recorded."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer

from landscope.errors import UsageError
from landscope.objective.checks import check_values
from landscope.objective.norm_mode import NormMode
from landscope.objective.parameters import trainable
from landscope.objective.random_state import devices_of
from landscope.probes.probe import Probe
from landscope.runs.manifest import describe_versions


def manifest_of(
    model: nn.Module,
    probes: Sequence[Probe],
    *,
    every: int | None,
    budget: float | None,
    norm_mode: NormMode,
) -> dict[str, Any]:
    """The fields of a run's manifest that describe a scope, apart from the id.

    The layers are in the order in which the network holds them.
    """
    return {
        "config": {
            "model": type(model).__name__,
            "probes": [probe.id for probe in probes],
            "every": every,
            "budget": budget,
            "norm_mode": norm_mode,
        },
        "layers": [
            name.rpartition(".")[0] or name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and parameter.ndim >= 2
        ],
        "device": ", ".join(sorted(map(str, devices_of(model)))),
        "threads": torch.get_num_threads(),
        **describe_versions(),
    }


def check_settings(budget: Any, every: Any, norm_mode: Any, first_step: Any) -> None:
    """Refuse an invalid budget, cadence, norm mode or first step.

    Raises:
        UsageError: An argument is not valid.
    """
    if not isinstance(budget, Real) or not 0 < float(budget) < 1:
        raise UsageError(
            f"budget = {budget!r}",
            "it is the share of the time that probes may take, above 0 and below 1",
            "give 0.05 for 5 %, or every=1 to measure each update",
        )
    if every is not None and not _counts(every, from_=1):
        raise UsageError(
            f"every = {every!r}",
            "it is the number of updates from one measurement to the next, at least 1",
            "give 1 to measure each update, or leave it out to let the budget decide",
        )
    if norm_mode not in get_args(NormMode):
        raise UsageError(
            f"norm_mode = {norm_mode!r}",
            f"batch norms are measured as one of {', '.join(get_args(NormMode))}",
            "choose one; 'batch' is the function that is trained",
        )
    if not _counts(first_step, from_=0):
        raise UsageError(
            f"first_step = {first_step!r}",
            "it is the number of updates that the training has already made",
            "give 0 for a new training",
        )


def check_penalty(l2_penalty: Any) -> None:
    """Refuse a strength of the penalty that has no meaning.

    Raises:
        UsageError: It is negative, or no finite number.
    """
    if not isinstance(l2_penalty, Real) or not 0 <= float(l2_penalty) < math.inf:
        raise UsageError(
            f"l2_penalty = {l2_penalty!r}",
            "it is lambda of a penalty lambda/2 ||W||^2 in the loss, at least 0",
            "leave it out where the loss has no penalty, or where the optimiser decays the weights",
        )


def _counts(number: Any, *, from_: int) -> bool:
    return isinstance(number, Integral) and int(number) >= from_


def check_training(model: Any, loss_fn: Any, optimizer: Any, scaler: Any) -> None:
    """Refuse anything that is not a network, a loss, an optimiser or a scaler.

    Raises:
        UsageError: An argument is not valid.
    """
    for name, given, right, rule, remedy in (
        (
            "model",
            model,
            isinstance(model, nn.Module),
            "it is the network, a torch.nn.Module",
            "give the model that the loop calls",
        ),
        (
            "loss_fn",
            loss_fn,
            callable(loss_fn),
            "it is called with outputs and targets, or with the model and a batch",
            "give a function such as torch.nn.functional.cross_entropy",
        ),
        *(
            (
                "optimizer",
                each,
                hasattr(each, "param_groups") and hasattr(each, "step"),
                (
                    "it is a torch.optim.Optimizer or similar, a list of these, or None if the "
                    "loop updates the parameters by hand"
                ),
                "give the optimiser whose step() the loop calls",
            )
            for each in (optimizers_of(optimizer) if optimizer != [] else ([],))
        ),
        (
            "scaler",
            scaler,
            scaler is None or hasattr(scaler, "get_scale"),
            "it is the GradScaler of a training in float16",
            "give the one that scales the loss, or leave it out",
        ),
    ):
        if not right:
            raise UsageError(f"{name} = {given!r}", rule, remedy)


def check_owned(model: nn.Module, optimizers: tuple[Any, ...]) -> None:
    """Refuse an optimiser that trains no parameter of the model, and a model with nothing to train.

    Raises:
        UsageError: The optimiser or the model has nothing to train, or the model has no values.
    """
    parameters = trainable(model)
    check_values(model)
    own = {tensor.data_ptr() for tensor in parameters.values()}
    for optimizer in optimizers:
        if not _has_groups(optimizer):
            raise UsageError(
                f"optimizer = {type(optimizer).__name__} with other param_groups than torch's",
                "they are a list of dicts, each with a list of its parameters under 'params'",
                "use that form, and list(model.parameters()), because the iterator can be read "
                "only once",
            )
        stepped = [p for group in optimizer.param_groups for p in group["params"]]
        if not any(isinstance(p, Tensor) and p.data_ptr() in own for p in stepped):
            raise UsageError(
                f"optimizer = {type(optimizer).__name__} over {len(stepped)} parameters",
                f"none of them is one of the {len(own)} that {type(model).__name__} trains",
                "create it from this model's parameters(), after moving the model to its device",
            )


def _has_groups(optimizer: Any) -> bool:
    groups = optimizer.param_groups
    return isinstance(groups, (list, tuple)) and all(
        isinstance(group, Mapping)
        and isinstance(group.get("params"), Iterable)
        and not isinstance(group["params"], (Iterator, Tensor, Mapping))
        for group in cast("list[Any]", groups)
    )


def network_of(called: nn.Module) -> nn.Module:
    """The network itself: measurements run eagerly, on this process's own batch.

    Args:
        called: A network, or what ``torch.compile`` or ``DistributedDataParallel`` made of it.
    """
    model: Any = called
    while True:
        if isinstance(model, (DistributedDataParallel, DataParallel)):
            model = model.module
        elif "_orig_mod" in getattr(model, "_modules", {}):
            model = model._orig_mod
        else:
            return model


def is_compiled(called: nn.Module) -> bool:
    """Whether ``torch.compile`` has compiled a network, or a part of it."""
    parts: list[Any] = list(called.modules())
    return any(
        "_orig_mod" in part._modules or getattr(part, "_compiled_call_impl", None) is not None
        for part in parts
    )


def has_hooks(optimizer: Any) -> bool:
    """Whether an optimiser calls hooks when it steps.

    A torch optimiser does so after its base constructor has run. An object that answers to every
    attribute name does not.
    """
    if isinstance(optimizer, Optimizer):
        return "_optimizer_step_post_hooks" in vars(optimizer)
    kind = type(optimizer)
    names = ("register_step_pre_hook", "register_step_post_hook")
    return all(callable(getattr(kind, name, None)) for name in names)


def optimizers_of(stepped: Any) -> tuple[Any, ...]:
    """The optimisers without the wrappers of Lightning and Accelerate.

    Args:
        stepped: One, several in a list or a tuple, or None.
    """
    if stepped is None:
        return ()
    if isinstance(stepped, (list, tuple)):
        return tuple(inner for each in stepped for inner in optimizers_of(each))
    while isinstance(getattr(stepped, "optimizer", None), Optimizer):
        stepped = stepped.optimizer
    return (stepped,)
