"""``python -m benchmarks``: all benchmarks, or those that are named."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from benchmarks import budget, covariate_shift, declared, growth, line
from benchmarks.provenance import ROOT
from benchmarks.settings import RESULTS, Settings

FIGURE = ROOT / "docs" / "images" / "cost-growth.svg"
WIDTH = 190  # of the tables, where the output is no terminal

Part = Literal["covariate-shift", "line", "growth", "declared", "budget"]

app = App(name="benchmarks", help="What landscope costs, against the floor and against others.")


@app.default
def main(
    *parts: Part,
    networks: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    batch: int | None = None,
    rounds: int = 3,
    seconds: float = 20.0,
    device: str = "cpu",
    out: Path = RESULTS,
    figure: Path = FIGURE,
    small: bool = False,
) -> None:
    """Run some benchmarks, print their tables and write their results.

    Args:
        parts: Which; all unless named.
        networks: Architectures, as in `--networks vgg-11 dln`; all unless named.
        batch: Samples in a batch; each network's own number unless given.
        rounds: Rounds of the clock at least.
        seconds: Seconds of rounds a network, at least.
        device: cpu or cuda.
        out: Folder of the results.
        figure: File of the figure of growth.
        small: Of growth, only the smallest sizes; of budgets, only a few steps.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # torch's profiler says when it starts
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=WIDTH)
    settings = Settings(networks, batch, rounds, seconds, device, out)
    sizes = growth.Sizes((2, 4), (2, 4), depth=2, samples=2) if small else growth.Sizes()
    runs: dict[Part, Callable[[Settings, Console], None]] = {
        "covariate-shift": covariate_shift.run,
        "line": line.run,
        "growth": partial(growth.run, figure=figure, sizes=sizes),
        "declared": declared.run,
        "budget": partial(budget.run, steps=40 if small else None),
    }
    start = time.monotonic()
    for part in parts or runs:
        runs[part](settings, console)
    console.print(f"{(time.monotonic() - start) / 60:.1f} minutes in all.", style="dim")


if __name__ == "__main__":
    app()
