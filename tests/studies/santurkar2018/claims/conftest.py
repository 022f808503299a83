import pytest

from .synthetic import Synthetic


@pytest.fixture
def study() -> Synthetic:
    """An empty study."""
    return Synthetic()
