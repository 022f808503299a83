"""The floor's arithmetic against numbers worked out by hand, and against torch's own count."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.floor import Arithmetic, count
from benchmarks.layers import layers_of
from benchmarks.networks import NETWORKS
from benchmarks.step import Step
from landscope.errors import UsageError
from landscope.objective.arithmetic import operations_in


def counted_by_formula(model, inputs):
    return count(layers_of(model, inputs))


def test_a_perceptron_of_three_layers():
    """6 samples: 2 x 6 x 5 x 7, 2 x 6 x 7 x 4 and 2 x 6 x 4 x 2 operations forward."""
    model = nn.Sequential(
        nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 2)
    )

    found = counted_by_formula(model, torch.randn(6, 5))

    assert found.layers == (
        Arithmetic("0", 420, 0, 420),
        Arithmetic("2", 336, 336, 336),
        Arithmetic("5", 96, 96, 96),
    )
    assert found.forward == 852
    assert found.step == 852 + 432 + 852
    assert found.literal == 3 * 2136
    # Layer 2: 852 forward, 96 back, 336; layer 3: 852 and 96.
    assert found.frugal == 852 + 96 + 336 + 852 + 96
    # From layer 1: 852 forward, 432 back, 420; from layer 2: 432, 96, 336; layer 3: 96 and 96.
    assert found.floor == 1704 + 864 + 192 + 852
    assert found.floor_from_second == 864 + 192 + 852


def test_a_small_convolutional_net():
    """3 images of 2 x 6 x 6: outputs of 4 x 6 x 6, then, by stride 2 after a pool, 5 x 2 x 2."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(20, 3),
    )

    found = counted_by_formula(model, torch.randn(3, 2, 6, 6))

    assert found.layers == (
        Arithmetic("0", 15552, 0, 15552),  # 2 x (3 x 4 x 36) x (2 x 9)
        Arithmetic("3", 4320, 4320, 4320),  # 2 x (3 x 5 x 4) x (4 x 9)
        Arithmetic("5", 360, 360, 360),  # 2 x 3 x 20 x 3
    )
    assert found.floor == 40464 + 9360 + 720 + 20232


def test_an_encoder_layer():
    """2 sequences of 3 tokens, width 4: attention's two products belong to its in-projection."""
    model = nn.Sequential(
        nn.Embedding(5, 4),
        nn.TransformerEncoderLayer(4, 2, dim_feedforward=8, dropout=0.0, batch_first=True),
    )

    found = counted_by_formula(model, torch.randint(5, (2, 3)))

    projected, products, back = 2 * 6 * 4 * 12, 2 * 2 * 9 * 2 * 4, 5 * 2 * 9 * 2 * 4
    assert found.layers == (
        Arithmetic("0", 0, 0, 0),
        Arithmetic(
            "1.self_attn", projected + products, projected + back, projected + back, shared=back
        ),
        Arithmetic("1.self_attn.out_proj", 192, 192, 192),
        Arithmetic("1.linear1", 384, 384, 384),
        Arithmetic("1.linear2", 384, 384, 384),
    )


def test_a_norm_belongs_to_the_layer_before_it():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    statistics = model[1].running_mean.clone()

    layers = layers_of(model, torch.randn(6, 3))

    assert [layer.parameters for layer in layers] == [
        ["0.weight", "0.bias", "1.weight", "1.bias"],
        ["3.weight", "3.bias"],
    ]
    assert torch.equal(model[1].running_mean, statistics)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(network, marks=[pytest.mark.slow] if "vgg" in network.name else [])
        for network in NETWORKS
    ],
    ids=lambda network: network.title,
)
def test_the_training_step_is_what_torch_counts_of_a_real_one(network):
    step = Step.taken(network, samples=2)

    assert count(step.layers).step == operations_in(step.train)


def test_the_fused_attention_of_the_cpu_is_counted_as_that_of_a_gpu():
    query, key, value = (torch.randn(2, 4, 8, 16, requires_grad=True) for _ in range(3))
    product = 2 * (2 * 4 * 8 * 8 * 16)
    outputs = []

    def forward():
        outputs.append(functional.scaled_dot_product_attention(query, key, value))

    assert operations_in(forward) == 2 * product
    assert "FlashAttention" in type(outputs[0].grad_fn).__name__
    assert operations_in(lambda: outputs[0].sum().backward()) == 5 * product


def test_a_module_that_is_used_twice_is_refused():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return self.layer(self.layer(x))

    with pytest.raises(UsageError, match=r"module 'layer' was used twice: .* each module once; "):
        layers_of(Twice(), torch.randn(2, 3))


@pytest.mark.parametrize(
    ("module", "shape", "text"),
    [
        (
            nn.TransformerEncoderLayer(4, 2, dim_feedforward=8),
            (2, 3, 4),
            r"sequences second, or with keys of another width: .*; give batch_first=True",
        ),
        (nn.Sequential(nn.Conv1d(2, 3, 1)), (1, 2, 4), r"'0' is a Conv1d: the floor knows .*; add"),
    ],
)
def test_what_has_no_formula_is_refused(module, shape, text):
    layers = layers_of(module, torch.randn(shape))

    with pytest.raises(UsageError, match=text):
        count(layers)
