"""Results: one JSON file a benchmark, with its provenance inside."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.provenance import provenance
from benchmarks.settings import Settings


def write(name: str, rows: Sequence[Mapping[str, Any]], settings: Settings, **more: object) -> Path:
    """Write ``name-device.json``, whole or not at all.

    Args:
        name: Name of the benchmark.
        rows: What was measured.
        settings: How.
        **more: Further entries of the file.
    """
    settings.out.mkdir(parents=True, exist_ok=True)
    path = settings.out / f"{name}-{settings.kind}.json"
    content = {
        "benchmark": name,
        "provenance": provenance(settings.device),
        "settings": {
            "samples": settings.samples,
            "rounds": settings.rounds,
            "seconds": settings.seconds,
        },
        **more,
        "rows": list(rows),
    }
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content, indent=1, allow_nan=True) + "\n", "utf-8")
    unfinished.replace(path)
    return path


def read(path: Path) -> dict[str, Any]:
    """What :func:`write` wrote."""
    return json.loads(path.read_text("utf-8"))
