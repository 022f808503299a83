"""Finds the norms of a model: known ones, and user classes that a trial shows to be norms.

An unknown class that calls itself a norm raises an error instead of a guess. A trial must show that
it is a norm followed by the modules that it holds, because anything else it does would be lost.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from landscope.errors import UsageError, unknown_name
from landscope.norms.replace.layouts import (
    ANY_SPACE,
    Axis,
    Layout,
    features_of,
    known_kind,
    known_layout,
)
from landscope.norms.replace.trial import Trial, calls_itself_a_norm, children_of, tried

Keep = Collection[str | type[nn.Module]]
"""Modules to keep: by name, with all that they hold, or by type."""


@dataclass(frozen=True, eq=False)
class FoundNorm:
    """A norm in a model.

    Args:
        module: The norm.
        names: Its names, several where the model uses one module in several places.
        layout: The inputs that it takes.
    """

    module: nn.Module
    names: tuple[str, ...]
    layout: Layout

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names[0]


@dataclass(frozen=True)
class Advice:
    """How a user says what to do with a norm: as Python arguments, or as command-line options.

    Args:
        insert: How to insert norms.
        also: How to say where the features of a class lie, from its name and the axis.
        keep: How to keep the norms of a class, from its name.
    """

    insert: str
    also: Callable[[str, str], str]
    keep: Callable[[str], str]

    def also_one_of(self, kind: str, axes: Sequence[str], held: Sequence[str]) -> str:
        """How to have the norms of a class replaced, whose features may lie in either place."""
        places = {
            "last": "where they are the last dimension",
            "first": "where they follow the batch",
        }
        options = [self.also(kind, axis) for axis in axes]
        if len(options) > 1:
            options = [f"{option} {places[a]}" for option, a in zip(options, axes, strict=True)]
        kept = f", with its {', '.join(held)} after the new norm" if held else ""
        return f"give {' or '.join(options)} to replace it{kept}"


IN_PYTHON = Advice(
    "give insert=True to put norms after its convolutions and linear layers",
    lambda kind, axis: f"also={{{kind}: {axis!r}}}",
    lambda kind: f"keep=[{kind}]",
)
ON_COMMAND_LINE = Advice(
    "give --insert to put norms behind its layers",
    lambda kind, axis: f"--also {kind}={axis}",
    lambda kind: f"--keep {kind}",
)


def find_norms(
    model: nn.Module,
    also: Mapping[type[nn.Module], Axis],
    keep: Keep,
    advice: Advice,
) -> tuple[list[FoundNorm], list[FoundNorm]]:
    """Find the norms of a model, in the order of registration: those to replace, and those to keep.

    Args:
        model: Any.
        also: Place of the features for the user's own types.
        keep: What to keep.
        advice: How to word remedies.

    Raises:
        UsageError: A module calls itself a norm and is neither known nor named in ``also``, does
            more than a norm and the modules that it holds, or has no shape yet; or ``keep`` has a
            name that the model does not.
    """
    kept = kept_modules(model, keep)
    found: dict[int, FoundNorm] = {}
    strangers: dict[str, nn.Module] = {}
    inside: set[int] = set()
    for name, module in model.named_modules(remove_duplicate=False):
        if id(module) in found:
            norm = found[id(module)]
            found[id(module)] = replace(norm, names=(*norm.names, name))
            continue
        if id(module) in inside:
            continue
        if parametrize.is_parametrized(module):
            # These normalise weights.
            inside |= identities([module.get_submodule("parametrizations")])
        suspect = _is_suspect(module, also)
        layout = None if _axis_given(module, also) else known_layout(module)
        if layout is None and not suspect:
            continue
        if id(module) in kept:
            layout = layout or Layout(None)
        else:
            _check_shape(name, module)
            layout = layout or _layout_by_trial(module, also)
        if layout is not None:
            found[id(module)] = FoundNorm(module, (name,), layout)
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


def _axis_given(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> Axis | None:
    return next((axis for kind, axis in also.items() if isinstance(module, kind)), None)


def _layout_by_trial(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> Layout | None:
    """The layout of a class in ``also``; None if the module is not a norm with this axis."""
    axis = _axis_given(module, also)
    trial = None if axis is None else _tried(module, axis)
    if axis is None or trial is None:
        return None
    spatial = trial.spatial if axis == "first" else (0,)
    sure = axis == "last"  # otherwise each pass checks the number of dimensions
    return Layout(features_of(module), axis, spatial, sure, trial.after, trial.affine)


def _tried(module: nn.Module, axis: Axis) -> Trial | None:
    # Inputs of features that lie last have up to four dimensions.
    return tried(module, axis, features_of(module), ANY_SPACE if axis == "first" else (0, 1))


def _check_shape(name: str, norm: nn.Module) -> None:
    if any(is_lazy(tensor) for tensor in (*norm.parameters(), *norm.buffers())):
        raise UsageError(
            f"the norm {name!r} has no shape yet",
            "the number of its features is that of its first batch",
            "run the model on a batch first",
        )


def _is_suspect(module: nn.Module, also: Mapping[type[nn.Module], Axis]) -> bool:
    """Whether a module may be a norm: by its class, by a word of its name, or by ``also``."""
    if _axis_given(module, also) is not None or known_kind(module) is not None:
        return True
    # One that holds a norm normalises by it.
    parts = list(module.modules())[1:]
    holds_one = any(known_kind(part) or calls_itself_a_norm(part) for part in parts)
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
            "on a test batch it is not a norm followed by the modules that it holds, and anything "
            "else it does, such as an activation, would be lost",
            f"give {keep}, or let its class hold what follows the norm as a module",
        )
    given = _axis_given(module, also)
    rule = (
        "its class is called a norm but is not PyTorch's or landscope's, so the place of its "
        "features is not known"
        if given is None
        else f"on a batch with its features {given}, it does not behave like a norm"
    )
    return UsageError(
        value, rule, f"{advice.also_one_of(kind, axes, children_of(module))}, or {keep}"
    )


def _possible_axes(module: nn.Module) -> list[Axis]:
    """Where the features of a norm may lie, by a trial; empty if none passes."""
    last, first = _tried(module, "last"), _tried(module, "first")
    if last is not None and first is not None and first.spatial == (0,):
        return ["last"]  # without space, both are one dimension
    return [*(["last"] if last else []), *(["first"] if first else [])]


def kept_modules(model: nn.Module, keep: Keep) -> set[int]:
    """Identities of the modules to keep, and of all that they hold.

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
