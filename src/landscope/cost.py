"""What probes cost in arithmetic, as values: declared before anything runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerWork:
    """The arithmetic of one layer, in forward passes of the network.

    To a layer belongs all from the first use of its weights to that of the next layer's.

    Args:
        forward: Forward.
        through: Backward to what enters the layer, and to no weights.
        own: Backward to its weights, and not to what enters it.
        backward: Backward to both.
    """

    forward: float
    through: float
    own: float
    backward: float


@dataclass(frozen=True)
class Work:
    """How the arithmetic of a training step is spread over a network's layers.

    Args:
        layers: In the order of execution; their forward parts sum to 1.
        samples: Samples in the batch.
        batch_norms: Whether the network has norms that follow the statistics of batches.
    """

    layers: tuple[LayerWork, ...]
    samples: int
    batch_norms: bool = True

    @property
    def backward(self) -> float:
        """A backward pass, in forward passes."""
        return sum(layer.backward for layer in self.layers)

    @classmethod
    def even(cls, layers: int, samples: int, *, batch_norms: bool = True) -> "Work":
        """As much for each of some layers, whose weights enter one product each.

        Backward takes as much as forward for the weights and again for what enters a layer, but
        for the first: there it is data.
        """
        part = 1 / layers
        first = LayerWork(part, 0.0, part, part)
        others = [LayerWork(part, part, part, 2 * part)] * (layers - 1)
        return cls((first, *others), samples, batch_norms)


@dataclass(frozen=True)
class Cost:
    """Arithmetic of one look, in passes of the whole network over the step's batch.

    Args:
        forward: Forward passes.
        backward: Backward passes, to inputs and weights.
    """

    forward: int | float
    backward: int | float

    def in_steps(self, work: Work) -> float:
        """The same in training steps, each a forward and a backward pass."""
        return (self.forward + self.backward * work.backward) / (1 + work.backward)


@dataclass(frozen=True)
class ProbeCost:
    """What a probe will cost over a training, in arithmetic.

    Args:
        probe: Id of the probe.
        look: Cost of one look, in training steps.
        looks: How often it will look.
        steps: Steps of the training.
    """

    probe: str
    look: float
    looks: int
    steps: int

    @property
    def share(self) -> float:
        """All its looks, relative to the whole training without probes."""
        return self.look * self.looks / self.steps
