"""The shape of what a norm in a model takes: read from its type, from an example, or supposed.

PyTorch's ``BatchNorm1d`` and ``GroupNorm`` do not say how many spatial dimensions their inputs
have, and the norms of the table want to know. An example batch tells; without one the layers
registered around the norm do, and each pass then checks that they told the truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.norms.replacing.example_pass import Call
from landscope.norms.replacing.standing import Axis, StandingNorm

_MOST_SPATIAL = 3


@dataclass(frozen=True)
class MetShape:
    """What a norm takes.

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


def met_shape(
    standing: StandingNorm, calls: Sequence[Call], suppose: Callable[[], int | None]
) -> MetShape:
    """What a norm of a model takes.

    Args:
        standing: The norm.
        calls: Its uses on an example batch, if any.
        suppose: Gives the number of spatial dimensions as the layers around it have it.

    Raises:
        UsageError: The uses contradict each other or the norm's type, or nothing tells.
    """
    layout = standing.layout
    if calls:
        return _on_example(standing, calls)
    if layout.features is None:
        raise _ask(standing, "features")
    if len(layout.spatial) == 1:
        return MetShape(layout.features, layout.axis, layout.spatial[0], supposed=not layout.sure)
    spatial = suppose()
    if spatial is None:
        raise _ask(standing, "spatial dimensions")
    return MetShape(layout.features, layout.axis, spatial, supposed=True)


def _on_example(standing: StandingNorm, calls: Sequence[Call]) -> MetShape:
    layout = standing.layout
    shapes = {tuple(call.taken.tensor.shape) for call in calls}
    last = layout.axis == "last"
    if all(len(shape) >= (1 if last else 2) for shape in shapes):
        features = {shape[-1] if last else shape[1] for shape in shapes}
        spatial = {0 if last else len(shape) - 2 for shape in shapes}
        written = layout.features in (None, *features)
        possible = spatial <= set(layout.spatial) and max(spatial) <= _MOST_SPATIAL
        if len(features) == len(spatial) == 1 and written and possible:
            return MetShape(features.pop(), layout.axis, spatial.pop())
    place = "in the last dimension" if last else "in the one after the batch"
    raise UsageError(
        f"the norm {standing.name!r} takes inputs of shape {' and '.join(map(str, shapes))}",
        f"a {type(standing.module).__name__} is taken to have its features {place}, and the same "
        "dimensions at each use",
        f"say with also= where they lie, or leave it with keep=[{standing.name!r}]",
    )


def _ask(standing: StandingNorm, missing: str) -> UsageError:
    return UsageError(
        f"the number of {missing} of the norm {standing.name!r}",
        f"it is not written in a {type(standing.module).__name__}, nor told by a layer beside it",
        "give a batch as example=",
    )


def check_each_pass(norm: nn.Module, shape: MetShape, name: str) -> None:
    """Let a norm refuse inputs of another number of dimensions than was supposed.

    Args:
        norm: Changed in place.
        shape: What was supposed.
        name: Its name in the model.
    """
    norm.register_forward_pre_hook(partial(_check, name=name, dimensions=shape.spatial + 2))


def _check(module: nn.Module, args: tuple[Any, ...], *, name: str, dimensions: int) -> None:  # noqa: ARG001
    if args and isinstance(args[0], Tensor) and args[0].ndim != dimensions:
        raise UsageError(
            f"the norm {name!r} takes inputs of shape {tuple(args[0].shape)}",
            f"by the layers around it they were supposed to have {dimensions} dimensions",
            "give replace_norms a batch as example=",
        )
