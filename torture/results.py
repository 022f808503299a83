"""Results: one JSON file a row, with its provenance inside."""

from pathlib import Path

from benchmarks.provenance import provenance
from benchmarks.results import store
from torture.row import Form, Found

RESULTS = Path(__file__).parent / "results"


def write(name: str, found: Found, form: Form, seconds: float, out: Path) -> Path:
    """Write ``name.json``, whole or not at all.

    Args:
        name: Name of the row.
        found: What came of it.
        form: How it was run.
        seconds: What it took.
        out: Folder of the results.
    """
    path = out / f"{name}.json"
    content = {
        "row": name,
        "provenance": provenance("cpu", package="torture"),
        "form": {"short": form.short, "seed": form.seed},
        "seconds": round(seconds, 1),
        "met": found.met,
        "bars": [bar.as_record() for bar in found.bars],
        "rows": [dict(row) for row in found.rows],
        "failures": [dict(failure) for failure in found.failures],
    }
    store(path, content)
    return path
