"""The drift of any network's inputs, against hooks set by hand and scipy's distance."""

import copy

import numpy as np
import pytest
import torch
from tests.reference import distribution as reference
from tests.tolerances import EXACT64
from torch import nn

from landscope.measures.distribution import by_feature, feature_dimension
from landscope.probes.input_drift import InputDrift
from landscope.probes.schedule import EverySteps
from landscope.scope.scope import Scope


def convolutional():
    layers = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(16, 2)), torch.randn(6, 1, 6, 6), ["3", "5"], [1, -1]


def of_tokens():
    block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    model = nn.Sequential(nn.Embedding(11, 8), block, nn.Linear(8, 2))
    layers = ["1.linear1", "1.linear2", "2"]
    return model, torch.randint(11, (6, 5)), layers, [-1, -1, -1]


def mean_of(outputs, _):
    return outputs.square().mean()


def rows(inputs, dimension):
    array = inputs.detach().numpy()
    return np.moveaxis(array, dimension, -1).reshape(-1, array.shape[dimension])


@pytest.mark.parametrize("network", [convolutional, of_tokens])
def test_against_hooks_by_hand(network):
    torch.manual_seed(0)
    model, inputs, layers, dimensions = network()
    model = model.double()
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    scope = Scope(model, mean_of, optimizer, probes=[InputDrift(EverySteps(1))])

    def seen():
        twin, found = copy.deepcopy(model), {}
        for layer in layers:
            twin.get_submodule(layer).register_forward_pre_hook(
                lambda _, args, layer=layer: found.update({layer: args[0]})
            )
        twin(inputs)
        return {
            layer: rows(found[layer], dimension)
            for layer, dimension in zip(layers, dimensions, strict=True)
        }

    start = None
    for step in range(2):
        before = seen()
        start = start or before
        other = inputs if step == 0 else inputs.flip(0)[:4]  # what is followed is the first batch
        with scope.step(other, None):
            optimizer.zero_grad()
            mean_of(model(other), None).backward()
            optimizer.step()
        after = seen()
        found = {(r.layer, r.quantity): r.value for r in scope.readings if r.step == step}
        assert {layer for layer, _ in found if layer} >= set(layers)
        for layer in layers:
            mean, variance = reference.moments(before[layer])
            next_mean, next_variance = reference.moments(after[layer])
            expected = {
                "input_mean_change": np.sqrt(np.mean((next_mean - mean) ** 2)),
                "input_variance_change": np.sqrt(np.mean((next_variance - variance) ** 2)),
                "input_mean_change_since_start": np.sqrt(
                    np.mean((mean - reference.moments(start[layer])[0]) ** 2)
                ),
                "input_wasserstein": np.mean(reference.wasserstein(before[layer], after[layer])),
            }
            for quantity, value in expected.items():
                scale = np.abs(before[layer]).max()
                assert abs(found[layer, quantity] - value) <= EXACT64.rtol * (scale + scale**2)


def test_the_dimension_of_the_features_is_that_of_the_module():
    modules = {
        nn.Conv1d(1, 1, 1): 1,
        nn.BatchNorm1d(3): 1,
        nn.GroupNorm(1, 3): 1,
        nn.Linear(3, 3): -1,
        nn.LayerNorm(3): -1,
        nn.LSTM(3, 3): -1,
    }

    assert {m: feature_dimension(m) for m in modules} == modules


def test_samples_of_tokens_are_over_the_batch_and_time():
    tokens = torch.arange(2 * 5 * 3).reshape(2, 5, 3).double()

    found = by_feature(tokens, -1)

    assert found.shape == (10, 3)
    assert sorted(found[:, 2].tolist()) == sorted(tokens[..., 2].flatten().tolist())


def test_of_many_layers_some_are_followed_and_the_last_is_among_them():
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(3, 3) for _ in range(40)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = Scope(model, mean_of, optimizer, probes=["input_drift"], every=1)
    with scope.step(torch.randn(4, 3), None):
        mean_of(model(torch.randn(4, 3)), None).backward()
        optimizer.step()

    layers = {r.layer for r in scope.readings if r.probe == "input_drift"}
    assert len(layers) == 12
    assert "39" in layers
    assert "0" not in layers


class Patches(nn.Module):
    """With a matrix of its own, as positions are in a vision transformer."""

    def __init__(self):
        super().__init__()
        self.embed, self.positions = nn.Linear(4, 8), nn.Parameter(torch.zeros(1, 3, 8))
        self.head = nn.Linear(8, 2)

    def forward(self, inputs):
        return self.head((self.embed(inputs) + self.positions).tanh())


class LeavesOut(nn.Module):
    """Drops a layer at every other pass, as stochastic depth does at random."""

    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, inputs):
        hidden = self.first(inputs).tanh()
        return self.last(self.middle(hidden) if torch.rand(()) < 0.5 else hidden)


def drifts(model):
    torch.manual_seed(4)
    inputs = torch.randn(6, 3, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = Scope(model, mean_of, optimizer, probes=["input_drift"], every=1)
    for _ in range(12):
        with scope.step(inputs, None):
            optimizer.zero_grad()
            mean_of(model(inputs), None).backward()
            optimizer.step()
    assert not [reading for reading in scope.readings if reading.quantity == "failed"]
    return {reading.layer for reading in scope.readings if reading.probe == "input_drift"}


def test_a_matrix_that_the_network_holds_itself_is_called_by_nobody():
    assert drifts(Patches()) == {"head"}


def test_a_layer_that_a_pass_leaves_out_ends_nothing():
    assert drifts(LeavesOut()) == {"middle", "last"}


class Mixture(nn.Module):
    """Each sample goes to one of two experts, by a gate that is trained; or all go to the first."""

    def __init__(self, *, one_sided=False):
        super().__init__()
        self.gate = nn.Linear(4, 2)
        self.experts = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])
        self.head = nn.Linear(3, 2)
        self.one_sided = one_sided

    def forward(self, inputs):
        shares = self.gate(inputs).softmax(1)
        best = shares.argmax(1) * (not self.one_sided)
        outputs = inputs.new_zeros(len(inputs), 3)
        for number, expert in enumerate(self.experts):
            rows = (best == number).nonzero()[:, 0]
            outputs = outputs.index_add(0, rows, expert(inputs[rows]) * shares[rows, number, None])
        return self.head(outputs)


@pytest.mark.parametrize("one_sided", [False, True])
def test_a_layer_that_other_samples_reach_at_each_pass_ends_nothing(one_sided):
    torch.manual_seed(1)
    model = Mixture(one_sided=one_sided)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scope = Scope(model, mean_of, optimizer, probes=[InputDrift(EverySteps(1))])
    inputs = torch.randn(9, 4)
    sizes = set()
    for _ in range(8):
        sizes.add(int((model.gate(inputs).argmax(1) == 0).sum()))
        with scope.step(inputs, None):
            optimizer.zero_grad()
            mean_of(model(inputs), None).backward()
            optimizer.step()

    assert one_sided or len(sizes) > 1  # the gate does send other samples
    assert not [r for r in scope.readings if r.quantity == "failed"]
    read = {r.step for r in scope.readings if r.layer == "head"}
    assert read == set(range(8))
    of_experts = [r for r in scope.readings if (r.layer or "").startswith("experts")]
    assert {r.layer for r in of_experts} == (
        {"experts.0"} if one_sided else {"experts.0", "experts.1"}
    )
    assert one_sided or len({r.step for r in of_experts}) < 8
    assert all(np.isfinite(r.value) for r in of_experts)
