"""Which norms stand in a model: what is a norm, how many features it has and where they lie.

Known are PyTorch's own norms and those of :mod:`landscope.norms.table`, and classes derived from
them that leave their ``forward`` alone. What else calls itself a norm is asked about, not guessed;
and a trial must show that it is a norm followed by the modules that it holds, as what it does
besides would be lost.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from landscope.errors import UsageError, unknown_name
from landscope.norms import batch, instance
from landscope.norms.features_last import FeaturesLast
from landscope.norms.lp import LpNorm
from landscope.norms.noise import Noise, NoisyBatchNorm
from landscope.norms.replacing.advice import IN_PYTHON, Advice
from landscope.norms.replacing.suspects import calls_itself_a_norm
from landscope.norms.replacing.trial import Trial, children_of, tried
from landscope.norms.rms import RMSNorm

Axis = Literal["first", "last"]
"""Where the features lie: "first" in dimension 1, after the batch; "last" in the last one."""

Keep = Collection[str | type[nn.Module]]
"""Modules to leave alone: by name, with all that they hold, or by type."""

ANY_SPACE = (0, 1, 2, 3)


@dataclass(frozen=True)
class Layout:
    """What can be read from a norm about the inputs that it takes.

    Args:
        features: Number of features; None where it is not written in the module.
        axis: Where they lie.
        spatial: The numbers of spatial dimensions that are possible.
        sure: Whether the type admits no other inputs.
        after: Names of its children that act on what the norm gives, in this order.
        affine: Which of its tensors are the scale and the shift.
    """

    features: int | None
    axis: Axis = "first"
    spatial: tuple[int, ...] = ANY_SPACE
    sure: bool = True
    after: tuple[str, ...] = ()
    affine: tuple[str, ...] = ("weight", "bias")


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
    model: nn.Module,
    also: Mapping[type[nn.Module], Axis],
    keep: Keep,
    advice: Advice = IN_PYTHON,
) -> tuple[list[StandingNorm], list[StandingNorm]]:
    """The norms of a model, in the order of registration: those to replace, and those to keep.

    Args:
        model: Any.
        also: Where types of one's own have their features.
        keep: What is to be left alone.
        advice: How remedies are given.

    Raises:
        UsageError: A module calls itself a norm and is neither known nor spoken of, does more than
            a norm and the modules that it holds, or has no shape yet; or ``keep`` has a name that
            there is not.
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
        suspect = _is_suspect(module, also)
        layout = _known_layout(module, also)
        if layout is None and not suspect:
            continue
        if id(module) in kept:
            layout = layout or Layout(None)
        else:
            _check_shape(name, module)
            layout = layout or _layout_by_trial(module, also)
        if layout is not None:
            found[id(module)] = StandingNorm(module, (name,), layout)
            inside |= identities(module.children())
        else:
            strangers[name] = module
    if strangers:
        raise _who_are(strangers, also, advice)
    norms = list(found.values())
    return (
        [norm for norm in norms if id(norm.module) not in kept],
        [norm for norm in norms if id(norm.module) in kept],
    )


def _known_layout(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> Layout | None:
    known = _known_kind(module)
    own_pass = known is None or getattr(module.forward, "__func__", None) is not known.forward
    if known is None or own_pass or _axis_given(module, also) is not None:
        return None
    return _READERS[known](module)


def _known_kind(module: nn.Module) -> type[nn.Module] | None:
    return next((kind for kind in type(module).__mro__ if kind in _READERS), None)


def _axis_given(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> Axis | None:
    return next((axis for kind, axis in also.items() if isinstance(module, kind)), None)


def _layout_by_trial(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> Layout | None:
    """That of a class that was spoken of; None where it is something else than was said."""
    axis = _axis_given(module, also)
    trial = None if axis is None else _tried(module, axis)
    if axis is None or trial is None:
        return None
    spatial = trial.spatial if axis == "first" else (0,)
    sure = axis == "last"  # else each pass checks the number of dimensions
    return Layout(_features(module), axis, spatial, sure, trial.after, trial.affine)


def _tried(module: nn.Module, axis: Axis) -> Trial | None:
    # Inputs of features that lie last have up to four dimensions.
    return tried(module, axis, _features(module), ANY_SPACE if axis == "first" else (0, 1))


def _check_shape(name: str, norm: nn.Module) -> None:
    if any(is_lazy(tensor) for tensor in (*norm.parameters(), *norm.buffers())):
        raise UsageError(
            f"the norm {name!r} has no shape yet",
            "the number of its features is that of its first batch",
            "run the model on a batch first",
        )


def _features(module: nn.Module) -> int | None:
    known = _known_kind(module)
    if known is not None:
        return _READERS[known](module).features
    for name in ("weight", "bias"):
        scale = getattr(module, name, None)
        if isinstance(scale, Tensor) and scale.numel() == max(scale.shape, default=0) > 1:
            return scale.numel()
    number = getattr(module, "num_features", None)
    return number if isinstance(number, int) else None


def _is_suspect(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> bool:
    """Whether a module may be a norm: by its class, by a word of its name, or as it was said."""
    if _axis_given(module, also) is not None or _known_kind(module) is not None:
        return True
    # One that holds a norm normalises by it.
    parts = list(module.modules())[1:]
    holds_one = any(_known_kind(part) or calls_itself_a_norm(part) for part in parts)
    return calls_itself_a_norm(module) and not holds_one


def _who_are(
    strangers: dict[str, nn.Module], also: Mapping[type[nn.Module], Axis], advice: Advice
) -> UsageError:
    name, module = next(iter(strangers.items()))
    kind = type(module).__name__
    others = sum(type(other) is type(module) for other in strangers.values()) - 1
    value = f"the module {name!r}{f' and {others} more' if others else ''} of type {kind}"
    axes = _possible_axes(module)
    keep = f"{advice.keep(kind)} to leave it"
    if not axes:
        return UsageError(
            value,
            "on a batch made to try it, it is not a norm followed by the modules that it holds, "
            "and what it does besides, such as an activation, would be lost",
            f"give {keep}, or let its class hold what follows the norm as a module",
        )
    given = _axis_given(module, also)
    rule = (
        "it calls itself a norm and is not PyTorch's or landscope's own, so that where its "
        "features lie is not known"
        if given is None
        else f"on a batch with its features {given}, it does not do what a norm does"
    )
    return UsageError(
        value, rule, f"{advice.also_one_of(kind, axes, children_of(module))}, or {keep}"
    )


def _possible_axes(module: nn.Module) -> list[Axis]:
    """Where the features of a norm may lie, as a trial shows; none where it does not pass."""
    last, first = _tried(module, "last"), _tried(module, "first")
    if last is not None and first is not None and first.spatial == (0,):
        return ["last"]  # without space, both are one dimension
    return [*(["last"] if last else []), *(["first"] if first else [])]


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
            raise unknown_name("module to keep", name, modules)
    return identities(
        module for name, module in modules.items() if name in names or isinstance(module, kinds)
    )


def identities(modules: Iterable[nn.Module]) -> set[int]:
    """Identities of these modules and of all that they hold."""
    return {id(part) for module in modules for part in module.modules()}
