"""Options that the commands which run a study have in common."""

from typing import Annotated

from cyclopts import Parameter

from landscope.terminal.whole_number import whole_numbers

Device = Annotated[
    str | None, Parameter(help="As torch names it: cpu, cuda, cuda:1. A GPU if there is one.")
]
Workers = Annotated[
    int | None,
    Parameter(
        help="Runs side by side. As many as there are cores, or 1 on a GPU.",
        converter=whole_numbers,
    ),
]
Only = Annotated[
    tuple[str, ...],
    Parameter(
        help="Only these runs, by the ids that `landscope status` shows: to retry one that failed.",
        consume_multiple=1,
        negative="",
        show_default=False,
    ),
]
CheckpointEvery = Annotated[
    float,
    Parameter(
        help="Seconds between two checkpoints of a run, from which it goes on where it is stopped; "
        "0 for one after every step, `inf` for none."
    ),
]
AcceptChanges = Annotated[
    bool,
    Parameter(
        help="Go on with a study though PyTorch, the device or whatever else changes last bits is "
        "not what it was begun with. The records tell.",
        negative="",
        show_default=False,
    ),
]
