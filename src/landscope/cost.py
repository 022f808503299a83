"""What probes cost in arithmetic, as values: declared before anything runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """How the arithmetic of a forward pass is spread over a network's layers.

    Args:
        shares: The share of each layer, in the order of execution; they sum to 1. To a layer
           belongs all from the first use of its weights to that of the next layer's.
        samples: Samples in the batch.
    """

    shares: tuple[float, ...]
    samples: int

    @property
    def backward(self) -> float:
        """A backward pass, in forward passes.

        To the weights as much as forward, and to the inputs too, but for the first layer's: they
        are data.
        """
        return 2 - self.shares[0]

    @classmethod
    def equal(cls, layers: int, samples: int) -> "Work":
        """The same for each of some layers."""
        return cls((1 / layers,) * layers, samples)


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
