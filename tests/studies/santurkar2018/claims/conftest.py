from pathlib import Path

import pytest

from .synthetic import Synthetic


@pytest.fixture
def study(tmp_path: Path) -> Synthetic:
    """An empty study."""
    return Synthetic(tmp_path / "study")
