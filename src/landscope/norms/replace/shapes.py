"""The input shape of a norm in a model: read from its type, from an example, or inferred.

PyTorch's ``BatchNorm1d`` and ``GroupNorm`` do not say how many spatial dimensions their inputs
have, and the norms of the table need to know. An example batch shows it; without one it is read
from the convolutions and linear layers registered around the norm, and each pass then checks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.norms.replace.example import Call, ExamplePass
from landscope.norms.replace.found import FoundNorm
from landscope.norms.replace.layouts import ANY_SPACE, Axis

_CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


@dataclass(frozen=True, eq=False)
class WeightLayer:
    """A convolution or a linear layer.

    Args:
        name: The first of its names.
        module: The layer.
        takes: Number of features of its inputs.
        gives: Number of features of its outputs.
        spatial: Number of spatial dimensions; 0 for a linear layer.
    """

    name: str
    module: nn.Module
    takes: int
    gives: int
    spatial: int


def weight_layers(model: nn.Module) -> list[WeightLayer]:
    """The convolutions and linear layers of a model, in the order of registration."""
    found: list[WeightLayer] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            found.append(WeightLayer(name, module, module.in_features, module.out_features, 0))
        elif isinstance(module, _CONVOLUTIONS):
            spatial = len(module.kernel_size)
            layer = WeightLayer(name, module, module.in_channels, module.out_channels, spatial)
            found.append(layer)
    return found


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a model that matter for replacing norms.

    Args:
        model: The model.
        norms: The norms to replace.
        left: Those to leave.
        layers: The convolutions and linear layers.
        kept: Identities of the modules to leave alone.
        seen: A pass of an example in which all of these were watched, if there is an example.
    """

    model: nn.Module
    norms: list[FoundNorm]
    left: list[FoundNorm]
    layers: list[WeightLayer]
    kept: set[int]
    seen: ExamplePass | None

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each module in the order of registration."""
        return {name: place for place, (name, _) in enumerate(self.model.named_modules())}


@dataclass(frozen=True)
class InputShape:
    """The inputs of a norm.

    Args:
        features: Number of features.
        axis: Where they lie.
        spatial: Number of spatial dimensions; 0 where the features lie last.
        supposed: Whether each pass has to check it.
    """

    features: int
    axis: Axis
    spatial: int
    supposed: bool = False


def input_shape(norm: FoundNorm, parts: Parts) -> InputShape:
    """The inputs of a norm of a model.

    Raises:
        UsageError: Its uses contradict each other or its type, or nothing shows the shape.
    """
    layout = norm.layout
    if parts.seen and (calls := parts.seen.of(norm.name)):
        return _on_example(norm, calls)
    if layout.features is None:
        raise _ask(norm, "features")
    if len(layout.spatial) == 1:
        return InputShape(layout.features, layout.axis, layout.spatial[0], supposed=not layout.sure)
    spatial = _supposed_space(norm, parts)
    if spatial is None:
        raise _ask(norm, "spatial dimensions")
    return InputShape(layout.features, layout.axis, spatial, supposed=True)


def _supposed_space(norm: FoundNorm, parts: Parts) -> int | None:
    """The spatial dimensions that a norm most likely has, by the layers registered around it.

    The nearest layer before it that gives as many features, else the nearest after it that takes
    as many, else the nearest before it. Where the norm may have any number of dimensions, each
    convolution comes before each linear layer: many models have, between convolutions, linear
    layers for something else, such as the time in a diffusion model.
    """
    features, possible, order = norm.layout.features, norm.layout.spatial, parts.order
    layers = [layer for layer in parts.layers if layer.spatial in possible]
    ahead = [layer for layer in reversed(layers) if order[layer.name] < order[norm.name]]
    behind = [layer for layer in layers if order[layer.name] > order[norm.name]]
    nearest = [
        *(layer for layer in ahead if layer.gives == features),
        *(layer for layer in behind if layer.takes == features),
    ]
    nearest = nearest or ahead
    if len(possible) > 2:
        nearest = [layer for layer in nearest if layer.spatial] or nearest
    return nearest[0].spatial if nearest else None


def _on_example(norm: FoundNorm, calls: Sequence[Call]) -> InputShape:
    layout = norm.layout
    shapes = {tuple(call.taken.tensor.shape) for call in calls}
    last = layout.axis == "last"
    if all(len(shape) >= (1 if last else 2) for shape in shapes):
        features = {shape[-1] if last else shape[1] for shape in shapes}
        spatial = {0 if last else len(shape) - 2 for shape in shapes}
        written = layout.features in (None, *features)
        possible = spatial <= set(layout.spatial) and max(spatial) <= ANY_SPACE[-1]
        if len(features) == len(spatial) == 1 and written and possible:
            return InputShape(features.pop(), layout.axis, spatial.pop())
    place = "in the last dimension" if last else "in the one after the batch"
    raise UsageError(
        f"the norm {norm.name!r} takes inputs of shape {' and '.join(map(str, shapes))}",
        f"a {type(norm.module).__name__} should have its features {place}, and the same dimensions "
        "at each use",
        f"give their place with also=, or keep the norm with keep=[{norm.name!r}]",
    )


def _ask(norm: FoundNorm, missing: str) -> UsageError:
    return UsageError(
        f"the number of {missing} of the norm {norm.name!r}",
        f"it is not written in a {type(norm.module).__name__}, nor shown by a layer beside it",
        "give a batch as example=",
    )


def check_each_pass(norm: nn.Module, shape: InputShape, name: str) -> None:
    """Make a norm refuse inputs with a number of dimensions other than the inferred one.

    Args:
        norm: Changed in place.
        shape: The inferred shape.
        name: Its name in the model.
    """
    norm.register_forward_pre_hook(partial(_check, name=name, dimensions=shape.spatial + 2))


def _check(module: nn.Module, args: tuple[Any, ...], *, name: str, dimensions: int) -> None:  # noqa: ARG001
    if args and isinstance(args[0], Tensor) and args[0].ndim != dimensions:
        raise UsageError(
            f"the norm {name!r} takes inputs of shape {tuple(args[0].shape)}",
            f"the layers around it suggest {dimensions} dimensions",
            "give replace_norms a batch as example=",
        )
