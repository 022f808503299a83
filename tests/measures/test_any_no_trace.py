"""Measuring leaves no trace in any network, nor in its batch or the point after its step."""

import pytest
from tests.measures.any_network import NETWORKS, any_network
from tests.measures.definition_2_1 import assert_leaves_no_trace


@pytest.mark.parametrize("name", NETWORKS)
def test_no_trace(name):
    assert_leaves_no_trace(any_network(name))
