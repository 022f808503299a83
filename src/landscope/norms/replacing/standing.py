"""Which norms stand in a model: what is a norm, how many features it has and where they lie.

Known are PyTorch's own norms and those of :mod:`landscope.norms.table`, and classes derived from
them that leave their ``forward`` alone. What else calls itself a norm is asked about, not guessed:
a class of somebody's own may take its features first or last, or do more than a norm does.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from landscope.errors import UsageError
from landscope.norms import batch, instance
from landscope.norms.features_last import FeaturesLast
from landscope.norms.lp import LpNorm
from landscope.norms.noise import Noise
from landscope.norms.noisy_batch import NoisyBatchNorm
from landscope.norms.rms import RMSNorm
from landscope.norms.unknown import unknown

Axis = Literal["first", "last"]
"""Where the features lie: "first" in dimension 1, after the batch; "last" in the last one."""

Keep = Collection[str | type[nn.Module]]
"""Modules to leave alone: by name, with all that they hold, or by type."""

ANY_SPACE = (0, 1, 2, 3)
_CALLS_ITSELF_A_NORM = re.compile(r"norm\d*d?$", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """What can be read from a norm about the inputs that it takes.

    Args:
        features: Number of features; None where it is not written in the module.
        axis: Where they lie.
        spatial: The numbers of spatial dimensions that are possible.
        sure: Whether the type admits no other inputs.
    """

    features: int | None
    axis: Axis = "first"
    spatial: tuple[int, ...] = ANY_SPACE
    sure: bool = True


@dataclass(frozen=True, eq=False)
class StandingNorm:
    """A norm in a model.

    Args:
        module: The norm.
        names: Its names, several where one module stands in several places.
        layout: The inputs that it takes.
    """

    module: nn.Module
    names: tuple[str, ...]
    layout: Layout

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]


def _dimensions(*spatial: int) -> Callable[[Any], Layout]:
    return lambda norm: Layout(norm.num_features, spatial=spatial)


def _trailing(norm: nn.LayerNorm | nn.RMSNorm) -> Layout:
    first, *rest = norm.normalized_shape
    # Over several dimensions it is, by all known models, over channels and space.
    return Layout(first, spatial=(len(rest),), sure=False) if rest else Layout(first, "last", (0,))


def _noisy(norm: NoisyBatchNorm) -> Layout:
    return _READERS[type(norm.norm)](norm.norm)


_READERS: dict[type[nn.Module], Callable[[Any], Layout]] = {
    nn.BatchNorm1d: _dimensions(0, 1),
    nn.BatchNorm2d: _dimensions(2),
    nn.BatchNorm3d: _dimensions(3),
    nn.SyncBatchNorm: _dimensions(*ANY_SPACE),
    nn.InstanceNorm1d: _dimensions(1),
    nn.InstanceNorm2d: _dimensions(2),
    nn.InstanceNorm3d: _dimensions(3),
    nn.GroupNorm: lambda norm: Layout(norm.num_channels),
    nn.LayerNorm: _trailing,
    nn.RMSNorm: _trailing,
    batch.BatchNorm1d: _dimensions(0, 1),
    batch.BatchNorm2d: _dimensions(2),
    batch.BatchNorm3d: _dimensions(3),
    instance.InstanceNorm1d: _dimensions(1),
    instance.InstanceNorm2d: _dimensions(2),
    instance.InstanceNorm3d: _dimensions(3),
    LpNorm: lambda norm: Layout(norm.features),
    RMSNorm: lambda norm: Layout(norm.features),
    Noise: lambda norm: Layout(None),  # noqa: ARG005
    NoisyBatchNorm: _noisy,
    FeaturesLast: lambda norm: Layout(norm.features, "last", (0,)),
}


def standing_norms(
    model: nn.Module, also: Mapping[type[nn.Module], Axis], keep: Keep
) -> tuple[list[StandingNorm], list[StandingNorm]]:
    """The norms of a model, in the order of registration: those to replace, and those to keep.

    Args:
        model: Any.
        also: Where types of one's own have their features.
        keep: What is to be left alone.

    Raises:
        UsageError: A module calls itself a norm and is neither known nor spoken of, or has no
            shape yet; or ``keep`` has a name that there is not.
    """
    kept = kept_modules(model, keep)
    found: dict[int, StandingNorm] = {}
    strangers: dict[str, nn.Module] = {}
    inside: set[int] = set()
    for name, module in model.named_modules(remove_duplicate=False):
        if id(module) in found:
            standing = found[id(module)]
            found[id(module)] = replace(standing, names=(*standing.names, name))
            continue
        if id(module) in inside:
            continue
        if parametrize.is_parametrized(module):
            # These normalise weights.
            inside |= identities([module.get_submodule("parametrizations")])
        layout = _layout(module, also)
        if layout is None and not _is_stranger(module):
            continue
        if id(module) in kept:
            layout = layout or Layout(None)
        else:
            _check_shape(name, module)
        if layout is not None:
            found[id(module)] = StandingNorm(module, (name,), layout)
            inside |= identities(module.children())
        else:
            strangers[name] = module
    if strangers:
        raise _who_are(strangers)
    norms = list(found.values())
    return (
        [norm for norm in norms if id(norm.module) not in kept],
        [norm for norm in norms if id(norm.module) in kept],
    )


def _layout(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> Layout | None:
    for kind, axis in also.items():
        if isinstance(module, kind):
            return Layout(_features(module), axis, ANY_SPACE if axis == "first" else (0,))
    known = next((kind for kind in type(module).__mro__ if kind in _READERS), None)
    if known is None or getattr(module.forward, "__func__", None) is not known.forward:
        return None
    return _READERS[known](module)


def _check_shape(name: str, norm: nn.Module) -> None:
    if any(is_lazy(tensor) for tensor in (*norm.parameters(), *norm.buffers())):
        raise UsageError(
            f"the norm {name!r} has no shape yet",
            "the number of its features is that of its first batch",
            "run the model on a batch first",
        )


def _features(module: nn.Module) -> int | None:
    for name in ("weight", "bias"):
        scale = getattr(module, name, None)
        if isinstance(scale, Tensor) and scale.ndim == 1:
            return scale.numel()
    return None


def _is_stranger(module: nn.Module) -> bool:
    if any(kind in _READERS for kind in type(module).__mro__):
        return True
    leaf = next(module.children(), None) is None
    return leaf and _CALLS_ITSELF_A_NORM.search(type(module).__name__) is not None


def _who_are(strangers: dict[str, nn.Module]) -> UsageError:
    kind = type(next(iter(strangers.values()))).__name__
    names = [name for name, module in strangers.items() if type(module).__name__ == kind]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return UsageError(
        f"the module {names[0]!r}{more} of type {kind}",
        "it calls itself a norm and is not PyTorch's or landscope's own, so that where its "
        "features lie is not known",
        f"give also={{{kind}: 'last'}} where they are the last dimension, 'first' where they "
        f"follow the batch, or keep=[{kind}] to leave it",
    )


def kept_modules(model: nn.Module, keep: Keep) -> set[int]:
    """Identities of the modules that are to be left alone, and of all that they hold.

    Raises:
        UsageError: A name is not that of a module.
    """
    names = {name for name in keep if isinstance(name, str)}
    kinds = tuple(kind for kind in keep if not isinstance(kind, str))
    modules = dict(model.named_modules(remove_duplicate=False))
    for name in names:
        if name not in modules:
            raise unknown("module to keep", name, modules)
    return identities(
        module for name, module in modules.items() if name in names or isinstance(module, kinds)
    )


def identities(modules: Iterable[nn.Module]) -> set[int]:
    """Identities of these modules and of all that they hold."""
    return {id(part) for module in modules for part in module.modules()}
