"""What a run of the user's own model is made of: loaded, tried on a batch, and refused if unfit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from landscope.errors import LandscopeError, UsageError
from landscope.objective.layers import execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import trainable
from landscope.objective.random_state import seed_streams
from landscope.studies.comparison.batches import OwnBatches
from landscope.studies.comparison.configuration import AS_IS, ComparisonRun
from landscope.studies.comparison.import_path import tell_error
from landscope.studies.comparison.model import (
    OwnFunctions,
    OwnLoss,
    build_own,
    load_functions,
    make_optimizer,
)
from landscope.studies.machine import Machine


@dataclass(frozen=True)
class OwnParts:
    """What a run of the user's own model is made of, as it is at the first step.

    Args:
        functions: The user's.
        model: The model with the run's norm, in training mode.
        loss: Of the model and a batch.
        batches: From the first on.
        optimizer: Of the model's parameters.
        layers: Names in the order of execution.
    """

    functions: OwnFunctions
    model: nn.Module
    loss: OwnLoss
    batches: OwnBatches
    optimizer: Any
    layers: list[str]


def set_up(config: ComparisonRun, machine: Machine) -> OwnParts:
    """Load the user's functions and make what a run is made of.

    Args:
        config: The run.
        machine: Where it takes place.

    Raises:
        UsageError: One of the functions does not give what it should.
    """
    functions = load_functions(config)
    batches = OwnBatches(functions.make_batches, config.seed, machine.device)
    try:
        batch = batches.peek()
    except LandscopeError:
        raise
    except AssertionError as error:
        raise _loader_refused(error) from error
    except Exception as error:
        raise UsageError(
            config.data, f"it fails with {tell_error(error)}", "mend it and start again"
        ) from error
    loss = OwnLoss(functions.loss)
    loss.parts(batch)
    model = build_own(functions, config, batch, machine.device)
    optimizer = make_optimizer(functions, config, model)
    # What the network draws while it trains is the same for every norm that draws as much.
    seed_streams(config.seed)
    layers = _layers(model, loss, batch)
    return OwnParts(functions, model, loss, batches, optimizer, layers)


def _loader_refused(error: AssertionError) -> UsageError:
    """What a DataLoader's processes are told inside of a worker, which may have none."""
    if "daemonic" not in str(error):
        return UsageError("make_batches(seed)", tell_error(error), "mend it and start again")
    return UsageError(
        "make_batches(seed) starts processes of its own",
        "a run in a worker process cannot have any",
        "give --workers 1, or make the DataLoader with num_workers=0",
    )


def _layers(model: nn.Module, loss: OwnLoss, batch: Any) -> list[str]:
    """Names in the order of execution; as the model holds them where that cannot be told."""
    inputs, targets = loss.parts(batch)
    try:
        objective = Objective.now(model, loss.of_scope, inputs, targets)
        return [layer.name for layer in execution_order(objective, trainable(model))]
    except (LandscopeError, RuntimeError):
        matrices = [name for name, p in model.named_parameters() if p.ndim >= 2]
        return [name.rpartition(".")[0] or name for name in matrices]


def _first_loss(config: ComparisonRun, parts: OwnParts) -> float:
    """The loss of the first batch, in which the user's functions meet for the first time."""
    batch = parts.batches.next()
    try:
        loss: Any = parts.loss(parts.model, batch)
    except Exception as error:
        raise UsageError(
            f"the first batch of {config.data} with norm {config.norm}",
            f"the loss fails with {tell_error(error)}",
            "mend what does not fit, or name a function loss_fn(model, batch) with --loss",
        ) from error
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
        shape = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise UsageError(
            f"a loss of {shape}",
            "a loss is one number that depends on the parameters",
            "return the mean over the batch, as a tensor that has not been detached",
        )
    return float(loss.detach())


def check_own(configs: Sequence[ComparisonRun], machine: Machine) -> int:
    """Refuse what cannot be trained before anything is written: every norm takes one batch.

    Args:
        configs: One run for each norm, all with the same seed.
        machine: Where the runs will be.

    Returns:
        The processes that the user's loader starts for itself.

    Raises:
        UsageError: A function is missing or fails, a batch does not fit the model, a norm cannot
            be put in, or no norm has a finite loss.
    """
    with machine.prepared():
        # First as it is given: what does not fit then is no norm's fault.
        as_is = configs[0].model_copy(update={"norm": AS_IS})
        parts = set_up(as_is, machine)
        workers = parts.batches.workers
        _first_loss(as_is, parts)
        losses: list[float] = []
        for config in configs:
            parts = set_up(config, machine)
            losses.append(_first_loss(config, parts))
    if not any(map(math.isfinite, losses)):
        raise UsageError(
            f"the first loss is {losses[0]} with every norm",
            "a training starts from finite numbers",
            "check the data for NaN",
        )
    return workers
