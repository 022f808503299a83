"""``python -m torture``: all rows, or those that are named; exit code 1 where a bar is missed."""

import sys
import tempfile
import time
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table

from torture import results
from torture.row import Form, Found, NotRunError
from torture.table import ROWS

WIDTH = 160  # of the tables, where the output is no terminal

app = App(name="torture", help="What landscope's files survive, and what its readers refuse.")


@app.default
def main(
    *rows: str,
    short: bool = False,
    seconds: float = 600.0,
    seed: int = 0,
    out: Path = results.RESULTS,
) -> int:
    """Run some rows, print what came of them and write their results.

    Args:
        rows: Which; all unless named.
        short: The shortened form, in seconds, which writes no results.
        seconds: What the fuzzing takes in all.
        seed: Of whatever is drawn.
        out: Folder of the results.
    """
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=WIDTH)
    if unknown := [name for name in rows if name not in ROWS]:
        console.print(f"no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}")
        return 2
    missed = False
    for name in rows or ROWS:
        with tempfile.TemporaryDirectory(prefix="torture-") as scratch:
            form = Form(Path(scratch), short=short, seconds=seconds, seed=seed)
            start = time.monotonic()
            try:
                found = ROWS[name](form)
            except NotRunError as reason:
                console.print(f"{name}: not run: {reason}", markup=False)
                missed = missed or name in rows  # whoever asked for it by name did not get it
                continue
            took = time.monotonic() - start
        _show(console, name, found, took)
        if not short:
            results.write(name, found, form, took, out)
        missed = missed or not found.met
    return int(missed)


def _show(console: Console, name: str, found: Found, took: float) -> None:
    heads = list(found.rows[0]) if found.rows else []
    table = Table(*heads, title=f"{name}, {took:.0f} seconds")
    for row in found.rows:
        table.add_row(*(str(row[head]) for head in heads))
    console.print(table)
    for bar in found.bars:
        limit = bar.as_record()["rule"]
        console.print(f"{bar.name}: {bar.value:g}, where {limit} is allowed: {bar.in_words}")
    for failure in found.failures:
        console.print(failure, markup=False)


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
