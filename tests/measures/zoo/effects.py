"""Networks whose modules do more than give an output, or take more than their arguments.

What a module leaves behind in an attribute, a list, a buffer or its own arguments, another reads;
what it reads, somebody else has changed meanwhile.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from tests.measures.networks import (
    Case,
    ThreeLayers,
    built,
    classes,
    gaussian,
    named,
    of_three_layers,
    three_layers,
    weight_and_bias,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint


class Remembers(ThreeLayers):
    """State in plain attributes: what was seen last, and how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.seen: Tensor | None = None

    def between(self, h: Tensor) -> Tensor:
        self.calls += 1
        h = torch.tanh(h) / self.calls
        if self.seen is not None:
            h = h + self.seen
        self.seen = h.detach()
        return h


class Collects(ThreeLayers):
    """A list that grows: an auxiliary loss is kept there, and the outputs take its last."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Tensor] = []

    def between(self, h: Tensor) -> Tensor:
        self.kept.append(h.square().mean())
        return torch.tanh(h) * self.kept[-1] / len(self.kept)


class Clips(ThreeLayers):
    """Writes on its own weights before it uses them, as a Wasserstein critic may."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            for layer in (self.first, self.second, self.third):
                layer.weight.clamp_(-0.3, 0.3)
        return super().forward(x)


class ClipsData(ThreeLayers):
    """The same as it is mostly written, where no version counts it."""

    def forward(self, x: Tensor) -> Tensor:
        for parameter in self.parameters():
            parameter.data.mul_(0.9).clamp_(-0.3, 0.3)
        return super().forward(x)


class Bounds(ThreeLayers):
    """Writes on a weight that is too long: here, those before the step and not those after it."""

    bounds: dict[str, float]

    def forward(self, x: Tensor) -> Tensor:
        for name in ("first", "second", "third"):
            weight = getattr(self, name).weight
            if weight.norm().item() > self.bounds.get(name, math.inf):
                weight.data.mul_(1.5)
            x = torch.tanh(getattr(self, name)(x))
        return x


def bounds() -> Case:
    case = built(lambda: three_layers(Bounds()))
    before, after = dict(case.model.named_parameters()), case.parameters_after_a_step()
    case.model.bounds = {}
    for name in case.layers:
        norms = [point[f"{name}.weight"].norm().item() for point in (before, after)]
        if norms[0] > norms[1]:
            case.model.bounds[name] = sum(norms) / 2
    assert case.model.bounds
    return case


class WritesOnInputs(ThreeLayers):
    """The first thing that it does is done in place, on what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.add_(0.5).mul_(1.5))


def bounded_embedding() -> Case:
    """An embedding that rescales rows of its weight, in place, when they are used."""
    model = nn.Sequential(
        nn.Embedding(7, 5, max_norm=1.0), nn.Linear(5, 5), nn.Flatten(), nn.Linear(15, 3)
    )
    words = torch.randint(0, 7, (8, 3), generator=torch.Generator().manual_seed(4))
    layers = {"0": ["0.weight"], "1": weight_and_bias("1"), "3": weight_and_bias("3")}
    return Case(model, functional.cross_entropy, words, classes(8), layers)


class Layer(nn.Linear):
    """A linear layer whose subclasses do something besides."""

    def __init__(self) -> None:
        super().__init__(5, 5)


def around(second: type[nn.Module], **replaced: Callable[..., Tensor]) -> type[nn.Module]:
    """Three layers of which the second is of a class; ``forward`` is replaced where it is given."""

    class Around(ThreeLayers):
        def __init__(self) -> None:
            super().__init__()
            self.second = second()

    for name, function in replaced.items():
        setattr(Around, name, function)
    return Around


class Appends(Layer):
    """Gives its output twice: as such, and in a list that it is given."""

    def forward(self, h: Tensor, seen: list[Tensor]) -> Tensor:
        h = super().forward(h).tanh()
        seen.append(h)
        return h


def sums_a_list(self: Any, x: Tensor) -> Tensor:
    seen: list[Tensor] = []
    h = self.second(self.first(x).tanh(), seen)
    return self.third(h + torch.stack(seen).sin().sum(0))


@dataclass
class Context:
    """What some modules share, and no module owns."""

    losses: list[Tensor]
    scale: float = 1.0


CONTEXT = Context([])


class LeavesALoss(Layer):
    """As a router of experts: a loss of its own, left where another finds it."""

    def forward(self, h: Tensor) -> Tensor:
        CONTEXT.losses.append(h.square().mean())
        return super().forward(h)


def adds_the_losses(self: Any, x: Tensor) -> Tensor:
    CONTEXT.losses.clear()
    outputs = self.third(self.second(self.first(x).tanh()).tanh())
    return outputs * (1 + torch.stack(CONTEXT.losses).sum())


class SetsALoss(Layer):
    """The same in an attribute."""

    loss: Tensor | None = None

    def forward(self, h: Tensor) -> Tensor:
        self.loss = h.square().mean()
        return super().forward(h)


def adds_an_attribute(self: Any, x: Tensor) -> Tensor:
    outputs = self.third(self.second(self.first(x).tanh()).tanh())
    return outputs * (1 + self.second.loss)


SEEN: dict[str, Tensor] = {}


class Tapped(nn.Sequential):
    """A module in it has a hook that keeps what it gives, as people look for features."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5))
        self[1].register_forward_hook(lambda _, __, out: SEEN.__setitem__("feature", out))


