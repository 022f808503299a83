"""The table of norms: every row answers to its name, and what cannot be is refused."""

import pytest
import torch
from torch import nn

from landscope.errors import UsageError
from landscope.norms.table import NORMS, build, builder


def test_names_are_those_of_the_rows() -> None:
    assert list(NORMS) == [entry.name for entry in NORMS.values()]
    assert {"none", "batch", "noisy-batch", "l1", "l2", "linf"} <= set(NORMS)


def test_an_entry_knows_its_constants() -> None:
    assert NORMS["none"].constants == ()
    assert NORMS["batch"].constants == ("stats_decay", "eps")
    assert NORMS["noise"].constants == ("n_mu", "n_sigma", "r_mu", "r_sigma")


@pytest.mark.parametrize("name", [name for name in NORMS if name not in ("none", "noise")])
def test_eps_reaches_every_norm_that_divides(name) -> None:
    assert "eps=0.5" in repr(build(name, 4, 2, eps=0.5))
    with pytest.raises(UsageError, match=r"eps = 0.0: .* finite and above 0; give a small one"):
        build(name, 4, 2, eps=0.0)


@pytest.mark.parametrize("name", ["batch", "noisy-batch", "l1", "l2", "linf"])
@pytest.mark.parametrize("stats_decay", [-0.1, 1.0, float("nan")])
def test_a_stats_decay_out_of_range_is_refused(name, stats_decay) -> None:
    with pytest.raises(UsageError, match=r"stats_decay = .* at least 0 and below 1; give"):
        build(name, 4, 2, stats_decay=stats_decay)


def test_an_unknown_norm_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"norm 'bacth': .*noisy-batch.*; did you mean 'batch'\?"):
        build("bacth", 4, 0)
    with pytest.raises(UsageError, match=r"norm 'zzz': the known ones are none, .*; choose one"):
        build("zzz", 4, 0)


def test_an_unknown_constant_is_refused() -> None:
    with pytest.raises(UsageError, match=r"batch norm constant 'epz': .*; did you mean 'eps'"):
        build("batch", 4, 0, epz=0.1)
    with pytest.raises(UsageError, match="none norm constant 'eps': there is none; leave it out"):
        build("none", 4, 0, eps=0.1)


@pytest.mark.parametrize("features", [0, -3])
def test_a_norm_without_features_is_refused(features) -> None:
    with pytest.raises(UsageError, match=f"features = {features}: a norm has at least 1 feature"):
        build("batch", features, 0)


@pytest.mark.parametrize("spatial", [-1, 4])
def test_spatial_dimensions_that_are_not_there_are_refused(spatial) -> None:
    with pytest.raises(UsageError, match=f"spatial = {spatial}: inputs have 0 to 3"):
        build("none", 4, spatial)


def test_a_builder_of_ones_own_is_given_back() -> None:
    def own(features: int, spatial: int) -> nn.Module:
        return nn.Tanh()

    assert builder(own) is own
    with pytest.raises(UsageError, match=r"norm constants eps: .*; bind its constants first"):
        builder(own, eps=0.1)


@pytest.mark.parametrize("name", ["batch", "noisy-batch", "l1", "l2", "linf"])
@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1), (1, 4, 1, 1), (1, 4, 1, 1, 1), (0, 4)])
def test_a_batch_of_one_is_refused_in_training_mode(name, shape) -> None:
    norm = build(name, 4, len(shape) - 2)
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    with pytest.raises(UsageError, match=r"inputs of shape \(.*more than 1 value .*larger batch"):
        norm(torch.randn(shape))
    assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())
    assert norm.eval()(torch.randn(shape)).shape == shape


def test_instance_norm_needs_space() -> None:
    with pytest.raises(UsageError, match=r"after a linear layer of 4 features: .*use layer norm"):
        build("instance", 4, 0)
    for spatial in (1, 2, 3):
        with pytest.raises(UsageError, match=r"more than 1 position in space .* use layer norm"):
            build("instance", 4, spatial)(torch.randn(2, 4, *(1,) * spatial))


def test_a_sample_of_one_value_is_refused() -> None:
    with pytest.raises(UsageError, match="layer norm with 1 feature and no space"):
        build("layer", 1, 0)
    for features, groups in ((1, None), (4, 4)):
        constants = {} if groups is None else {"groups": groups}
        with pytest.raises(UsageError, match="a group of a single value has nothing"):
            build("group", features, 0, **constants)


@pytest.mark.parametrize("groups", [5, 0, -2, 2.5, float("nan")])
def test_groups_that_do_not_divide_are_refused(groups) -> None:
    with pytest.raises(UsageError, match="divides the number of features; give one of 1, 2, 4, 8"):
        build("group", 8, 2, groups=groups)


def test_a_whole_number_of_groups_may_be_a_float() -> None:
    assert build("group", 8, 2, groups=2.0).num_groups == 2
