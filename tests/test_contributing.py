"""CONTRIBUTING.md: what it shows runs as it is pasted, and its map has every package."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from landscope.testing.norms import NormConformance
from landscope.testing.probes import ProbeConformance

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "landscope"
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
SECTIONS = {
    title: TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    for title in ("A norm of your own", "A probe of your own")
}
SUITES = {"A norm of your own": NormConformance, "A probe of your own": ProbeConformance}


def snippet(section: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return code


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_a_suite_pasted_into_an_outsiders_tests_passes(title, tmp_path) -> None:
    """In a folder of its own, by pytest without our settings."""
    (tmp_path / "test_mine.py").write_text(snippet(SECTIONS[title]), "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    tests = [name for name, _ in inspect.getmembers(SUITES[title]) if name.startswith("test_")]
    assert f"{len(tests)} passed" in done.stdout


@pytest.mark.parametrize("title", SECTIONS)
def test_the_way_in_is_short_and_leads_to_what_is_there(title) -> None:
    prose = re.sub(r"```.*?```", "", SECTIONS[title], flags=re.DOTALL)
    assert len([line for line in prose.splitlines() if line]) <= 10
    files = [name for name in re.findall(r"`([\w/]+(?:\.py|/))`", prose) if "yours" not in name]
    assert len(files) >= 3
    missing = [name for name in files if not ((SOURCE / name).exists() or (ROOT / name).exists())]
    assert missing == []


def test_every_package_is_on_the_map() -> None:
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    named = set(re.findall(r"`(\w+)/`", TEXT.split("## What must stay true")[0]))
    assert named == packages | {"examples"}
