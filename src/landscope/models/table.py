"""The table of all models: each by a name, with a norm and a seed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from landscope.errors import UsageError, unknown_name
from landscope.models.dln import DLN
from landscope.models.mlp import MLP
from landscope.models.vgg import VGG, VGG_CONFIGS
from landscope.norms.table import NormBuilder, builder

CLASSES = 10
MLP_HIDDEN_WIDTH = 128


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a row's builder is given.

    Args:
        norm: Makes the norms.
        seed: Seed of the initial weights.
        in_channels: Channels of an image, or features of an example.
        classes: Number of classes, or features of the output; None where it was not given.
        depth: Number of weight-bearing layers; 0 where the row fixes it.
    """

    norm: NormBuilder
    seed: int
    in_channels: int
    classes: int | None
    depth: int


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the table.

    Args:
        name: What it is called in configurations and on the command line.
        builder: Makes it.
        in_channels: Default of the channels of an image, or of the features of an example.
        depth: Default of the number of weight-bearing layers, which the name may carry, as in
            "dln-5"; None where the row fixes it.
    """

    name: str
    builder: Callable[[ModelSpec], nn.Module]
    in_channels: int
    depth: int | None = None


def _vgg(name: str, spec: ModelSpec) -> VGG:
    return VGG(
        VGG_CONFIGS[name],
        norm=spec.norm,
        seed=spec.seed,
        in_channels=spec.in_channels,
        classes=spec.classes or CLASSES,
    )


def _dln(spec: ModelSpec) -> DLN:
    if spec.classes not in (None, spec.in_channels):
        raise UsageError(
            f"classes = {spec.classes} with in_channels = {spec.in_channels}",
            "the matrices of a deep linear network are square",
            "give one number for both, or leave out classes",
        )
    return DLN(spec.in_channels, spec.depth, norm=spec.norm, seed=spec.seed)


def _mlp(spec: ModelSpec) -> MLP:
    hidden = [MLP_HIDDEN_WIDTH] * (spec.depth - 1)
    widths = [spec.in_channels, *hidden, spec.classes or CLASSES]
    return MLP(widths, norm=spec.norm, seed=spec.seed)


_ROWS = (
    ModelEntry("vgg-small", partial(_vgg, "vgg-small"), in_channels=1),
    ModelEntry("vgg-medium", partial(_vgg, "vgg-medium"), in_channels=3),
    ModelEntry("vgg-11", partial(_vgg, "vgg-11"), in_channels=3),
    ModelEntry("vgg-16", partial(_vgg, "vgg-16"), in_channels=3),
    ModelEntry("dln", _dln, in_channels=10, depth=25),
    ModelEntry("mlp", _mlp, in_channels=784, depth=3),
)

MODELS: dict[str, ModelEntry] = {row.name: row for row in _ROWS}
"""All models, by name."""


def build(
    name: str,
    *,
    norm: str | NormBuilder = "none",
    seed: int = 0,
    in_channels: int | None = None,
    classes: int | None = None,
) -> nn.Module:
    """Make a model with Glorot initial weights: the same for the same seed, whatever the norm.

    Args:
        name: A name of :data:`MODELS`; "dln" and "mlp" may carry the number of their
            weight-bearing layers, as in "dln-25".
        norm: A name of :data:`landscope.norms.table.NORMS`, or what makes a norm from the number
            of features and the number of spatial dimensions.
        seed: Seed of the initial weights, at least 0.
        in_channels: Channels of an image; for "dln" and "mlp", features of an example once
            flattened. The row's default where None.
        classes: Number of classes; for "dln", the width, which ``in_channels`` already says.

    Returns:
        The model on the CPU, in training mode, in PyTorch's default dtype.

    Raises:
        UsageError: On an unknown name or norm, or a number out of its range.
    """
    entry, depth = _row(name)
    for what, number in (("in_channels", in_channels), ("classes", classes)):
        if number is not None and number < 1:
            raise UsageError(f"{what} = {number}", "it is at least 1", f"give a larger {what}")
    return entry.builder(
        ModelSpec(
            norm=builder(norm),
            seed=seed,
            in_channels=entry.in_channels if in_channels is None else in_channels,
            classes=classes,
            depth=depth,
        )
    )


def _row(name: str) -> tuple[ModelEntry, int]:
    """The row of a name, and the depth that the name or the row says (0: fixed by the row)."""
    if name in MODELS:
        return MODELS[name], MODELS[name].depth or 0
    carried = re.fullmatch(r"(.+)-(\d+)", name)
    entry = MODELS.get(carried[1]) if carried else None
    if carried is None or entry is None or entry.depth is None:
        raise unknown_name("model", name, MODELS)
    depth = int(carried[2])
    if depth < 1:
        raise UsageError(
            f"model {name!r}",
            "the number after the name is that of its layers, at least 1",
            f"give {entry.name}-{entry.depth}, for one",
        )
    return entry, depth


def pre_activation(model: nn.Module, layer: str) -> str:
    """Name of the module whose output is the layer's pre-activation.

    In our models ``conv3`` and ``fc3`` are followed by ``norm3``, an identity where there is no
    norm. A layer that is followed by none gives its own output.

    Args:
        model: One of ours.
        layer: Name of a weight-bearing module of it.
    """
    norm = re.sub(r"(conv|fc)(\d+)$", r"norm\2", layer)
    return norm if norm in dict(model.named_modules()) else layer