def uses_a_feature(self: Any, x: Tensor) -> Tensor:
    h = self.second(self.first(x).tanh()).tanh()
    return self.third(h * SEEN["feature"].mean())


def tapped() -> Case:
    case = three_layers(around(Tapped, forward=uses_a_feature)())
    names = ("first", "second.0", "second.2", "third")
    case.layers = {name: weight_and_bias(name) for name in names}
    return case


class CalledAgain(ThreeLayers):
    """The first layer once more, on what the second gives, without a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.second(torch.tanh(self.first(x))))
        with torch.no_grad():
            aim = torch.tanh(self.first(h[:, :4]))
        return self.third(h + aim)


class CalledBehindANumber(ThreeLayers):
    """The first layer once more, on the batch, scaled by a number that the second gives."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.second(torch.tanh(self.first(x))))
        return self.third(h + self.first(x * h.mean().item()))


class Scaled(nn.Linear):
    """Scales its output by something that others set."""

    def __init__(self) -> None:
        super().__init__(4, 5)
        self.scale: Tensor | float = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale * CONTEXT.scale


class SetsAnother(ThreeLayers):
    """Sets an attribute of a module between two calls of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Scaled()

    def number(self, h: Tensor) -> Tensor | float:
        return h.detach().mean()

    def forward(self, x: Tensor) -> Tensor:
        CONTEXT.scale = 1.0
        h = torch.tanh(self.second(torch.tanh(self.first(x))))
        self.first.scale = self.number(h)
        return self.third(h + self.first(x))


class SetsAnotherToANumber(SetsAnother):
    def number(self, h: Tensor) -> Tensor | float:
        return h.mean().item()


class SetsAGlobal(SetsAnother):
    """The same by a global variable."""

    def number(self, h: Tensor) -> Tensor | float:
        CONTEXT.scale = h.mean().item()
        return 1.0


class SetsASibling(nn.Linear):
    """Sets an attribute of a module that is called after it."""

    def __init__(self, sibling: Scaled) -> None:
        super().__init__(4, 4)
        self.sibling = (sibling,)

    def forward(self, x: Tensor) -> Tensor:
        self.sibling[0].scale = 0.5
        return super().forward(x).tanh()


class Siblings(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.second = Scaled()
        self.first = SetsASibling(self.second)

    def forward(self, x: Tensor) -> Tensor:
        CONTEXT.scale = 1.0
        return self.third(torch.tanh(self.second(self.first(x))))


class LeavesANumber(Layer):
    """Leaves a number of its own where another finds it."""

    def forward(self, h: Tensor) -> Tensor:
        h = super().forward(h)
        CONTEXT.scale = h.mean().item()
        return h


def uses_a_number(self: Any, x: Tensor) -> Tensor:
    CONTEXT.scale = 1.0
    return self.third(self.second(self.first(x).tanh()).tanh() * CONTEXT.scale)


class Borrows(nn.Module):
    """Uses weights that are another's, which it holds where no module looks."""

    def __init__(self, owner: nn.Linear) -> None:
        super().__init__()
        self.owner = (owner,)

    def forward(self, h: Tensor) -> Tensor:
        return functional.linear(h, self.owner[0].weight.t())


