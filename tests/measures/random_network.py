"""Random networks: directed graphs of layers, norms and operations, drawn by hypothesis.

Every value that passes between the nodes has shape (batch, 4, 3), so that any operation can follow
any other. The layers are known from how the network is built: the order of the first uses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from hypothesis import strategies as st
from tests.measures.networks import Case, classes, gaussian
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

CHANNELS, LENGTH = 4, 3


class Weighs(nn.Module):
    """A bare parameter, entry by entry."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(CHANNELS, LENGTH))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Joins(nn.Conv1d):
    """Reads two values side by side."""

    def __init__(self) -> None:
        super().__init__(2 * CHANNELS, CHANNELS, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(torch.cat([first, second], 1))


class Attends(nn.MultiheadAttention):
    """Each channel is a word."""

    def __init__(self) -> None:
        super().__init__(LENGTH, 1, dropout=0.1, batch_first=True)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(first, second, second, need_weights=False)[0]


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(LENGTH, LENGTH),
    "linear without bias": lambda: nn.Linear(LENGTH, LENGTH, bias=False),
    "convolution": lambda: nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1),
    "grouped convolution": lambda: nn.Conv1d(CHANNELS, CHANNELS, 1, groups=2),
    "transposed convolution": lambda: nn.ConvTranspose1d(CHANNELS, CHANNELS, 3, padding=1),
    "bare weight": Weighs,
}
JOINTS: dict[str, Callable[[], nn.Module]] = {"joining convolution": Joins, "attention": Attends}
NORMS: dict[str, Callable[[], nn.Module]] = {
    "batch norm": lambda: nn.BatchNorm1d(CHANNELS),
    "cumulative batch norm": lambda: nn.BatchNorm1d(CHANNELS, momentum=None),
    "layer norm": lambda: nn.LayerNorm(LENGTH),
    "layer norm over all": lambda: nn.LayerNorm((CHANNELS, LENGTH)),
    "rms norm": lambda: nn.RMSNorm(LENGTH),
    "group norm": lambda: nn.GroupNorm(2, CHANNELS),
    "instance norm": lambda: nn.InstanceNorm1d(CHANNELS, affine=True, track_running_stats=True),
    "PReLU": lambda: nn.PReLU(CHANNELS),
}
MODULES = LAYERS | JOINTS | NORMS


def written(first: Tensor, second: Tensor) -> Tensor:
    out = torch.zeros_like(first)
    out[:, :2] = first[:, 2:]
    out[:, 2:] = second[:, :2]
    return out


def swapped(first: Tensor, _: Tensor) -> Tensor:
    left, right = first.chunk(2, 1)
    return torch.cat([torch.tanh(right), left], 1)


def unbound(first: Tensor, second: Tensor) -> Tensor:
    a, b, c = first.unbind(2)
    return torch.stack([b, torch.sigmoid(c) * a, second[..., 0]], 2)


def half_added(first: Tensor, second: Tensor) -> Tensor:
    first[:, ::2] += second[:, ::2]
    return first


def turned(first: Tensor, second: Tensor) -> Tensor:
    return first.transpose(1, 2).reshape(second.shape)


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda a, _: torch.relu(a),
    "relu in place": lambda a, _: a.relu_(),
    "tanh": lambda a, _: torch.tanh(a),
    "tanh in place": lambda a, _: torch.tanh_(a),
    "gelu": lambda a, _: functional.gelu(a),
    "silu in place": lambda a, _: functional.silu(a, inplace=True),
    "add": lambda a, b: a + b,
    "add in place": lambda a, b: a.add_(b, alpha=0.5),
    "half added in place": half_added,
    "scaled in place": lambda a, _: a.mul_(0.7),
    "product": lambda a, b: a * torch.sigmoid(b),
    "written into a buffer": written,
    "chunk and cat": swapped,
    "unbind and stack": unbound,
    "transpose and reshape": turned,
    "dropout": lambda a, _: functional.dropout(a, 0.3),
    "dropout in place": lambda a, _: functional.dropout(a, 0.3, inplace=True),
    "dropout of channels": lambda a, _: functional.dropout1d(a, 0.3),
    "noise": lambda a, _: a + 0.1 * torch.randn_like(a),
    "detached": lambda a, b: a + b.detach().cos(),
    "clone": lambda a, _: a.clone(),
    "maximum": torch.maximum,
    "sort": lambda a, _: a.sort(2).values,
    "attention by function": lambda a, b: functional.scaled_dot_product_attention(a, b, b),
    "checkpointed": lambda a, b: checkpoint(
        lambda a, b: functional.dropout(a.sin(), 0.2) * b.cos(), a, b, use_reentrant=False
    ),
}


