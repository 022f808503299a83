"""Replaces every norm of a model in a copy, and inserts norms where there are none."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import nn

from landscope.errors import UsageError
from landscope.norms.replace.example import run_example
from landscope.norms.replace.found import (
    IN_PYTHON,
    Advice,
    Keep,
    find_norms,
    identities,
    kept_modules,
)
from landscope.norms.replace.layouts import Axis
from landscope.norms.replace.plan import NormPlace, carried_out, planned
from landscope.norms.replace.shapes import Parts, weight_layers
from landscope.norms.table import NormBuilder, builder
from landscope.objective.processes import check_parts
from landscope.objective.random_state import RandomState, devices_of
from landscope.objective.shadow import is_compiled_part


def replace_norms(
    model: nn.Module,
    norm: str | NormBuilder,
    *,
    constants: Mapping[str, int | float] | None = None,
    insert: bool = False,
    example: Any = None,
    also: Mapping[type[nn.Module], Axis] | None = None,
    keep: Keep = (),
    report: Callable[[NormPlace], object] | None = None,
) -> nn.Module:
    """Return a copy of a model in which every norm is replaced by another.

    All weights are kept, and so are the scale and shift of a norm if their shapes fit the new one.
    A new norm has the device, type and mode of the old one, and a norm that the model uses in
    several places is still shared. If features lie last, as in a transformer, every token is a
    sample: batch norm averages over the batch and the time, and the norms of a sample over each
    token alone.

    Args:
        model: Any model; it is not changed, and neither are the random streams.
        norm: A name of :data:`landscope.norms.table.NORMS`, or your own builder, which is called
            with the numbers of features and of spatial dimensions, and returns a module that takes
            (batch, features, ...).
        constants: Constants of the norm other than the defaults, such as ``{"groups": 8}``.
        insert: Also put a norm after each convolution and linear layer that has none directly
            after it, except the last and those whose outputs are the model's.
        example: A batch as in training: a tensor, a tuple of arguments or a dict of keywords. A
            copy of the model is run on it once, which shows what the modules' types do not.
        also: Your own norm classes, with the place of their features: "last", or "first" for right
            after the batch. Each is tried on a test batch: modules that it holds, such as an
            activation, follow the new norm, and a class that does more is refused. Their ``weight``
            is kept if it is a scale, their ``bias`` if it is a shift.
        keep: Modules to keep, by name or by type, with all that they hold.
        report: Called with one :class:`~landscope.norms.replace.plan.NormPlace` for each norm; with
            ``insert``, for each layer that was left without one; and, with an example, for each
            module that also calls norms as functions. Use ``report=print``, or
            ``report=places.append`` for a list.

    Returns:
        The copy.

    Raises:
        UsageError: There is no such norm or constant; the model has no norm, or one that is not
            known, has no shape yet or cannot be replaced by this one; an example is needed or does
            not pass; or the model is compiled or cannot be copied. Nothing is changed then.

    Example:
        >>> import torch
        >>> import landscope
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8))
        >>> replaced = landscope.replace_norms(model, "group", report=print)
        1: BatchNorm2d -> GroupNorm, keeping weight, bias
        >>> replaced[1].num_groups, replaced[1].num_channels
        (4, 8)
    """
    return replaced(
        model, norm, constants or {}, insert, example, also or {}, keep, report, IN_PYTHON
    )


def replaced(
    model: nn.Module,
    norm: str | NormBuilder,
    constants: Mapping[str, int | float],
    insert: bool,
    example: Any,
    also: Mapping[type[nn.Module], Axis],
    keep: Keep,
    report: Callable[[NormPlace], object] | None,
    advice: Advice,
) -> nn.Module:
    """:func:`replace_norms`, with its remedies in the words of ``advice``."""
    make = builder(norm, **constants)
    _check_eager(model)
    norms, left = find_norms(model, also, keep, advice)
    layers, kept = weight_layers(model), kept_modules(model, keep)
    _check_work(bool(norms), bool(norms or left), insert, example is not None, advice)
    seen, calls = None, {}
    if example is not None:
        watched = (*norms, *left, *(layers if insert else ()))
        seen = run_example(model, example, [part.name for part in watched])
        own = {id(norm.module) for norm in norms}
        accounted = kept | identities(norm.module for norm in (*norms, *left))
        calls = _remaining_calls(model, seen.norm_calls, accounted, own, advice)
    with RandomState.capture(devices_of(model)).replayed():
        plan = planned(Parts(model, norms, left, layers, kept, seen), make, insert)
    for name, function in calls.items():
        kind = type(model.get_submodule(name)).__name__
        why = f"its forward calls {function}, which still normalises"
        plan.places.append(NormPlace(name, kind, kind, left=why))
    result, places = carried_out(model, plan)
    for place in places:
        if report is not None:
            report(place)
    return result


def _check_eager(model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise UsageError(
            f"model = {model!r}", "it is a network of torch", "give an nn.Module, and not its class"
        )
    check_parts(model)
    for name, module in model.named_modules():
        scripted = isinstance(module, torch.jit.ScriptModule)
        if scripted or is_compiled_part(module):
            raise UsageError(
                f"the module {name!r} is compiled" if name else "the model is compiled",
                "norms are replaced by Python modules, which compiled code would not run",
                "replace the norms first, and compile the returned copy",
            )


def _check_work(
    to_replace: bool, any_norm: bool, insert: bool, example: bool, advice: Advice
) -> None:
    if not (insert or to_replace):
        raise UsageError(
            "a model whose norms are all kept" if any_norm else "a model without norms",
            "there is nothing to replace",
            advice.insert,
        )
    if insert and any_norm and not example:
        raise UsageError(
            "insert=True for a model that has norms, without an example",
            "only a pass through the model shows which layers a norm already follows",
            "give a batch as example=",
        )


def _remaining_calls(
    model: nn.Module,
    calls: Mapping[str, str],
    accounted: Collection[int],
    replaced: Collection[int],
    advice: Advice,
) -> dict[str, str]:
    """The functions that still normalise in a model whose norms are replaced.

    Args:
        model: The model.
        calls: Names of functions by the names of the modules that call them.
        accounted: Identities of all norms, of what they hold and of what is to be kept.
        replaced: Identities of the norms to replace.
        advice: How remedies are given.

    Returns:
        Those in the model itself and in modules that hold norms to replace, which could not be
        left alone as a whole.

    Raises:
        UsageError: A module holds no norm and calls one.
    """
    remaining: dict[str, str] = {}
    for name, function in calls.items():
        module = model.get_submodule(name)
        if id(module) in accounted:
            continue
        if name and not any(id(part) in replaced for part in module.modules()):
            kind = type(module).__name__
            raise UsageError(
                f"the module {name!r} of type {kind}",
                f"its forward calls {function}, which would go on normalising",
                f"give {advice.keep(kind)} to leave it, or let its class hold a norm as a module",
            )
        remaining[name] = function
    return remaining
