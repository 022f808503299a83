"""The bars of the hostile row, over all trials."""

from collections.abc import Sequence
from typing import Any

MEMORY = 64  # MiB at the peak, above what an honest folder takes
REFUSAL = 1.0  # seconds

_LISTS = {
    "code run": "code",
    "files outside read": "leaks",
    "files outside written": "outside",
    "control characters printed": "control",
    "formulas exported": "formulas",
}


def bars(rows: Sequence[dict[str, Any]], scripts: int | None) -> list[dict[str, Any]]:
    """The bars.

    Args:
        rows: Of the trials.
        scripts: Scripts of hostile names that ran in a browser; None where there is none here.
    """
    held = [_bar(name, sum(bool(row[key]) for row in rows), 0) for name, key in _LISTS.items()]
    crashed = sum(row["ended"] == "crashed" for row in rows)
    above = round(max(row["above"] for row in rows) / 2**20)
    refusals = [row["seconds"] for row in rows if row["ended"] == "refused"]
    held += [
        _bar("neither shown nor refused", crashed, 0),
        _bar("MiB above an honest folder", above, MEMORY),
        _bar("seconds until a refusal", round(max(refusals, default=0.0), 2), REFUSAL),
    ]
    if scripts is not None:
        held.append(_bar("scripts run in the page", scripts, 0))
    return held


def _bar(name: str, value: float, limit: float) -> dict[str, Any]:
    return {"bar": name, "value": value, "limit": limit, "met": value <= limit}
