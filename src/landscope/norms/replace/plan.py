"""What happens to each norm of a model: planned as a whole, then carried out in one copy."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from torch import nn

from landscope.errors import UsageError
from landscope.norms.replace.adapt import FeaturesLast, carry, leave_fast_path, settle
from landscope.norms.replace.example import copied
from landscope.norms.replace.found import FoundNorm
from landscope.norms.replace.insertion import check_outputs, insert_after, reasons_to_leave
from landscope.norms.replace.shapes import Parts, check_each_pass, input_shape
from landscope.norms.table import NormBuilder

# These accept features in the last dimension, or anywhere.
_TAKE_FEATURES_LAST = (nn.LayerNorm, nn.RMSNorm, nn.Identity)


@dataclass(frozen=True)
class NormPlace:
    """One place in a model where a norm was or could be, and what happened to it.

    Args:
        name: Name of the norm in the new model, or of the layer that was left without one.
        old: Type of the norm that was there; None where there was none.
        new: Type of the norm that is there now; None where there is none.
        kept: What the new norm took over: scale, shift, running statistics; and the modules that
            the old one held, which follow the new one.
        shared: Further names of the same norm.
        left: Why nothing was done; None where something was.
    """

    name: str
    old: str | None
    new: str | None
    kept: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    left: str | None = None

    def __str__(self) -> str:
        names = ", ".join((self.name, *self.shared))
        if self.left is not None:
            return f"{names}: unchanged: {self.left}"
        kept = f", keeping {', '.join(self.kept)}" if self.kept else ""
        return f"{names}: {self.old or 'no norm'} -> {self.new}{kept}"


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything to do, before any of it is done.

    Args:
        memo: Replacements of parts of the model in the copy, by their identities.
        new: The norms that replace others.
        followers: The norms to put after layers, by the layers' names.
        places: What to report about norms that were there, and about layers left without.
    """

    memo: dict[int, Any] = field(default_factory=dict[int, Any])
    new: list[nn.Module] = field(default_factory=list[nn.Module])
    followers: dict[str, nn.Module] = field(default_factory=dict[str, nn.Module])
    places: list[NormPlace] = field(default_factory=list[NormPlace])


def planned(parts: Parts, make: NormBuilder, insert: bool) -> Plan:
    """Make all new norms.

    Args:
        parts: Those of the model.
        make: Makes the norm for a number of features and of spatial dimensions.
        insert: Whether layers without a norm get one.

    Raises:
        UsageError: One of them cannot be made.
    """
    plan = Plan()
    for norm in parts.left:
        kind = _kind(norm.module)
        place = NormPlace(norm.name, kind, kind, (), norm.names[1:], "kept as requested")
        plan.places.append(place)
    for norm in parts.norms:
        _plan_successor(plan, parts, norm, make)
    if insert:
        _plan_followers(plan, parts, make)
    return plan


def _plan_successor(plan: Plan, parts: Parts, norm: FoundNorm, make: NormBuilder) -> None:
    old, new = norm.module, _successor(parts, norm, make)
    if any(new is earlier for earlier in plan.new):
        raise UsageError(
            f"the norm {norm.name!r}: the builder returned the same module again",
            "each norm needs a module of its own",
            "let builder(features, spatial) make a new one at each call",
        )
    after = norm.layout.after
    kept = (*carry(old, new, plan.memo, norm.layout.affine), *after)
    kind = _kind(new)
    if after:
        new = _followed(new, old, after, plan.memo)
    # Deep copies put what is in the memo wherever the copied model refers to the old norm.
    plan.memo[id(old)] = new
    plan.new.append(new)
    plan.places.append(NormPlace(norm.name, _kind(old), kind, kept, norm.names[1:]))


def _followed(
    new: nn.Module, old: nn.Module, after: tuple[str, ...], memo: dict[int, Any]
) -> nn.Module:
    """The new norm, and the modules that the old one held, under their names."""
    name = "norm"
    while name in after:
        name += "_before"
    held = ((child, copied(old.get_submodule(child), memo)) for child in after)
    made = nn.Sequential(OrderedDict([(name, new), *held]))
    made.training = old.training
    return made


def _plan_followers(plan: Plan, parts: Parts, make: NormBuilder) -> None:
    reasons = reasons_to_leave(parts)
    for layer in parts.layers:
        if layer.name in reasons:
            plan.places.append(NormPlace(layer.name, None, None, left=reasons[layer.name]))
            continue
        check_outputs(layer, parts.seen)
        norm = _made(make, layer.gives, layer.spatial, f"a norm after {layer.name!r}")
        if isinstance(norm, nn.Identity):
            continue
        own = list(layer.module.parameters())
        settle(norm, layer.module, chain(own, parts.model.parameters()))
        norm.requires_grad_(any(parameter.requires_grad for parameter in own))
        plan.followers[layer.name] = norm


def _successor(parts: Parts, norm: FoundNorm, make: NormBuilder) -> nn.Module:
    shape = input_shape(norm, parts)
    new = _made(make, shape.features, shape.spatial, f"the norm {norm.name!r}")
    old = norm.module
    own = (*old.parameters(), *old.buffers())
    if shape.axis == "last" and not isinstance(new, _TAKE_FEATURES_LAST):
        new = FeaturesLast(new, shape.features)
    if shape.supposed and not isinstance(new, nn.Identity):
        check_each_pass(new, shape, norm.name)
    settle(new, old, chain(own, parts.model.parameters()))
    return new


def _made(make: NormBuilder, features: int, spatial: int, what: str) -> nn.Module:
    try:
        made: Any = make(features, spatial)
    except UsageError as error:
        raise UsageError(f"{what}: {error.value}", error.rule, error.remedy) from error
    if not isinstance(made, nn.Module):
        raise UsageError(
            f"{what}: the builder gave a {type(made).__name__}",
            "a norm is a module",
            "let builder(features, spatial) return an nn.Module",
        )
    return made


def _kind(norm: nn.Module) -> str:
    name = type(norm).__name__
    return f"{name}({_kind(norm.norm)})" if isinstance(norm, FeaturesLast) else name


def carried_out(model: nn.Module, plan: Plan) -> tuple[nn.Module, list[NormPlace]]:
    """Carry out the plan in a copy.

    Args:
        model: Left alone.
        plan: The plan.

    Returns:
        The copy, and what happened at each place, in the order of registration.

    Raises:
        UsageError: The model cannot be copied, or copies itself in a way of its own.
    """
    result = copied(model, plan.memo)
    _check_copied(result, plan)
    places = list(plan.places)
    for name, norm in plan.followers.items():
        child = insert_after(result.get_submodule(name), norm)
        places.append(NormPlace(f"{name}.{child}", None, _kind(norm)))
    leave_fast_path(result, {*plan.new, *plan.followers.values()})
    order = {name: position for position, (name, _) in enumerate(result.named_modules())}
    return result, sorted(places, key=lambda place: order[place.name])


def _check_copied(result: nn.Module, plan: Plan) -> None:
    """Refuse a ``__deepcopy__`` of the user's that does not copy the new norms."""
    there = set(result.modules())
    if any(norm not in there for norm in plan.new):
        raise UsageError(
            f"the {type(result).__name__} or a part of it has a __deepcopy__ of its own",
            "its copy does not have the new norms in the place of the old ones",
            "let it copy what the module holds by copy.deepcopy(..., memo), or leave it out",
        )
