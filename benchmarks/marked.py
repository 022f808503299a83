"""Pages of prose with numbers between marks, ``<!-- results: name -->`` and ``<!-- end -->``.

What stands between two marks is written from files of results alone, so that no number is copied
by hand.
"""

import re
from collections.abc import Callable, Sequence

NOTHING = "*Not measured yet.*"


def fill(page: str, write: Callable[[str], str | None]) -> str:
    """A page with what stands between its marks written anew.

    Args:
        page: Its text.
        write: Gives the text for the name in a mark; None where nothing was measured.
    """

    def between(mark: re.Match[str]) -> str:
        return f"<!-- results: {mark[1]} -->\n{write(mark[1]) or NOTHING}\n<!-- end -->"

    return re.sub(r"<!-- results: ([\w-]+) -->\n.*?<!-- end -->", between, page, flags=re.DOTALL)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is of words and whose others are of numbers."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, rule, *rows])
