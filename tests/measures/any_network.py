"""Every network of the zoo by name, each with its layers written down by hand.

The layers are in the order of execution: modules that bear weights, each with the norms that
follow it.
"""

from tests.measures.networks import Case, named
from tests.measures.zoo import (
    attention,
    autograd,
    chance,
    effects,
    images,
    looks,
    operations,
    places,
    sharing,
    signatures,
    states,
)

NETWORKS = {
    **named(
        {
            **images.NETWORKS,
            **attention.NETWORKS,
            **sharing.NETWORKS,
            **places.NETWORKS,
            **chance.NETWORKS,
            **signatures.NETWORKS,
            **states.NETWORKS,
            **autograd.NETWORKS,
        }
    ),
    **looks.NETWORKS,
    **effects.NETWORKS,
    **operations.NETWORKS,
}


def any_network(name: str) -> Case:
    """The network of that name, in float64, with every parameter away from 0 and 1."""
    return NETWORKS[name]()
