"""Every network of the zoo by name, each with its layers written down by hand.

The layers are in the order of execution: modules that bear weights, each with the norms that
follow it. That all of these can be cut is what the floor of arithmetic promises.
"""

from tests.measures.networks import Case, built
from tests.measures.zoo import (
    attention,
    autograd,
    chance,
    images,
    places,
    sharing,
    signatures,
    states,
)

NETWORKS = {
    **images.NETWORKS,
    **attention.NETWORKS,
    **sharing.NETWORKS,
    **places.NETWORKS,
    **chance.NETWORKS,
    **signatures.NETWORKS,
    **states.NETWORKS,
    **autograd.NETWORKS,
}


def any_network(name: str) -> Case:
    """The network of that name, in float64, with every parameter away from 0 and 1."""
    return built(NETWORKS[name])
