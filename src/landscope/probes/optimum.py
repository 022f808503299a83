"""Lemma 4.5 of the paper for a deep linear network: the distance from the start to an optimum."""

from landscope.cost import Cost, Work
from landscope.measures.nearest_optimum import Matrix, aligned_factors, nearest_optimum
from landscope.objective.layers import execution_order
from landscope.probes.probe import Probe
from landscope.probes.schedule import FirstStep
from landscope.probes.snapshot import StepView
from landscope.quantities import OPTIMUM
from landscope.reading import Provenance, Reading

_WEIGHTS = Provenance(note="the weights alone: no mode, no batch, no loss")


class NearestOptimum(Probe):
    """Both sides of the lemma for each weight matrix, at the initial weights.

    The last matrix is left out: no norm follows it, so its scale is not free.

    Args:
        target: The matrix A that the network learns.
    """

    quantities = OPTIMUM

    def __init__(self, target: Matrix) -> None:
        super().__init__(OPTIMUM.probe, FirstStep())
        self._target = target.cpu()

    def cost(self, work: Work) -> Cost:
        """The pass that finds the order of the layers, and four products of matrices a layer.

        A product costs as much as a layer's pass over one sample for each row. The singular value
        decomposition of each layer's matrix is not counted.
        """
        return Cost(forward=1 + 4 * self._target.shape[0] / work.samples, backward=0)

    def read(self, view: StepView) -> list[Reading]:
        """Five readings for each layer that a norm may follow."""
        shot = view.snapshot
        if shot is None:
            return []
        layers = execution_order(shot.objective, shot.before)
        # The target may lie elsewhere than the network; small matrices are decomposed on the CPU.
        starts = [shot.before[layer.parameters[0]].cpu() for layer in layers]
        factors = aligned_factors(self._target, starts)
        readings: list[Reading] = []
        for layer, start, factor in list(zip(layers, starts, factors, strict=True))[:-1]:
            lemma = nearest_optimum(start, factor)
            for quantity, value in (
                (OPTIMUM.lemma_4_5_inner, lemma.inner),
                (OPTIMUM.lemma_4_5_left, lemma.left_by_scale),
                (OPTIMUM.lemma_4_5_left_by_row, lemma.left_by_row),
                (OPTIMUM.lemma_4_5_right, lemma.right),
                (OPTIMUM.lemma_4_5_plain, lemma.plain),
            ):
                readings.append(
                    self.reading(
                        view,
                        quantity,
                        value,
                        layer=layer.name,
                        function=_WEIGHTS,
                    )
                )
        return readings
