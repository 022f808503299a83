"""The table of rows, by the names that the command line, the results and the page use."""

from collections.abc import Mapping

from torture import fuzz, mutations
from torture.row import Run

ROWS: Mapping[str, Run] = {
    "mutations": mutations.run,
    "fuzz": fuzz.run,
}
