"""``python -m torture.page``: put the results' numbers into docs/reliability.md."""

from pathlib import Path
from typing import Any

from benchmarks.marked import fill, table
from benchmarks.provenance import ROOT
from benchmarks.results import read
from torture.results import RESULTS
from torture.table import ROWS

PAGE = ROOT / "docs" / "reliability.md"

Results = dict[str, Any]


def written(results: Results) -> str:
    """A row's table, its bars, and what it was measured with."""
    heads = list(results["rows"][0])
    cells = [[_cell(row[head]) for head in heads] for row in results["rows"]]
    bars = [_bar(bar) for bar in results["bars"]]
    return "\n".join([table(heads, cells), "", *bars, "", _measured(results)])


def filled(page: str, folder: Path) -> str:
    """A page with what stands between its marks taken from the results in a folder."""

    def write(mark: str) -> str | None:
        if mark not in ROWS:
            raise LookupError(f"the page has a mark {mark}, and the rows are {', '.join(ROWS)}")
        path = folder / f"{mark}.json"
        return written(read(path)) if path.exists() else None

    return fill(page, write)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _bar(bar: Results) -> str:
    said = f"{bar['bar']}: {bar['value']:,.7g}, where {bar['rule']} is allowed"
    return f"- {said}" if bar["met"] else f"- **{said}: missed**"


def _measured(results: Results) -> str:
    made = results["provenance"]
    changed = ", with changes" if made["changed since the commit"] else ""
    short = "The shortened form. " if results["form"]["short"] else ""
    return (
        f"{short}{results['seconds']:,.0f} seconds on {made['processor']}; "
        f"Python {made['versions']['python']}, torch {made['versions']['torch']}; "
        f"{made['date'][:10]}, commit {made['commit'][:7]}{changed}."
    )


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8"), RESULTS), "utf-8")
