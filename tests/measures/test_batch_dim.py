"""Samples along another dimension than the first, and samples that a loss couples: declared."""

import math
import re

import pytest
import torch
from tests.measures.networks import gaussian
from torch import nn

import landscope
from landscope.errors import UsageError
from landscope.objective.checks import check_samples
from landscope.objective.halves import halves
from landscope.objective.objective import Objective
from landscope.reading import Status
from landscope.scope.scope import Scope
from landscope.testing.tolerances import EXACT64

TIME, SAMPLES, CLASSES = 6, 5, 3


class Tagger(nn.Module):
    """Torch's default layout of sequences: (time, samples, features)."""

    def __init__(self, norm=nn.Identity):
        super().__init__()
        self.rnn, self.norm, self.head = nn.GRU(4, 8), norm(), nn.Linear(8, CLASSES)

    def forward(self, sequence):
        hidden = self.rnn(sequence)[0]
        return self.head(self.norm(hidden.transpose(1, 2)).transpose(1, 2))


def of_each(outputs, targets):
    return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def of_last(outputs, targets):
    return nn.functional.cross_entropy(outputs[-1], targets)


LOSSES = {"of each": (of_each, (TIME, SAMPLES)), "of the last": (of_last, (SAMPLES,))}


def case(name, norm=nn.Identity):
    torch.manual_seed(2)
    loss_fn, shape = LOSSES[name]
    targets = torch.randint(0, CLASSES, shape, generator=torch.Generator().manual_seed(4))
    return Tagger(norm).double(), loss_fn, gaussian(TIME, SAMPLES, 4), targets


def estimates(model, loss_fn, inputs, targets):
    """By hand: the squared norms of gradients of the whole and of its halves, by their samples."""

    def square(cut):
        loss = loss_fn(model(inputs[:, cut]), targets[..., cut])
        grads = torch.autograd.grad(loss, list(model.parameters()))
        return sum(float(g.square().sum()) for g in grads)

    middle = SAMPLES // 2
    whole = square(slice(None))
    first, second = square(slice(middle)), square(slice(middle, None))
    mean = (middle * first + (SAMPLES - middle) * second) / SAMPLES
    return 2 * whole - mean, SAMPLES * (mean - whole)


@pytest.mark.parametrize("name", LOSSES)
def test_the_noise_scale_of_sequences_with_time_first_is_that_of_their_samples(name):
    found = landscope.noise_scale(*case(name), batch_dim=1)

    assert found.batch_size == SAMPLES
    expected = estimates(*case(name))
    EXACT64.check([found.gradient_square, found.gradient_variance], expected)


def test_a_sum_over_samples_is_told_along_their_dimension_too():
    model, _, inputs, targets = case("of each")

    def summed(outputs, targets):
        return of_each(outputs, targets) * outputs.shape[1]

    with pytest.raises(UsageError, match="the noise scale is that of a loss that is a mean"):
        landscope.noise_scale(model, summed, inputs, targets, batch_dim=1)


def test_halves_of_norm_health_are_cut_along_it():
    model, loss_fn, inputs, targets = case("of each", lambda: nn.BatchNorm1d(8))
    found = landscope.norm_health(model, loss_fn, inputs, targets, batch_dim=1)

    with torch.no_grad():
        parts = [
            float(loss_fn(model(inputs[:, cut]), targets[:, cut])) * share / SAMPLES
            for cut, share in ((slice(2), 2), (slice(2, None), 3))
        ]
    EXACT64.check(found.half_batch_loss, sum(parts))


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        (
            (torch.ones(6, 5, 2), torch.ones(6)),
            (
                "the batch has tensors with 5 and with 6 entries in their dimension 1: it is "
                "measured in halves; put the samples in that dimension of each, or give another "
                "batch_dim"
            ),
        ),
        (torch.tensor(1.0), "the batch has no tensor with samples in its dimension 1"),
        (torch.ones(6, 1), "the batch has one sample"),
        (
            torch.nested.nested_tensor([torch.ones(3)] * 4, layout=torch.jagged),
            "the batch has a tensor of layout torch.jagged",
        ),
    ],
)
def test_what_has_no_samples_there_is_refused(batch, text):
    objective = Objective.now(nn.Linear(1, 1), lambda o, _: o, batch, None, batch_dim=1)
    with pytest.raises(UsageError, match=f"^{re.escape(text)}"):
        halves(objective)


