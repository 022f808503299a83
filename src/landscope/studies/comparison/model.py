"""A model from the user's function, with its norms replaced, and how it is trained."""

import hashlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn

from landscope.errors import UsageError, unknown_name
from landscope.norms.replace.found import ON_COMMAND_LINE, Axis
from landscope.norms.replace.model import replaced
from landscope.objective.batch import IN_BATCH, arguments_of
from landscope.objective.random_state import seed_streams
from landscope.studies.comparison.configuration import AS_IS, ComparisonRun
from landscope.studies.comparison.functions import UserFunctions, call, tell_error


@dataclass(frozen=True)
class UserLoss:
    """How a batch becomes a loss, and what a scope needs to know about it.

    Args:
        function: The user's, of the model and the batch; None for cross-entropy.
    """

    function: Callable[[nn.Module, Any], Tensor] | None

    @property
    def of_scope(self) -> Callable[..., Tensor]:
        """The loss as a scope takes it."""
        return nn.functional.cross_entropy if self.function is None else self.function

    def parts(self, batch: Any) -> tuple[Any, Any]:
        """Inputs and targets as a scope's step takes them.

        Raises:
            UsageError: Cross-entropy needs a pair, and the batch is none.
        """
        if self.function is not None:
            return batch, IN_BATCH
        if not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise UsageError(
                f"a batch is a {type(batch).__name__}",
                "for cross-entropy a batch is a pair (inputs, targets)",
                "name a function loss_fn(model, batch) with --loss for any other batch",
            )
        inputs, targets = batch
        return inputs, targets

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        """The loss of a batch."""
        if self.function is not None:
            return self.function(model, batch)
        inputs, targets = self.parts(batch)
        args, kwargs = arguments_of(inputs)
        return nn.functional.cross_entropy(model(*args, **kwargs), targets)


def build_model(
    functions: UserFunctions, config: ComparisonRun, batch: Any, device: str
) -> nn.Module:
    """The user's model with the run's norm, its weights those of the seed, in training mode.

    Args:
        functions: The user's.
        config: The run.
        batch: A batch on the device, which shows the shape of each norm's input.
        device: Where the model goes.

    Raises:
        UsageError: It is not a model, has nothing to train, or its norms cannot be replaced.
    """
    seed_streams(config.seed)
    model = call(config.model, functions.make_model)
    if not isinstance(model, nn.Module):
        raise UsageError(
            f"{config.model} gives a {type(model).__name__}",
            "it gives a torch.nn.Module",
            "return the model",
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UsageError(
            config.model, "the model has no parameter to train", "leave requires_grad at True"
        )
    model = model.to(device).train()
    if config.norm == AS_IS:
        return model
    example = _inputs_of(model, UserLoss(functions.loss), batch)
    also, keep = _named_by(model, config)
    insert, advice = config.insert, ON_COMMAND_LINE
    return replaced(model, config.norm, {}, insert, example, also, keep, None, advice).train()


def _named_by(
    model: nn.Module, config: ComparisonRun
) -> tuple[dict[type[nn.Module], Axis], list[str | type[nn.Module]]]:
    """The classes and modules that an order names, as ``replace_norms`` takes them."""
    kinds = {type(module).__name__: type(module) for module in model.modules()}
    also: dict[type[nn.Module], Axis] = {}
    for each in config.also:
        name, _, axis = each.partition("=")
        if name not in kinds:
            raise unknown_name("class of norms", name, sorted(kinds))
        also[kinds[name]] = "last" if axis == "last" else "first"
    return also, [kinds.get(name, name) for name in config.keep]


def make_optimizer(functions: UserFunctions, config: ComparisonRun, model: nn.Module) -> Any:
    """The optimiser of a run: torch's with its own defaults, or the user's.

    Raises:
        UsageError: The user's function does not return an optimiser.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if functions.make_optimizer is None:
        kinds = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}
        return kinds[config.optimizer](trained, lr=config.lr)
    made = call(config.optimizer, functions.make_optimizer, model, config.lr)
    if not all(hasattr(made, name) for name in ("step", "zero_grad", "param_groups")):
        raise UsageError(
            f"{config.optimizer} gives a {type(made).__name__}",
            "it gives an optimiser with step(), zero_grad() and param_groups",
            "return a torch.optim.Optimizer over the model's parameters",
        )
    return made


def weights_checksum(model: nn.Module) -> str:
    """SHA-256 of the weight matrices and kernels, whatever they are called and in any order.

    Biases, and the scales and shifts of norms, which begin at one value, are left out: norms
    differ in them.
    """
    parts: list[str] = []
    for parameter in model.parameters():
        values = parameter.detach()
        if values.ndim >= 2 and bool((values != values.reshape(-1)[0]).any()):
            raw = values.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            parts.append(hashlib.sha256(raw).hexdigest())
    return hashlib.sha256("".join(sorted(parts)).encode()).hexdigest()


def state_checksum(model: nn.Module) -> int:
    """Of every bit of a model's parameters and buffers, in 32 bits: equal for equal models."""
    checksum = 0
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        checksum = crc32(raw.numpy().tobytes(), crc32(name.encode(), checksum))
    return checksum


class _Seen(Exception):  # noqa: N818 (no error: it ends a pass of which the inputs are known)
    """The model has been called."""


def _inputs_of(model: nn.Module, loss: UserLoss, batch: Any) -> Any:
    """What the loss calls the model with, as `replace_norms` takes an example; None if unknown."""
    found: list[Any] = []

    def see(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        found.append(dict(kwargs) if kwargs and not args else args)
        raise _Seen

    try:
        copy = deepcopy(model)
    except Exception:  # replacing says why a model cannot be copied
        return None
    copy.register_forward_pre_hook(see, with_kwargs=True)
    try:
        loss(copy, batch)
    except _Seen:
        return found[0]
    except Exception as error:
        raise UsageError(
            "the first batch", f"its loss fails with {tell_error(error)}", "fix it and start again"
        ) from error
    return None