@dataclass
class Node:
    """One call: of a new module, of an earlier one or of a function, on two earlier values."""

    kind: str
    first: int
    second: int
    again: int


NODES = st.builds(
    Node,
    kind=st.sampled_from([*MODULES, *OPERATIONS, "again", "again, transposed"]),
    first=st.integers(0, 2),
    second=st.integers(0, 4),
    again=st.integers(0, 9),
)


@dataclass
class Plan:
    """A network to be built: its nodes, the batch size, and the mode."""

    nodes: list[Node] = field(default_factory=list)
    batch: int = 4
    training: bool = True


PLANS = st.builds(
    Plan,
    nodes=st.lists(NODES, min_size=1, max_size=12),
    batch=st.integers(2, 5),
    training=st.sampled_from([True, True, False]),
)


class RandomNetwork(nn.Module):
    """Runs its nodes in order; all values take part in the output."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.calls: list[str] = []
        self.stem = nn.Linear(LENGTH, LENGTH)
        self.head = nn.Linear(CHANNELS * LENGTH, 3)
        for place, node in enumerate(plan.nodes):
            name = f"node{place}"
            if node.kind in MODULES:
                self.add_module(name, MODULES[node.kind]())
                self.calls.append(name)
            elif node.kind.startswith("again"):
                earlier = [
                    n for n in ("stem", *self.calls) if hasattr(self, n) and n in self._modules
                ]
                self.calls.append(earlier[node.again % len(earlier)])
            else:
                self.calls.append("")

    def forward(self, x: Tensor) -> Tensor:
        values = [self.stem(x)]
        for node, name in zip(self.plan.nodes, self.calls, strict=True):
            first = values[-1 - node.first % len(values)]
            second = values[-1 - node.second % len(values)]
            module = self._modules.get(name)
            if module is None:
                values.append(OPERATIONS[node.kind](first, second))
            elif isinstance(module, nn.Linear) and node.kind == "again, transposed":
                values.append(functional.linear(first, module.weight.t()))
            elif isinstance(module, (Joins, Attends)):
                values.append(module(first, second))
            else:
                values.append(module(first))
        return self.head(torch.tanh(torch.stack(values).mean(0)).flatten(1))

    def layers(self) -> dict[str, list[str]]:
        """Modules with weights in the order of their first call, norms with the one before."""
        kinds = {f"node{k}": node.kind for k, node in enumerate(self.plan.nodes)}
        layers: dict[str, list[str]] = {}
        for name in dict.fromkeys(["stem", *self.calls, "head"]):
            if not name:
                continue
            parameters = [f"{name}.{n}" for n, _ in self.get_submodule(name).named_parameters()]
            if kinds.get(name) in NORMS:
                layers[list(layers)[-1]] += parameters
            elif isinstance(self.get_submodule(name), Attends):
                layers[name] = [p for p in parameters if ".out_proj." not in p]
                layers[f"{name}.out_proj"] = [p for p in parameters if ".out_proj." in p]
            else:
                layers[name] = parameters
        return layers


def random_case(plan: Plan) -> Case:
    """The network of a plan, with a batch of its size."""
    model = RandomNetwork(plan).train(plan.training)
    inputs = gaussian(plan.batch, CHANNELS, LENGTH)
    return Case(model, functional.cross_entropy, inputs, classes(plan.batch), model.layers())
