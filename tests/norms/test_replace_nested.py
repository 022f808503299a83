"""Models nested at random: the replaced one is that built with the other norm from the start."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.norms.models_with_norms import bytes_of
from torch import nn

from landscope.norms.replace.model import replace_norms
from landscope.norms.table import NORMS, builder

FEATURES = 4
NAMES = st.sampled_from(["conv", "norm", "bn1", "type", "0", "layers"])


class Chain(nn.Module):
    """Runs its parts in turn, in whatever container they are held."""

    def __init__(self, parts, container):
        super().__init__()
        if container == "list":
            self.parts = nn.ModuleList(parts.values())
        elif container == "dict":
            self.parts = nn.ModuleDict({f"_{name}": part for name, part in parts.items()})
        else:
            self.parts = None
            for name, part in parts.items():
                setattr(self, f"part_{name}", part)

    def forward(self, x):
        held = self.parts.values() if isinstance(self.parts, nn.ModuleDict) else self.parts
        for part in self.children() if held is None else held:
            x = part(x)
        return x


LEAVES = st.sampled_from(["conv", "norm", "shared", "relu"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(["sequential", "list", "dict", "attributes"]),
        st.dictionaries(NAMES, inner, min_size=1, max_size=4),
    ),
    max_leaves=8,
)


def grown(tree, norm, shared):
    if tree == "conv":
        return nn.Conv1d(FEATURES, FEATURES, 3, padding=1)
    if tree == "norm":
        return norm(FEATURES, 1)
    if tree == "shared":
        return shared
    if tree == "relu":
        return nn.ReLU()
    container, inner = tree
    parts = {name: grown(part, norm, shared) for name, part in inner.items()}
    if container == "sequential":
        return nn.Sequential(*parts.values())
    return Chain(parts, container)


def planted(tree, norm):
    torch.manual_seed(0)
    # A convolution and a norm at least, so that there is something to replace.
    shared = norm(FEATURES, 1)
    stem = nn.Conv1d(FEATURES, FEATURES, 1)
    return nn.Sequential(stem, shared, grown(tree, norm, shared))


@settings(max_examples=40, deadline=None)
@given(tree=TREES, before=st.sampled_from(sorted(NORMS)), after=st.sampled_from(sorted(NORMS)))
def test_any_nesting(tree, before, after):
    if before == "none":
        before = "batch"
    inputs = torch.randn(3, FEATURES, 5, generator=torch.Generator().manual_seed(1))
    model, reference = planted(tree, builder(before)), planted(tree, builder(after))
    untouched = bytes_of(model)

    found = replace_norms(model, after, example=inputs)

    assert bytes_of(found) == bytes_of(reference)
    torch.manual_seed(2)
    outputs = found(inputs)
    torch.manual_seed(2)
    assert torch.equal(outputs, reference(inputs))
    assert bytes_of(model) == untouched