REFUSED = [
    ({"batch_dim": -1}, "batch_dim = -1: it is the dimension along which samples lie in each"),
    ({"batch_dim": True}, "batch_dim = True: it is the dimension"),
    ({"batch_dim": 0.5}, "tensor, counted from 0; give 0, or 1 where time comes first"),
    ({"samples": "coupled"}, "samples = 'coupled': they are 'independent', or the loss couples"),
    ({"samples": None}, "choose one; of dependent samples nothing is measured in halves"),
]


@pytest.mark.parametrize(("given", "text"), REFUSED)
def test_a_declaration_without_a_meaning_is_refused(given, text):
    model, loss_fn, inputs, targets = case("of each")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    measures = [
        lambda: check_samples(**{"batch_dim": 0, "samples": "independent", **given}),
        lambda: Scope(model, loss_fn, optimizer, **given),
    ]
    if isinstance(
        given.get("batch_dim"), int
    ):  # others are told by the types where these are checked
        measures += [
            lambda: landscope.noise_scale(model, loss_fn, inputs, targets, **given),
            lambda: landscope.norm_health(model, loss_fn, inputs, targets, **given),
        ]
    for measure in measures:
        with pytest.raises(UsageError, match=re.escape(text)):
            measure()


def scoped(**settings):
    model, loss_fn, inputs, targets = case("of each", lambda: nn.BatchNorm1d(8))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    probes = ["noise_scale", "norm_health", "gradient", "input_drift"]
    scope = Scope(model, loss_fn, optimizer, probes=probes, every=1, **settings)
    for _ in range(2):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
    return {r.key: r for r in scope.readings}, [p.detach() for p in model.parameters()]


def test_a_scope_takes_the_declaration_and_says_how_many_samples_there_are():
    found, _ = scoped(batch_dim=1)

    assert found["noise_scale/batch_size"].value == SAMPLES
    assert f", {SAMPLES} samples" in str(found["gradient/loss"].function)
    assert f"the {SAMPLES} samples of the first look" in str(
        found["input_drift/input_mean_change/head"].function
    )


def test_dependent_samples_are_not_halved_and_all_else_is_read():
    found, trained = scoped(samples="dependent")
    _, plain = scoped()

    for key in ("noise_scale/noise_scale", "noise_scale/efficiency"):
        assert (found[key].status, math.isnan(found[key].value)) == (Status.SKIPPED, True)
        assert str(found[key].function).startswith(
            "samples = 'dependent': of half a batch there is another loss"
        )
    gap = found["norm_health/half_batch_gap"]
    assert gap.status is Status.SKIPPED
    assert str(gap.function).startswith(
        "the batch's halves: samples = 'dependent': of half a batch"
    )
    assert found["norm_health/evaluation_gap"].status is Status.OK
    assert "scope/failed/noise_scale" not in found
    assert all(map(torch.equal, trained, plain))


def test_the_public_functions_take_it_too():
    model, loss_fn, inputs, targets = case("of each", lambda: nn.BatchNorm1d(8))
    health = landscope.norm_health(model, loss_fn, inputs, targets, samples="dependent")

    assert health.no_halves.endswith("leave out what is measured in halves")
    assert math.isnan(health.half_batch_gap)
    with pytest.raises(UsageError, match="samples = 'dependent': of half a batch there is another"):
        landscope.noise_scale(model, loss_fn, inputs, targets, samples="dependent")