class Borrowed(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.borrows = Borrows(self.first)

    def forward(self, x: Tensor) -> Tensor:
        back = self.borrows(torch.tanh(self.first(x)))
        return self.third(torch.tanh(self.second(torch.tanh(self.first(back)))))


class AddsOn(Layer):
    """Writes on its argument and gives nothing."""

    def forward(self, h: Tensor) -> None:
        h.add_(super().forward(h * 1).tanh())


def reads_what_was_written(self: Any, x: Tensor) -> Tensor:
    h = self.first(x) * 1
    self.second(h)
    return self.third(h)


class InPlace(ThreeLayers):
    """What goes into an activation in place is read after it."""

    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.ELU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        out = self.second(self.activation(h).sin())
        return self.third(torch.tanh(out) + h)


class Aliases(ThreeLayers):
    """A module gives its argument on, and what it gives is written on."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Unflatten(1, (5, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        self.same(h).mul_(torch.linspace(0.5, 2, 5, dtype=h.dtype)[:, None])
        return self.third(torch.tanh(self.second(h)))


class Overlaps(Layer):
    """Gives two views of one tensor."""

    def forward(self, h: Tensor) -> list[Tensor]:
        h = super().forward(h)
        return [h[:, :3], h[:, 2:]]


def writes_on_a_view(self: Any, x: Tensor) -> Tensor:
    left, right = self.second(self.first(x).tanh())
    left.mul_(3)
    return self.third(torch.cat([left[:, :2], right], 1))


class Pair(NamedTuple):
    """Two things, one of them nested."""

    hidden: Tensor
    rest: dict[str, Any]


@dataclass
class Record:
    """An output that no container is."""

    hidden: Tensor


class GivesANest(Layer):
    def forward(self, h: Tensor) -> Pair:
        h = super().forward(h).tanh()
        return Pair(h, {"parts": [h.mean(0), None, 3], "size": h.shape, "wide": h[:, :1]})


class GivesARecord(Layer):
    def forward(self, h: Tensor) -> Record:
        return Record(super().forward(h).tanh())


def reads_a_nest(self: Any, x: Tensor) -> Tensor:
    hidden, rest = self.second(self.first(x))
    scale = rest["parts"][2] / rest["size"][1]
    return self.third(hidden * scale + rest["parts"][0] + rest["wide"].expand(-1, 5))


def reads_a_record(self: Any, x: Tensor) -> Tensor:
    return self.third(self.second(h=self.first(input=x)).hidden)


class Shares(nn.Linear):
    """Writes what it gives on a buffer that is another's too."""

    def __init__(self, inputs: int, buffer: Tensor) -> None:
        super().__init__(inputs, 5)
        self.register_buffer("shared", buffer)

    def forward(self, x: Tensor) -> Tensor:
        h = super().forward(x)
        with torch.no_grad():
            self.shared.lerp_(h, 0.5)
        return h.tanh() + self.shared


class SharedBuffer(ThreeLayers):
    def __init__(self) -> None:
        super().__init__()
        self.first = Shares(4, torch.zeros(8, 5, dtype=torch.float64))
        self.second = Shares(5, self.first.shared)


class ReadsStatistics(ThreeLayers):
    """The loss uses the running mean that a norm has just moved."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(5, affine=False)

    def between(self, h: Tensor) -> Tensor:
        return torch.tanh(self.norm(h))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1 + self.norm.running_mean.square().sum())


class Counts(nn.Module):
    """Says how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, h: Tensor) -> Tensor:
        self.calls += 1
        return torch.tanh(h) / self.calls


class Between(ThreeLayers):
    """A module of a class between the layers."""

    kind: type[nn.Module]

    def __init__(self) -> None:
        super().__init__()
        self.module = self.kind()

    def between(self, h: Tensor) -> Tensor:
        return self.module(h)


class Counted(Between):
    kind = Counts


class Draws(nn.Module):
    """Draws from generators of its own, which go on from call to call."""

    def __init__(self) -> None:
        super().__init__()
        self.torchs = torch.Generator().manual_seed(3)
        self.numpys = np.random.default_rng(3)

    def forward(self, h: Tensor) -> Tensor:
        noise = torch.randn(h.shape, generator=self.torchs, dtype=h.dtype)
        return torch.tanh(h + 0.3 * noise) * (1 + self.numpys.random())


class DrawsFromTheHost(nn.Module):
    """Draws from NumPy's own stream."""

    def forward(self, h: Tensor) -> Tensor:
        return torch.tanh(h) * (1 + np.random.random())


class DrawnFromTheHost(Between):
    kind = DrawsFromTheHost


class Drawn(Between):
    kind = Draws


class Table(nn.Module):
    """Gives its weight itself."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 5))

    def forward(self) -> Tensor:
        return self.weight


def looks_up(self: Any, x: Tensor) -> Tensor:
    return self.third(torch.tanh(torch.tanh(self.first(x)) @ self.second()))


def table() -> Case:
    case = three_layers(around(Table, forward=looks_up)())
    case.layers["second"] = ["second.weight"]
    return case


class AnActivationTwice(nn.Module):
    """A block whose activation is one module."""

    def __init__(self) -> None:
        super().__init__()
        self.lower, self.upper, self.activation = nn.Linear(5, 5), nn.Linear(5, 5), nn.Tanh()

    def forward(self, h: Tensor) -> Tensor:
        return self.activation(self.upper(self.activation(self.lower(h))))


def checkpoints(self: Any, x: Tensor) -> Tensor:
    return self.third(checkpoint(self.second, self.first(x), use_reentrant=False))


def checkpoints_twice(self: Any, x: Tensor) -> Tensor:
    h = checkpoint(self.second, self.first(x), use_reentrant=False)
    h = checkpoint(lambda h: self.second(self.second.activation(h)), h, use_reentrant=False)
    return self.third(h)


def checkpointed(forward: Callable[..., Tensor]) -> Case:
    case = three_layers(around(AnActivationTwice, forward=forward)())
    names = ("first", "second.lower", "second.upper", "third")
    case.layers = {name: weight_and_bias(name) for name in names}
    return case


def unseen(h: Tensor) -> Tensor:
    """What no torch function shows, as in an extension."""
    with torch._C.DisableTorchFunction():
        return (h > 0).double()


class Unseen(ThreeLayers):
    """The first layer once more, behind something that depends on the second and is not seen."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.second(torch.tanh(self.first(x))))
        return self.third(h + self.first(x * unseen(h.detach())[:, :4]))


