"""The arithmetic cost of probes, declared before anything runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """The arithmetic of a training step, in forward passes of the network.

    Args:
        behind: For each layer in the order of execution, a pass that asks for its gradient alone,
            where what lies before it need not run again; 0 for the first.
        backward: A backward pass.
        samples: Samples in the batch.
        batch_norms: Whether the network has norms that follow the statistics of batches.
    """

    behind: tuple[float, ...]
    backward: float
    samples: int
    batch_norms: bool = True

    @classmethod
    def even(cls, layers: int, samples: int, *, batch_norms: bool = True) -> "Work":
        """As much for each of some layers, whose weights enter one product each.

        Backward takes as much as forward for the weights and again for what enters a layer, but
        for the first: there it is data.
        """
        # From layer n on forward, and as much back: through those behind it, and to its weights.
        behind = (2 * (layers - n) / layers for n in range(1, layers))
        return cls((0.0, *behind), 2 - 1 / layers, samples, batch_norms)


@dataclass(frozen=True)
class Cost:
    """Arithmetic of one measurement, in passes of the whole network over the step's batch.

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
        look: Cost of one measurement, in training steps.
        looks: How often it will measure.
        steps: Steps of the training.
    """

    probe: str
    look: float
    looks: int
    steps: int

    @property
    def share(self) -> float:
        """All its measurements, relative to the whole training without probes."""
        return self.look * self.looks / self.steps
