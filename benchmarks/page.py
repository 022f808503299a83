"""``python -m benchmarks.page``: put the results' numbers into docs/performance.md and the README.

The pages say in words what was measured and how; their tables stand between marks.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.marked import fill, table
from benchmarks.provenance import ROOT
from benchmarks.results import read
from benchmarks.settings import RESULTS
from benchmarks.words import giga, mega

PAGES = (ROOT / "docs" / "performance.md", ROOT / "README.md")

Results = dict[str, Any]


def covariate_shift(results: Results) -> str:
    """A table of all networks."""
    heads = [
        "network / norm",
        "layers",
        "batch",
        "GFLOP: literal",
        "frugal",
        "ours",
        "floor",
        "ours / floor",
        "seconds: ours",
        "step",
        "in steps: literal",
        "frugal",
        "ours",
        "time ratio",
        "MB: ours",
        "step",
        "bound",
        "difference",
    ]
    return table(heads, [_shift_cells(row) for row in results["rows"]])


def _shift_cells(row: Results) -> list[str]:
    operations, seconds, size = row["operations"], row["seconds"], row["bytes"]
    held = {bar["bar"]: bar for bar in row["bars"]}
    peak = {name: mega(size[name]["base"] + size[name]["above"]) for name in ("ours", "step")}
    time = held.get("time", {"value": row["time ratio"], "met": True})
    return [
        f"{row['network']} / {row['norm']}",
        str(row["layers"]),
        str(row["samples"]),
        *(giga(operations[name]) for name in ("literal", "frugal", "ours", "floor")),
        _judged(held["arithmetic"], f"{held['arithmetic']['value']:.3f}"),
        *(_spread(seconds[name]) for name in ("ours", "step")),
        *(f"{row['in steps'][way]:.2f}" for way in ("literal", "frugal", "ours")),
        _judged(time, f"{time['value']:.2f}"),
        _judged(held["memory"], peak["ours"]),
        peak["step"],
        mega(size["bound"]),
        _judged(held["equality"], f"{held['equality']['value']:.0e}"),
    ]


def line(results: Results) -> str:
    """A table of all networks, and what the peers said that did not run."""
    ways = list(dict.fromkeys(way for row in results["rows"] for way in row["in steps"]))
    heads = ["network / norm", "batch", "ours / passes", *(f"{way}, in steps" for way in ways)]
    rows = [
        [
            f"{row['network']} / {row['norm']}",
            str(row["samples"]),
            _judged(row["bars"][0], f"{row['bars'][0]['value']:.3f}"),
            *(f"{row['in steps'][way]:.2f}" if way in row["in steps"] else "" for way in ways),
        ]
        for row in results["rows"]
    ]
    errors = {name: said for row in results["rows"] for name, said in row["errors"].items()}
    said = [f"- {name} did not run: `{error}`" for name, error in errors.items()]
    return "\n".join([table(heads, rows), *([""] if said else []), *said])


def growth(results: Results) -> str:
    """A table of the fitted exponents."""
    by = results["exponents"]
    heads = ["cost of all layers' shift", "over layers", "over samples"]
    names = {
        "in steps": "in training steps, by the clock",
        "floor in steps": "in training steps, floor of arithmetic",
        "seconds of ours": "in seconds",
        "seconds of a step": "in seconds, of a training step",
    }
    rows = [
        [words, f"{by['depth'][name]:.2f}", f"{by['samples'][name]:.2f}"]
        for name, words in names.items()
    ]
    return table(heads, rows)


def declared(results: Results) -> str:
    """A table of all probes on all networks."""
    heads = [
        *("network / norm", "probe", "batch", "declared", "counted", "by the clock"),
        *("MB", "MB: bound"),
    ]
    rows = [
        [
            f"{row['network']} / {row['norm']}",
            f"`{row['probe']}`",
            str(row["samples"]),
            f"{row['declared in steps']:.2f}",
            _judged(row["bars"][0], f"{row['counted in steps']:.2f}"),
            f"{row['in steps']:.2f}",
            _judged(row["bars"][1], mega(row["bytes"]["look"])),
            mega(row["bytes"]["bound"]),
        ]
        for row in results["rows"]
    ]
    return table(heads, rows)


def budget(results: Results) -> str:
    """A table of the networks: shares that were taken, looks, and the idle block."""
    asked = list(results["rows"][0]["shares"])
    heads = [
        *("network / norm", "batch", "steps", "ms a step"),
        *(f"of {float(share):.0%}" for share in asked),
        *(f"looks at {float(share):.0%}" for share in asked),
        *("idle, us", "idle operations"),
    ]
    rows: list[list[str]] = []
    for row in results["rows"]:
        held = {bar["bar"]: bar for bar in row["bars"]}
        rows.append(
            [
                f"{row['network']} / {row['norm']}",
                str(row["samples"]),
                str(row["steps"]),
                f"{1000 * row['step seconds']:.1f}",
                *(
                    _judged(held[f"share of {share}"], f"{100 * row['shares'][share]:.2f}%")
                    for share in asked
                ),
                *(str(row["looks"][share]) for share in asked),
                _judged(held["idle"], f"{row['idle microseconds']:.1f}"),
                str(row["idle operations"]),
            ]
        )
    return table(heads, rows)


def summary(results: Results) -> str:
    """What a person asks first: how many training steps for all layers."""
    heads = ["network, with its norm", "layers", "literal", "frugal", "landscope"]
    rows = [
        [
            row["network"],
            str(row["layers"]),
            *(f"{row['in steps'][way]:.1f} steps" for way in ("literal", "frugal", "ours")),
        ]
        for row in results["rows"]
        if row["norm"] != "none"
    ]
    return table(heads, rows)


def machine(results: Results) -> str:
    """What the numbers were measured with."""
    made = results["provenance"]
    changed = ", with changes" if made["changed since the commit"] else ""
    torch = made["versions"]["torch"]
    return (
        f"{made['processor']}, {made['threads']} threads on {made['cores']} cores; "
        f"torch {torch}; {made['date'][:10]}, commit {made['commit'][:7]}{changed}; "
        f"at least {results['settings']['rounds']} rounds."
    )


WRITERS: dict[str, tuple[str, Callable[[Results], str]]] = {
    "machine": ("covariate_shift", machine),
    "covariate_shift": ("covariate_shift", covariate_shift),
    "summary": ("covariate_shift", summary),
    "line": ("line", line),
    "growth": ("growth", growth),
    "declared": ("declared", declared),
    "budget": ("budget", budget),
}
"""By what a mark says: the benchmark, and what is written of it."""


def filled(page: str, folder: Path) -> str:
    """A page with what stands between its marks taken from the results in a folder."""

    def write(mark: str) -> str | None:
        benchmark, writer = WRITERS[mark]
        path = folder / f"{benchmark}-cpu.json"
        return writer(read(path)) if path.exists() else None

    return fill(page, write)


def _judged(bar: Results, words: str) -> str:
    return words if bar["met"] else f"**{words}**"


def _spread(seconds: list[float]) -> str:
    return f"{median(seconds):.3g} ({min(seconds):.3g} - {max(seconds):.3g})"


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text("utf-8"), RESULTS), "utf-8")