class Gives(ThreeLayers):
    """Catches what a module raises, and goes on with something else."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x))
        try:
            h = self.fails(h)
        except KeyError:
            h = torch.sin(self.second(h))
        return self.third(h)

    def fails(self, h: Tensor) -> Tensor:
        self.second(h)
        raise KeyError


class Mapped(ThreeLayers):
    """A module within a transform."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.vmap(lambda row: torch.tanh(self.second(row)) * row.sum())(self.first(x))
        return self.third(h)


class Lends(ThreeLayers):
    """Calls the first layer again with weights that the second has scaled."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.second(torch.tanh(self.first(x))))
        scaled = {name: p * h.detach().mean() for name, p in self.first.named_parameters()}
        return self.third(h + torch.func.functional_call(self.first, scaled, (x,)))


class Criterion(nn.Module):
    """A loss with a state, a penalty on the gradient of the outputs among it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))
        self.calls = 0

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.calls += 1
        with torch.no_grad():
            self.scale.lerp_(outputs.square().mean(), 0.5)
        return functional.cross_entropy(outputs / self.scale, targets) * self.calls


def stateful_criterion() -> Case:
    case = three_layers(ThreeLayers())
    case.loss_fn = Criterion()
    return case


class Slope(nn.Module):
    """A penalty on the gradient by the inputs, which the loss takes, as for a critic."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, outputs: Tensor, targets: tuple[Tensor, Tensor]) -> Tensor:
        labels, inputs = targets
        with torch.enable_grad():
            place = inputs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.model(place).sum(), place, create_graph=True)
        return functional.cross_entropy(outputs, labels) + slope.square().sum()


def penalised_slope() -> Case:
    case = three_layers(ThreeLayers())
    case.targets, case.loss_fn = (case.targets, gaussian(8, 4, seed=9)), Slope(case.model)
    return case


NETWORKS: dict[str, Callable[[], Case]] = {
    "bounds": bounds,
    **named(
        {
            **of_three_layers(
                {
                    "remembers": Remembers,
                    "collects": Collects,
                    "clips": Clips,
                    "clips data": ClipsData,
                    "writes on its inputs": WritesOnInputs,
                    "appends to a list": around(Appends, forward=sums_a_list),
                    "leaves a loss": around(LeavesALoss, forward=adds_the_losses),
                    "sets a loss": around(SetsALoss, forward=adds_an_attribute),
                    "called again": CalledAgain,
                    "called again behind a number": CalledBehindANumber,
                    "sets another's attribute": SetsAnother,
                    "sets another's attribute to a number": SetsAnotherToANumber,
                    "sets a global variable": SetsAGlobal,
                    "sets a sibling's attribute": Siblings,
                    "leaves a number": around(LeavesANumber, forward=uses_a_number),
                    "borrows weights": Borrowed,
                    "writes on its argument": around(AddsOn, forward=reads_what_was_written),
                    "an activation in place": InPlace,
                    "gives its argument on": Aliases,
                    "gives views of one tensor": around(Overlaps, forward=writes_on_a_view),
                    "gives a nest": around(GivesANest, forward=reads_a_nest),
                    "gives a record": around(GivesARecord, forward=reads_a_record),
                    "a buffer of two": SharedBuffer,
                    "reads running statistics": ReadsStatistics,
                    "counts its calls": Counted,
                    "generators of its own": Drawn,
                    "draws from the host": DrawnFromTheHost,
                    "unseen": Unseen,
                    "catches an error": Gives,
                    "a module within vmap": Mapped,
                    "lends weights": Lends,
                }
            ),
            "a bounded embedding": bounded_embedding,
            "a tapped module": tapped,
            "a module that is a table": table,
            "an activation twice in a checkpoint": lambda: checkpointed(checkpoints),
            "a block in two checkpoints": lambda: checkpointed(checkpoints_twice),
            "a criterion with a state": stateful_criterion,
            "a penalty on a slope": penalised_slope,
        }
    ),
}
