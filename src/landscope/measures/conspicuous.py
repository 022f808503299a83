"""Signs of trouble in single layers: gradients that do not arrive, updates lost to rounding.

Here a layer is a module that holds parameters itself; it counts as having weights if it holds a
matrix. Biases and the scales of norms may have no gradient for other reasons, such as a bias before
a batch norm.
"""

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from landscope.objective.parameters import Parameters, in_pieces, norm


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
