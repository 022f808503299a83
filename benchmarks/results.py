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
    store(path, content)
    return path


def store(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of results, whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(content, indent=1, allow_nan=True) + "\n", "utf-8")
    unfinished.replace(path)


def read(path: Path) -> dict[str, Any]:
    """What :func:`store` wrote."""
    return json.loads(path.read_text("utf-8"))
