"""The table of rows, by the names that the command line, the results and the page use."""

from collections.abc import Mapping

from torture import checkpoint_kills, every_step, fuzz, kills, mutations, no_trace, plain
from torture.row import Run

ROWS: Mapping[str, Run] = {
    "kills": kills.run,
    "checkpoint-kills": checkpoint_kills.run,
    "every-step": every_step.run,
    "mutations": mutations.run,
    "hostile": plain.hostile_files,
    "failing-disk": plain.failing_disks,
    "no-trace": no_trace.run,
    "fuzz": fuzz.run,
}
