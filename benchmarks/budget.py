"""What a scope takes of a training: the share that was asked for, and next to nothing when idle."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import results
from benchmarks.networks import Network, chosen
from benchmarks.settings import Settings
from landscope import Scope

SHARES = (0.01, 0.05, 0.2)
NETWORKS = {"mlp-50": 2000, "resnet-20": 600, "transformer-6": 600}
"""Steps of each training, on the network's own batch; of those with their norm. A look at the
perceptron's 3 million weights takes as long as seven of its steps: 500 have no room for 1 %."""

LEAST, MOST = 0.5, 1.1  # of what was asked
IDLE = 20.0  # microseconds
_LEAST_BATCH = 4  # a batch norm takes halves of it, which must be batches too
_BLOCKS = 2_000
_REPEATS = 5  # of which the least counts
_COUNTED = 25  # blocks whose operations are counted
_FIRST = 3  # updates after which a budget knows what a step takes
_IDLE_SHARE = 0.05


class Operations(TorchDispatchMode):
    """Counts what is asked of any device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        self.count += 1
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Row:
    """One network.

    Args:
        network: The network.
        samples: Samples in its batch.
        steps: Steps of each training.
        shares: The share that was taken, by the share that was asked for.
        looks: How many looks there were, likewise.
        probes: How often each probe looked, likewise.
        step_seconds: Of a step without a look.
        idle: Microseconds of a block in which nothing is due.
        operations: What an idle block asks of the device.
    """

    network: Network
    samples: int
    steps: int
    shares: dict[float, float]
    looks: dict[float, int]
    probes: dict[float, dict[str, int]]
    step_seconds: float
    idle: float
    operations: int

    def as_record(self) -> dict[str, Any]:
        """As the results hold it."""
        bars = [
            {"bar": f"share of {share:g}", "value": found / share, "met": _kept(found / share)}
            for share, found in self.shares.items()
        ]
        idle = {"bar": "idle", "value": self.idle, "met": self.idle < IDLE and not self.operations}
        return {
            "network": self.network.name,
            "norm": self.network.norm,
            "samples": self.samples,
            "steps": self.steps,
            "shares": {str(share): found for share, found in self.shares.items()},
            "looks": {str(share): found for share, found in self.looks.items()},
            "probes": {str(share): found for share, found in self.probes.items()},
            "step seconds": self.step_seconds,
            "idle microseconds": self.idle,
            "idle operations": self.operations,
            "bars": [*bars, idle],
        }


def measure(network: Network, settings: Settings, steps: int) -> Row:
    """Train it once for each share, and look at blocks in which nothing is due."""
    samples = max(_LEAST_BATCH, settings.samples or network.samples)
    shares: dict[float, float] = {}
    looks: dict[float, int] = {}
    probes: dict[float, dict[str, int]] = {}
    seconds: list[float] = []
    for share in SHARES:
        scope = _train(network, settings, samples, steps, share)
        shares[share] = scope.share
        looks[share] = len({r.step for r in scope.readings if r.probe == "scope"})
        probes[share] = _looks_of(scope)
        seconds += [r.value for r in scope.readings if r.key == "scope/step_seconds"]
    idle, operations = _idle(network, settings, samples)
    step_seconds = median(s for s in seconds if isinstance(s, float))
    return Row(network, samples, steps, shares, looks, probes, step_seconds, idle, operations)


def run(settings: Settings, console: Console, *, steps: int | None = None) -> None:
    """Measure the networks with their norm, print the table and write the results.

    Args:
        settings: Which networks, and on what batch.
        console: Where the table goes.
        steps: Steps of each training; each network's own number unless given.
    """
    rows: list[Row] = []
    for network in chosen(settings.names or tuple(NETWORKS)):
        # Where the loss is a sum over samples, as of the linear network, there is no noise scale.
        if network.norm == "none" or network.name not in NETWORKS:
            continue
        with console.status(f"budgets of {network.title}"):
            rows.append(measure(network, settings, steps or NETWORKS[network.name]))
    path = results.write("budget", [row.as_record() for row in rows], settings)
    console.print(table(rows))
    console.print(f"Written to {path.name}.", style="dim")


def table(rows: list[Row]) -> Table:
    """The table that a person reads."""
    shown = Table(
        title="Share of the time that a scope took, of what was asked, and its idle block",
        caption=f"Asked: {LEAST:g} to {MOST:g} of the share; under {IDLE:g} us when idle.",
    )
    shown.add_column("network / norm")
    headings = [f"{100 * share:g} %" for share in SHARES]
    for heading in ("steps", "ms a step", *headings, "looks at 5 %", "idle us", "operations"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            row.network.title,
            str(row.steps),
            f"{1000 * row.step_seconds:.1f}",
            *(f"{100 * found:.2f} %" for found in row.shares.values()),
            str(row.looks[0.05]),
            f"{row.idle:.1f}",
            str(row.operations),
        )
    return shown


def _kept(of_asked: float) -> bool:
    return LEAST <= of_asked <= MOST


def _train(network: Network, settings: Settings, samples: int, steps: int, share: float) -> Scope:
    model = network.make().to(settings.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=network.lr)
    inputs, targets = (tensor.to(settings.device) for tensor in network.batch(samples))
    with Scope(model, network.loss_fn, optimizer, budget=share) as scope:
        for _ in range(steps):
            with scope.step(inputs, targets):
                optimizer.zero_grad()
                network.loss_fn(model(inputs), targets).backward()
                optimizer.step()
    return scope


def _looks_of(scope: Scope) -> dict[str, int]:
    probes = dict.fromkeys(r.probe for r in scope.readings if r.probe != "scope")
    return {p: len({r.step for r in scope.readings if r.probe == p}) for p in probes}


def _idle(network: Network, settings: Settings, samples: int) -> tuple[float, int]:
    """Microseconds of a block in which nothing is due, its counted step included, and its work.

    The longer of the two ways in which looks are chosen: by a budget, or at a fixed cadence.
    """
    model = network.make().to(settings.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=network.lr)
    inputs, targets = (tensor.to(settings.device) for tensor in network.batch(samples))

    def of(scope: Scope) -> tuple[float, int]:
        for _ in range(_FIRST):
            with scope.step(inputs, targets):
                network.loss_fn(model(inputs), targets).backward()
                optimizer.step()
        optimizer.zero_grad(set_to_none=True)  # with nothing to update, a step does no work

        def block() -> None:
            with scope.step(inputs, targets):
                optimizer.step()

        def microseconds() -> float:
            rounds = [(_seconds(block), _seconds(optimizer.step)) for _ in range(_BLOCKS)]
            return 1e6 * median(inside - bare for inside, bare in rounds)

        work = [_operations(block) - _operations(optimizer.step) for _ in range(_COUNTED)]
        # Under a budget a look comes now and then; in the middle of all there is none.
        # Whatever else runs on the machine can only add to it.
        return min(microseconds() for _ in range(_REPEATS)), int(median(work))

    fixed = of(Scope(model, network.loss_fn, optimizer, every=10**9))
    planned = of(Scope(model, network.loss_fn, optimizer, budget=_IDLE_SHARE))
    return max(fixed[0], planned[0]), max(fixed[1], planned[1])


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _operations(work: Callable[[], Any]) -> int:
    with Operations() as operations:
        work()
    return operations.count
