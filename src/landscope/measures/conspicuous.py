"""Signs of trouble: gradients that do not arrive, lost updates, odd features, a single class.

Here a layer is a module that holds parameters itself; it counts as having weights if it holds a
matrix. Biases and the scales of norms may have no gradient for other reasons, such as a bias before
a batch norm.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from landscope.objective.batch import IN_BATCH
from landscope.objective.parameters import Parameters, in_pieces, norm, wide

_NAMES = ("labels", "label", "targets", "target", "y")
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def owner(name: str) -> str:
    """The layer that holds a parameter; the parameter itself if the root module holds it."""
    name = re.sub(r"\.parametrizations\.(\w+)\.\w+$", r".\1", name)
    return name.rpartition(".")[0] or name


def by_layer(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of parameters by the layer that holds them, in their order."""
    layers: dict[str, list[str]] = {}
    for name in names:
        layers.setdefault(owner(name), []).append(name)
    return layers


def gradient_shares(gradient: Parameters) -> dict[str, float]:
    """Length of each layer's gradient over the largest of the others behind the first; of weights.

    Inputs of a large scale make the first layer's gradient large and no other small, so with three
    layers or more it is no measure. Where no layer has a gradient every share is 0.

    Returns:
        A pure number for each layer that holds a matrix; empty where there are fewer than two.
    """
    lengths = {
        layer: float(norm({name: gradient[name] for name in names}))
        for layer, names in by_layer(gradient).items()
        if any(gradient[name].ndim > 1 for name in names)
    }
    if len(lengths) < 2:
        return {}
    behind = list(lengths.values())[1:] if len(lengths) > 2 else list(lengths.values())
    largest = max(behind) or max(lengths.values())
    return {layer: length / largest if largest else 0.0 for layer, length in lengths.items()}


def lost_share(before: Parameters, after: Parameters, gradient: Parameters) -> float:
    """Share of the weights that an update left unchanged, although they have a gradient.

    Only tensors that the update changed count, and of these the entries that are not 0 and have a
    gradient: adding to 0 does not round, and an unchanged tensor may not be trained.

    Returns:
        A pure number from 0 to 1; NaN where nothing counts.
    """
    lost = counted = 0
    for name, there in after.items():
        pieces = [
            _lost(*piece)
            for piece in zip(
                in_pieces(before[name]), in_pieces(there), in_pieces(gradient[name]), strict=True
            )
        ]
        if any(changed for _, _, changed in pieces):
            lost += sum(piece[0] for piece in pieces)
            counted += sum(piece[1] for piece in pieces)
    return lost / counted if counted else float("nan")


def _lost(before: Tensor, after: Tensor, gradient: Tensor) -> tuple[int, int, int]:
    """How many entries were lost, how many count, and how many changed."""
    same = before == after
    counts = (gradient != 0) & (before != 0)
    lost, counted, changed = torch.stack(
        [(same & counts).sum(), counts.sum(), (~same).sum()]
    ).tolist()
    return int(lost), int(counted), int(changed)


def root_mean_square(features: Tensor) -> float:
    """Root mean square of all entries, in the unit of the inputs."""
    return float(wide(features).square().mean().sqrt())


def spread(features: Tensor) -> float:
    """Largest magnitude of any feature over that of the median feature that is not always 0.

    Args:
        features: Shape (samples, features).

    Returns:
        A pure number; 1 where fewer than two features are not always 0. Of one-hot inputs it is 1,
        however rare a category is.
    """
    sizes = wide(features).abs().amax(0)
    sizes = sizes[sizes > 0]
    return float(sizes.max() / sizes.median()) if len(sizes) > 1 else 1.0


def silent_share(features: Tensor) -> float:
    """Share of the features that are exactly 0 at every sample.

    Args:
        features: Shape (samples, features).
    """
    return float((features == 0).all(0).double().mean())


def largest_class(inputs: Any, targets: Any, least: int) -> tuple[float, int] | None:
    """Share of the most frequent class among a batch's labels, and its number.

    Args:
        inputs: The batch; where no targets are given it holds them under a usual name, or last.
        targets: One integer a sample, shape (samples,); anything else has no classes.
        least: Samples below which it says nothing.

    Returns:
        A share from 0 to 1 and the class; None where there are no such labels.
    """
    labels = _labels(inputs) if targets is IN_BATCH else targets
    if not isinstance(labels, Tensor) or labels.ndim != 1 or labels.dtype not in _INTEGERS:
        return None
    if len(labels) < least:
        return None
    classes, counts = labels.unique(return_counts=True)
    most = int(counts.argmax())
    return float(counts[most]) / len(labels), int(classes[most])


def _labels(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        named = cast("Mapping[Any, Any]", batch)
        return next((named[name] for name in _NAMES if name in named), None)
    if isinstance(batch, (tuple, list)) and len(cast("list[Any]", batch)) == 2:
        return cast("list[Any]", batch)[1]
    return None
