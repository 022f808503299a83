"""Inserts a norm after a layer that has none, however the model calls the layer.

The norm becomes a child of the layer, ``<layer>.norm``, and a forward hook of the layer calls it.
So it works in a model that calls ``self.conv1(x)`` as well as in an ``nn.Sequential``. The layer
keeps its type, its attributes and the names of its weights, and deep copies, state dicts and
``torch.compile`` work.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from landscope.errors import UsageError
from landscope.norms.replace.adapt import of_tokens
from landscope.norms.replace.example import ExamplePass
from landscope.norms.replace.found import identities
from landscope.norms.replace.shapes import Parts, WeightLayer


def reasons_to_leave(parts: Parts) -> dict[str, str]:
    """The layers of a model that get no norm after them, by name, and why."""
    model = parts.model
    uncalled = identities(m for m in model.modules() if isinstance(m, nn.MultiheadAttention))
    within_norms = identities(norm.module for norm in (*parts.norms, *parts.left))
    reasons: dict[str, str] = {}
    for layer in parts.layers:
        if id(layer.module) in parts.kept:
            reasons[layer.name] = "kept as requested"
        elif id(layer.module) in uncalled:
            reasons[layer.name] = "nn.MultiheadAttention uses its weights and does not call it"
        elif id(layer.module) in within_norms:
            reasons[layer.name] = "part of a norm"
    if parts.seen is not None:
        return _reasons_seen(parts, parts.seen) | reasons
    free = [layer.name for layer in parts.layers if id(layer.module) not in uncalled]
    return dict.fromkeys(free[-1:], "the last layer") | reasons


def _reasons_seen(parts: Parts, seen: ExamplePass) -> dict[str, str]:
    layers, norms = parts.layers, (*parts.norms, *parts.left)
    names = {layer.name for layer in layers}
    last = next((call.name for call in reversed(seen.calls) if call.name in names), None)
    outputs = {output.place for output in seen.outputs}
    takers = {use.taken.values: norm.name for norm in norms for use in seen.of(norm.name)}
    own = {id(norm.module): norm.name for norm in norms}
    reasons: dict[str, str] = {}
    for layer in layers:
        uses = seen.of(layer.name)
        followers = [
            *(own[id(child)] for child in layer.module.children() if id(child) in own),
            *(takers[use.given.values] for use in uses if use.given.values in takers),
        ]
        if not uses:
            reasons[layer.name] = "not called on the example"
        elif layer.name == last:
            reasons[layer.name] = "the last layer"
        elif any(use.given.place in outputs for use in uses):
            reasons[layer.name] = "its output is the model's output"
        elif followers:
            reasons[layer.name] = f"followed by the norm {followers[0]!r}"
    return reasons


def check_outputs(layer: WeightLayer, seen: ExamplePass | None) -> None:
    """Refuse a layer whose outputs have no batch.

    Raises:
        UsageError: They are not (batch, features, ...).
    """
    for call in seen.of(layer.name) if seen else ():
        shape = tuple(call.given.tensor.shape)
        if len(shape) < 2 or (layer.spatial and len(shape) != layer.spatial + 2):
            raise UsageError(
                f"the layer {layer.name!r} gives a tensor of shape {shape}",
                "a norm after it takes (batch, features, ...), or tokens with the features last",
                f"give the model a batch, or leave the layer with keep=[{layer.name!r}]",
            )


def insert_after(layer: nn.Module, norm: nn.Module) -> str:
    """Insert a norm after a convolution or a linear layer, at each use.

    Args:
        layer: Changed in place.
        norm: Takes (batch, features, ...).

    Returns:
        The name of the norm within the layer.
    """
    name = "norm"
    # Not hasattr: a module may answer to every name.
    while name in dir(layer):
        name += "_after"
    setattr(layer, name, norm)  # add_module refuses a name to which the layer answers
    last = isinstance(layer, nn.Linear)
    layer.register_forward_hook(partial(_normalised, norm=name, last=last))
    return name


def _normalised(
    layer: nn.Module,
    args: tuple[Any, ...],  # noqa: ARG001  PyTorch's signature of a hook
    output: Tensor,
    *,
    norm: str,
    last: bool,
) -> Tensor:
    follower = layer.get_submodule(norm)
    return of_tokens(follower, output) if last else follower(output)
