"""The scales of the features that enter a layer: whether they are large, unequal, or always 0."""

from torch import Tensor

from landscope.objective.parameters import wide


def root_mean_square(features: Tensor) -> float:
    """Root mean square of all entries, in the unit of the inputs."""
    return float(wide(features).square().mean().sqrt())


def spread(features: Tensor) -> float:
    """Largest magnitude of any feature over that of the median feature that is not always 0.

    Args:
        features: Shape (samples, features).

    Returns:
        A pure number; 1 where fewer than two features are not always 0. Of one-hot inputs it is 1,
        however rare a category is.
    """
    sizes = wide(features).abs().amax(0)
    sizes = sizes[sizes > 0]
    return float(sizes.max() / sizes.median()) if len(sizes) > 1 else 1.0


def silent_share(features: Tensor) -> float:
    """Share of the features that are exactly 0 at every sample.

    Args:
        features: Shape (samples, features).
    """
    return float((features == 0).all(0).double().mean())
