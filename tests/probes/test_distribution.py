"""The distribution of layers' inputs, against hooks set by hand and scipy's distance."""

import copy
import math

import numpy as np
import pytest
import torch
from tests.probes.one_look import at, readings_of, steps_by_hand
from tests.reference import distribution as reference
from tests.small_networks import drawn, setting
from tests.tolerances import EXACT64
from torch import nn

from landscope.probes.distribution import Distribution, Watched
from landscope.probes.schedule import EverySteps
from landscope.reading import Status

FIXED = 7
BINS = 5
CASES = [
    ("vgg", "noisy-batch"),
    ("vgg", "none"),
    ("mlp", "l1"),
    ("dln", "batch"),
    ("dropout", "batch"),
]


def probe_of(made, *, every=1, fixed=FIXED, seed=2):
    watched = [Watched(layer, activation) for layer, activation in made.watched]
    return Distribution(EverySteps(every), watched, made.dataset.train_inputs[:fixed], BINS, seed)


def rows(activations):
    """Samples of each feature in rows: batch and space together, features in columns."""
    array = activations.detach().numpy()
    return np.moveaxis(array, 1, -1).reshape(-1, array.shape[1])


def seen_by_hand(model, made, point, stream):
    """What enters and leaves the watched modules when the fixed inputs pass, at a point."""
    twin = copy.deepcopy(model)
    by_name = dict(twin.named_parameters())
    for name, value in point.items():
        by_name[name].data.copy_(value)
    seen = {}
    for layer, activation in made.watched:
        modules = dict(twin.named_modules())
        modules[layer].register_forward_pre_hook(
            lambda _, args, key=layer: seen.update({f"into {key}": rows(args[0].clone())})
        )
        modules[activation].register_forward_hook(
            lambda *call, key=layer: seen.update({f"out {key}": rows(call[-1].clone())})
        )
    torch.set_rng_state(stream)
    with torch.no_grad():
        twin(made.dataset.train_inputs[:FIXED])
    return seen


@pytest.mark.parametrize(("network", "norm"), CASES)
def test_it_is_what_passes_through_the_network_on_the_fixed_inputs(network, norm):
    """Before the step with the noise of the step, after it with the noise of the next."""
    made = setting(network, norm)
    readings = readings_of(probe_of(made), made, steps=3, l2_penalty=0.01)
    start = {}

    for step in steps_by_hand(setting(network, norm), steps=3, l2_penalty=0.01):
        now = seen_by_hand(step.before, step.setting, {}, step.stream)
        then = seen_by_hand(step.before, step.setting, step.after, step.next_stream)
        for layer, _ in step.setting.watched:
            found = at(readings, step.number, layer)
            before, after = now[f"into {layer}"], then[f"into {layer}"]
            mean, variance = reference.moments(before)
            next_mean, next_variance = reference.moments(after)
            first_mean, first_variance = start.setdefault(layer, (mean, variance))
            distances = reference.wasserstein(before, after)
            alive = variance > 0
            # What cancels, as a mean after batch norm does, is held to the scale of its feature.
            width, square = np.sqrt(variance.max()), variance.max()
            relative = (distances[alive] / np.sqrt(variance[alive])).mean()
            for quantity, expected, scale in (
                ("input_mean", mean, width),
                ("input_variance", variance, 0),
                ("input_mean_change", reference.rms_change(mean, next_mean), width),
                ("input_variance_change", reference.rms_change(variance, next_variance), square),
                ("input_mean_change_since_start", reference.rms_change(first_mean, mean), width),
                (
                    "input_variance_change_since_start",
                    reference.rms_change(first_variance, variance),
                    square,
                ),
                ("input_wasserstein", distances.mean(), 0),
                ("input_wasserstein_relative", relative, 0),
            ):
                EXACT64.check(scale + np.asarray(found[quantity].value), scale + expected)


@pytest.mark.parametrize(("network", "norm"), CASES)
def test_the_histogram_is_a_density_of_one_feature_before_the_non_linearity(network, norm):
    made = setting(network, norm)
    readings = readings_of(probe_of(made), made, steps=2, l2_penalty=0.0)
    chosen = {}

    for step in steps_by_hand(setting(network, norm), steps=2, l2_penalty=0.0):
        now = seen_by_hand(step.before, step.setting, {}, step.stream)
        for layer, _ in step.setting.watched:
            found = at(readings, step.number, layer)["activation_histogram"]
            edges = np.array(found.axis.values)
            assert len(edges) == BINS + 1 == len(found.value) + 1
            EXACT64.check(float((np.array(found.value) * np.diff(edges)).sum()), 1.0)
            columns = now[f"out {layer}"].T
            spans = [(column.min(), column.max()) for column in columns]
            feature = spans.index((edges[0], edges[-1]))
            assert chosen.setdefault(layer, feature) == feature
            EXACT64.check(np.asarray(found.value), reference.density(columns[feature], edges))


