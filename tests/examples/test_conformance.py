"""The own norm and the own probe of the examples pass the suites that ship for such."""

from examples.own_norm import max_norm
from examples.own_probe import Growth
from torch import nn

from landscope.probes.probe import Probe
from landscope.probes.schedule import Schedule
from landscope.testing.norms import NormConformance
from landscope.testing.probes import ProbeConformance


class TestMaxNorm(NormConformance):
    over = "sample"

    def build(self, features: int, spatial: int) -> nn.Module:
        return max_norm(features, spatial)


class TestMaxNormWithoutSpace(TestMaxNorm):
    spatial = 0


class TestGrowth(ProbeConformance):
    def build(self, schedule: Schedule) -> Probe:
        return Growth(schedule)
