"""What a landscape cannot be measured of, refused before anything is: value, rule, remedy."""

import math
from numbers import Integral
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.objective.batch import tensors_of
from landscope.objective.random_state import devices_of

Samples = Literal["independent", "dependent"]
"""Whether a loss takes samples on their own or couples them, as a contrastive one does."""


def check_device(model: nn.Module, batch: Any, argument: str) -> None:
    """Refuse a batch that lies elsewhere than the model, or has no values.

    Raises:
        UsageError: The argument is not valid.
    """
    homes = devices_of(model)
    places = [tensor.device for tensor in tensors_of(batch)]
    if "meta" in {place.type for place in places} - {home.type for home in homes}:
        raise UsageError(
            f"{argument} are on the meta device",
            "a landscape is measured on values, of which that device holds none",
            "give a batch with values",
        )
    # A model spread over several devices may take its batch on any of them, and some parts of a
    # batch, such as the lengths of packed sequences, belong on the CPU.
    if places and homes.isdisjoint(places):
        home = next(iter(homes))
        raise UsageError(
            f"{argument} are on {places[0]}",
            f"the model is on {home}",
            f"move the batch with .to({str(home)!r})",
        )


def check_loss_scale(loss_scale: float) -> None:
    """Refuse a scale that is no scale.

    Raises:
        UsageError: It is not positive and finite.
    """
    if not (math.isfinite(loss_scale) and loss_scale > 0):
        raise UsageError(
            f"loss_scale = {loss_scale}",
            "it multiplies the loss, and is positive and finite",
            "give scaler.get_scale(), or leave it out where no GradScaler is used",
        )


def check_samples(batch_dim: Any, samples: Any) -> None:
    """Refuse a dimension of samples, or a way in which they belong together, without a meaning.

    Raises:
        UsageError: One of them has none.
    """
    if isinstance(batch_dim, bool) or not isinstance(batch_dim, Integral) or int(batch_dim) < 0:
        raise UsageError(
            f"batch_dim = {batch_dim!r}",
            "it is the dimension along which samples lie in each tensor, counted from 0",
            "give 0, or 1 where time comes first",
        )
    if samples not in get_args(Samples):
        raise UsageError(
            f"samples = {samples!r}",
            "they are 'independent', or the loss couples them and they are 'dependent'",
            "choose one; of dependent samples nothing is measured in halves",
        )


def check_visible(model: nn.Module) -> None:
    """Refuse what does not let itself be differentiated or taken apart.

    Raises:
        UsageError: Torch is in its inference mode, or a part is compiled to TorchScript.
    """
    if torch.is_inference_mode_enabled():
        raise UsageError(
            "torch is in its inference mode",
            "a landscape is made of gradients, which that mode does not allow",
            "measure outside torch.inference_mode()",
        )
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise UsageError(
                f"the module {name!r} is compiled to TorchScript",
                "what is measured has other weights put in their places, which it does not allow",
                "measure the model before torch.jit.script or torch.jit.trace",
            )


def check_values(model: nn.Module) -> None:
    """Refuse a model that has shapes and no values.

    Raises:
        UsageError: A parameter or a buffer is on the meta device.
    """
    for kind, named in (("parameter", model.named_parameters()), ("buffer", model.named_buffers())):
        for name, tensor in named:
            if tensor.is_meta:
                raise UsageError(
                    f"the {kind} {name!r} is on the meta device",
                    "a landscape is measured around values, of which that device holds none",
                    "give the network values first, as with to_empty() and its own initialisation",
                )


def check_scalar(loss: Any, where: str = "loss_fn gave") -> None:
    """Refuse a loss that is not one real number.

    Args:
        loss: What there is.
        where: Where it was found.

    Raises:
        UsageError: The argument is not valid.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise UsageError(
            f"{where} {found}",
            "a loss is one number, a tensor of one element",
            "reduce it, as with .mean() or .sum()",
        )
    if loss.is_complex():
        raise UsageError(
            f"{where} a number of type {loss.dtype}",
            "a loss is a real number",
            "reduce it to one, as with .abs() or .real",
        )


def check_dependence(loss: Tensor, names: list[str]) -> None:
    """Refuse a loss that no parameter enters.

    Raises:
        UsageError: The argument is not valid.
    """
    if not loss.requires_grad:
        raise UsageError(
            f"the loss does not depend on {names[0]!r} or any other of {len(names)} parameters",
            "a landscape is a function of parameters",
            "compute the loss from the model's outputs, without detach(), item() or no_grad()",
        )


def check_finite(loss: Tensor) -> None:
    """Refuse to measure around a point at which the loss itself is not a number.

    Raises:
        UsageError: The loss is NaN or infinite.
    """
    if not loss.isfinite():
        raise UsageError(
            f"the loss is {loss.item()} at the model's parameters",
            "a landscape is measured around a point where the loss is finite",
            "check the batch and the weights for NaN, or measure at an earlier step",
        )
