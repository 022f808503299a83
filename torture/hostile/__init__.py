"""The row of hostile folders: nothing in them runs, gets out, or fills the memory."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from torture.hostile.bars import bars

_ROOT = Path(__file__).parents[2]


def run(short: bool) -> dict[str, Any]:
    """Every hostile folder through every door, and the page of hostile names in a browser.

    Args:
        short: Whether a few dozen trials are enough, and no browser is opened.

    Returns:
        "bars" and "rows", plain data; "page" is empty where there is no browser.
    """
    rows = try_folders(short=short)
    pages = None
    if not short:
        from torture.hostile.page import try_page  # a browser's driver is no small import

        pages = try_page(short=False)
    scripts = None if pages is None else sum(bool(page["scripts"]) for page in pages)
    return {"bars": bars(rows, scripts), "rows": rows, "page": pages or []}


def try_folders(*, short: bool) -> list[dict[str, Any]]:
    """A row for each case and door; raises as ``rows_of`` does."""
    return rows_of("torture.hostile.server", *(["short"] if short else []))


def rows_of(module: str, *arguments: str) -> list[dict[str, Any]]:
    """The rows that a module prints when it is run as a program, in a place of its own.

    Raises:
        RuntimeError: The program failed by itself.
    """
    place = Path(tempfile.mkdtemp(prefix="torture-"))
    paths = [str(_ROOT / "src"), str(_ROOT), os.environ.get("PYTHONPATH", "")]
    told = place / "rows.jsonl"
    try:
        (place / "work").mkdir()
        with told.open("wb") as file:
            done = subprocess.run(
                [sys.executable, "-m", module, str(place / "work"), *arguments],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                stdout=file,
                stderr=subprocess.PIPE,
            )
        if done.returncode:
            raise RuntimeError(f"{module} failed: {done.stderr.decode(errors='replace')[-2000:]}")
        lines = told.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]
    finally:
        shutil.rmtree(place, ignore_errors=True)
