"""Every row of the table of norms goes through the conformance suite that ships with it."""

import pytest
import torch
from torch import Tensor, nn

from landscope.norms.table import NORMS, build
from landscope.testing.norms import NormConformance

CASES = [
    (name, spatial) for name in NORMS for spatial in (0, 2) if (name, spatial) != ("instance", 0)
]


class TestEveryRow(NormConformance):
    @pytest.fixture(autouse=True, params=CASES, ids=[f"{n}-{s}d" for n, s in CASES])
    def row(self, request: pytest.FixtureRequest) -> None:
        self.name, self.spatial = request.param
        self.over = NORMS[self.name].over

    def build(self, features: int, spatial: int) -> nn.Module:
        return build(self.name, features, spatial)


class Forgetful(nn.BatchNorm2d):
    """A batch norm that keeps no running statistics, so it looks at the batch when evaluated."""

    def __init__(self, features: int) -> None:
        super().__init__(features, track_running_stats=False)


class Hiding(nn.Identity):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.nan_to_num()


class Drawing(nn.Identity):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + torch.randn_like(inputs)


class Narrowing(nn.Identity):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.float()


class InPlace(nn.Identity):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.mul_(1.0 + 2.0**-20)


class Unlearnable(nn.BatchNorm2d):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).detach() + 0 * inputs


class Remembering(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, inputs: Tensor) -> Tensor:
        self.mean = inputs.mean((0, 2, 3))
        return inputs


class LeftBehind(nn.Module):
    """Its offset is no buffer, so it stays where it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = torch.zeros(1)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.offset


@pytest.mark.parametrize(
    ("module", "check"),
    [
        (lambda: Forgetful(4), "test_evaluation_looks_at_one_sample_at_a_time"),
        (lambda: nn.BatchNorm2d(4, momentum=0.0), "test_running_statistics_settle_on_the_batch"),
        (lambda: nn.GroupNorm(1, 4), "test_training_statistics_are_over_what_they_should_be"),
        (lambda: nn.Identity(), "test_a_norm_over_the_batch_refuses_a_single_value"),
        (Hiding, "test_nonfinite_inputs_do_not_raise"),
        (Drawing, "test_evaluation_mode_leaves_buffers_and_randomness_alone"),
        (Narrowing, "test_keeps_shape_and_dtype"),
        (InPlace, "test_the_inputs_are_left_alone"),
        (lambda: Unlearnable(4), "test_every_parameter_gets_a_gradient"),
        (Remembering, "test_buffers_hold_no_graph"),
        (LeftBehind, "test_moves_between_devices"),
    ],
)
def test_the_suite_finds_a_norm_that_breaks_a_rule(module, check) -> None:
    class Broken(NormConformance):
        def build(self, features: int, spatial: int) -> nn.Module:  # noqa: ARG002
            return module()

    with pytest.raises((AssertionError, RuntimeError)):
        getattr(Broken(), check)()


def test_the_suite_says_what_to_override() -> None:
    with pytest.raises(NotImplementedError, match="override build"):
        NormConformance().test_keeps_shape_and_dtype()
