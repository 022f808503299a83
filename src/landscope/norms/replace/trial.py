"""Decides whether a module of an unknown class is a norm, by its name and by a trial.

A trial runs the module on inputs made for it. They are built so that every set over which a norm
may take its statistics (a feature, a sample, a token, a channel, a group of channels) has the same
values in another order. All its means and variances are equal then, and each feature of a norm's
output is a straight line of its input. An activation, a dropout, a gate or a threshold bends it; a
residual connection depends on the size of the inputs, which a norm does not.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from landscope.norms.replace.example import copied
from landscope.objective.random_state import RandomState, devices_of

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-z]*")
_ENDS_AS_NORM = re.compile(r"norm\d*d?$", re.IGNORECASE)
_NORM_WORDS = {"norm", "renorm", "bn", "abn", "ibn", "ln", "gn", "grn", "frn"}
_NORM_IF_TRAINED = {"normalization", "normalisation"}
"""A transform of images has this name too, and nothing to train."""

_ROUNDING = 1e-4
"""Relative tolerance: an activation bends by more than 1e-2, and float32 rounds below 1e-5."""

_SIZE = 100.0
"""Standard deviation of the inputs, so large that eps is negligible."""

_FEATURES = 8
"""For a module that does not say how many it takes, most of which take any number."""


def calls_itself_a_norm(module: nn.Module) -> bool:
    """Whether a word of its class's name says so, and it holds no weight matrix.

    ``EvoNorm2dS0``, ``InPlaceABN`` and ``GRN`` do; ``Normalize``, ``NormalDistribution`` and a
    layer with normalised weights do not.
    """
    name = type(module).__name__
    words = {word.lower() for word in _WORDS.findall(name)}
    parameters = list(module.parameters())
    named = words & _NORM_WORDS or _ENDS_AS_NORM.search(name)
    named = named or (parameters and words & _NORM_IF_TRAINED)
    return bool(named) and not any(map(_is_matrix, parameters))


def _is_matrix(parameter: Tensor) -> bool:
    return not is_lazy(parameter) and sum(size > 1 for size in parameter.shape) > 1


@dataclass(frozen=True)
class Trial:
    """What a trial shows about a module that is a norm.

    Args:
        spatial: The numbers of spatial dimensions with which it ran.
        after: Names of its children, which act on what the norm gives, in this order.
        affine: Which of "weight" and "bias" are its scale and its shift.
    """

    spatial: tuple[int, ...]
    after: tuple[str, ...]
    affine: tuple[str, ...]


def children_of(module: nn.Module) -> list[str]:
    """Names of the children of a norm, without those that only normalise its weights."""
    return [name for name, _ in module.named_children() if name != "parametrizations"]


def tried(
    module: nn.Module, axis: Literal["first", "last"], features: int | None, spatial: Iterable[int]
) -> Trial | None:
    """Test whether a module is a norm followed by its children.

    Args:
        module: Left alone; copies are run.
        axis: Where its features may lie.
        features: Number of features, if known.
        spatial: The numbers of spatial dimensions to try.

    Returns:
        None if it is something else, or does not run on inputs of any of these shapes.
    """
    after = children_of(module)
    right: list[int] = []
    affine: tuple[str, ...] = ()
    for space in spatial:
        try:
            with torch.no_grad(), RandomState.capture(devices_of(module)).replayed():
                found = _on_shape(module, axis, features or _FEATURES, space)
        except Exception:  # any class may fail on such inputs
            continue
        if found is not None:
            right.append(space)
            affine = affine or found
    return Trial(tuple(right), tuple(after), affine) if right else None


def _on_shape(module: nn.Module, axis: str, features: int, space: int) -> tuple[str, ...] | None:
    """Its scale and shift; None if it is not a norm on inputs of this shape."""
    affine: tuple[str, ...] | None = None
    # Synchronised batch norm refuses to train on a CPU.
    for training in (False,) if isinstance(module, nn.SyncBatchNorm) else (True, False):
        bare, whole = (_ready(module, training, emptied) for emptied in (True, False))
        inputs = _inputs(module, axis, features, space)
        mixed = _SIZE * torch.randn_like(inputs)
        if not (_is_norm(bare, axis, inputs, mixed) and _is_followed(bare, whole, mixed / _SIZE)):
            return None
        if affine is None:
            affine = _affine(bare, axis, inputs)
    return affine


def _ready(module: nn.Module, training: bool, emptied: bool) -> nn.Module:
    """A copy in float32, with changed parameters and without hooks."""
    ready = copied(module, {}).float().train(training)
    for part in ready.modules():
        for hooks in ("_forward_hooks", "_forward_pre_hooks"):
            getattr(part, hooks).clear()
    generator = torch.Generator().manual_seed(0)
    own = {id(parameter) for parameter in ready.parameters(recurse=False)}
    for parameter in ready.parameters():
        size = 0.5 + torch.rand(parameter.shape, generator=generator)
        # Large, to reach activations that clip at 6 or at 20.
        parameter.copy_((30 * size if id(parameter) in own else size).to(parameter.device))
    for name in children_of(ready) if emptied else ():
        ready.add_module(name, nn.Identity())
    return ready


def _inputs(module: nn.Module, axis: str, features: int, space: int) -> Tensor:
    groups = getattr(module, "num_groups", 1)
    within = features // groups if axis == "last" or not space else features
    few = within if 2 < within < 8 else 8
    values = next((n for n in range(8, min(within, 64) + 1) if within % n == 0), few)
    shape = (
        (2, values, *(1,) * space, features)
        if axis == "last"
        else (2, features, values, *(2,) * (space - 1))
        if space
        else (2 * values, features)
    )
    generator = torch.Generator().manual_seed(1)
    drawn = _SIZE * torch.randn(values, generator=generator)
    index = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing="ij")).sum(0)
    device = next(iter(devices_of(module)), torch.device("cpu"))
    return drawn[index % values].to(device)


def _is_norm(bare: nn.Module, axis: str, inputs: Tensor, mixed: Tensor) -> bool:
    outputs = bare.forward(inputs.clone())
    if outputs.shape != inputs.shape or _line(axis, inputs, outputs) is None:
        return False
    larger = bare.forward(10 * inputs)
    if _near(larger, outputs):
        return True
    # With frozen statistics the line is the same for all inputs.
    both = torch.cat([mixed, 10 * mixed])
    given = torch.cat([bare.forward(part.clone()) for part in (mixed, 10 * mixed)])
    return _line(axis, both, given) is not None


def _is_followed(bare: nn.Module, whole: nn.Module, inputs: Tensor) -> bool:
    torch.manual_seed(0)
    expected = whole.forward(inputs.clone())
    torch.manual_seed(0)
    found = bare.forward(inputs.clone())
    for name in children_of(whole):
        found = whole.get_submodule(name)(found)
    return _near(found, expected)


def _affine(bare: nn.Module, axis: str, inputs: Tensor) -> tuple[str, ...]:
    before: Any = _line(axis, inputs, bare.forward(inputs.clone()))
    found: list[str] = []
    for name in ("weight", "bias"):
        value = getattr(bare, name, None)
        if not isinstance(value, Tensor):
            continue
        value.mul_(2) if name == "weight" else value.add_(_SIZE)
        now: Any = _line(axis, inputs, bare.forward(inputs.clone()))
        if now is not None and (
            _near(now[0], 2 * before[0])
            if name == "weight"
            else _near(now[1], before[1] + _SIZE) and _near(now[0], before[0])
        ):
            found.append(name)
        value.div_(2) if name == "weight" else value.sub_(_SIZE)
    return tuple(found)


def _line(axis: str, inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor] | None:
    """Slope and shift of each feature; None where they do not describe the outputs."""
    place = 1 if axis == "first" else inputs.dim() - 1
    x, y = (part.double().movedim(place, 0).flatten(1) for part in (inputs, outputs))
    slope = ((x - x.mean(1, True)) * (y - y.mean(1, True))).mean(1) / x.var(1, unbiased=False)
    shift = y.mean(1) - slope * x.mean(1)
    return (slope, shift) if _near(slope[:, None] * x + shift[:, None], y) else None


def _near(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    largest = expected.abs().max().item()
    error = (found - expected).abs().max().item()
    return math.isfinite(largest) and error <= _ROUNDING * largest