def test_other_seeds_draw_other_features():
    made = [setting("mlp", "none") for _ in range(6)]
    edges = {
        at(readings_of(probe_of(m, seed=seed), m, steps=1, l2_penalty=0.0), 0, "layers.fc2")[
            "activation_histogram"
        ].axis.values
        for seed, m in enumerate(made)
    }

    assert 2 <= len(edges) <= 6


def shifts(norm, lr):
    """W1 between t and t + 1 at the inputs of a layer that a norm stands before."""
    made = setting("mlp", norm)
    made.lr = lr
    readings = readings_of(probe_of(made), made, steps=1, l2_penalty=0.0)
    return at(readings, 0, "layers.fc2")["input_wasserstein"].value


def test_noise_is_drawn_anew_between_a_step_and_the_next_and_inputs_are_not():
    """With an update of nothing all that can differ is the noise; without noise, nothing does."""
    assert shifts("batch", 0.0) == 0.0
    assert shifts("noisy-batch", 0.0) > 0.05


def test_the_change_since_the_start_is_zero_at_the_start():
    made = setting("vgg", "batch")
    readings = readings_of(probe_of(made), made, steps=3, l2_penalty=0.0)

    for quantity in ("input_mean_change_since_start", "input_variance_change_since_start"):
        for layer, _ in made.watched:
            found = [r.value for r in readings if (r.quantity, r.layer) == (quantity, layer)]
            assert found[0] == 0.0
            assert min(found[1:]) > 0


class Halved(nn.Module):
    """A feature that is dead for every input, beside live ones."""

    def forward(self, rows):
        return torch.cat([rows[:, :-1], torch.zeros_like(rows[:, -1:])], 1)


def with_dead_feature():
    made = setting("dln", "none")
    torch.manual_seed(1)
    made.model = nn.Sequential(nn.Linear(6, 6), Halved(), nn.Linear(6, 6)).double()
    made.watched = [("2", "0")]
    return made


def test_a_dead_feature_is_left_out_of_the_relative_distance_alone():
    made = with_dead_feature()
    found = at(readings_of(probe_of(made), made, steps=1, l2_penalty=0.0), 0, "2")

    assert found["input_variance"].value[-1] == 0.0
    assert found["input_wasserstein_relative"].status is Status.OK
    (step,) = steps_by_hand(with_dead_feature(), steps=1, l2_penalty=0.0)
    now = seen_by_hand(step.before, step.setting, {}, step.stream)["into 2"]
    then = seen_by_hand(step.before, step.setting, step.after, step.next_stream)["into 2"]
    distances = reference.wasserstein(now, then)
    EXACT64.check(found["input_wasserstein"].value, distances.sum() / 6)
    EXACT64.check(
        found["input_wasserstein_relative"].value, (distances[:5] / now.std(0)[:5]).mean()
    )


def test_a_layer_whose_inputs_are_all_dead_has_no_relative_distance():
    made = setting("mlp", "none")
    with torch.no_grad():
        made.model.layers.fc1.weight.zero_()
        made.model.layers.fc1.bias.fill_(-1.0)
    found = at(readings_of(probe_of(made), made, steps=1, l2_penalty=0.0), 0, "layers.fc2")

    assert math.isnan(found["input_wasserstein_relative"].value)
    assert found["input_wasserstein_relative"].status is Status.NONFINITE
    assert found["input_wasserstein"].value == 0.0
    assert found["input_wasserstein"].status is Status.OK


def test_after_an_update_that_overflows_the_changes_say_so_and_the_moments_stand():
    made = setting("dln", "none")
    made.lr = 1e308
    found = at(readings_of(probe_of(made), made, steps=1, l2_penalty=0.0), 0, "layers.fc4")

    assert found["input_mean"].status is Status.OK
    assert found["input_mean_change"].status is Status.NONFINITE
    assert found["input_wasserstein"].status is Status.NONFINITE
    assert found["input_mean_change_since_start"].value == 0.0


def test_it_says_mode_and_inputs():
    made = setting("mlp", "batch")
    readings = readings_of(probe_of(made), made, steps=1, l2_penalty=0.5)

    assert {str(r.function) for r in readings} == {"training mode, the 7 fixed inputs"}
    assert {r.quantity: r.unit for r in readings} == {
        "input_mean": "activation",
        "input_variance": "activation^2",
        "input_mean_change": "activation",
        "input_variance_change": "activation^2",
        "input_mean_change_since_start": "activation",
        "input_variance_change_since_start": "activation^2",
        "input_wasserstein": "activation",
        "input_wasserstein_relative": "1",
        "activation_histogram": "1 / activation",
    }


def test_the_fixed_inputs_need_not_be_as_many_as_a_batch():
    made = setting("vgg", "noisy-batch")
    readings = readings_of(probe_of(made, fixed=20), made, steps=2, l2_penalty=0.0)

    assert {r.status for r in readings} == {Status.OK}
    assert torch.equal(made.dataset.train_inputs, drawn(20, 64, seed=4))
