"""What a scope reads in a user's loop equals what the public functions give there, to the bit."""

import copy

import pytest
import torch
from tests.scope.trainings import Kind, batches, loss_fn, network, optimizer_for

import landscope
from landscope.objective.parameters import trainable
from landscope.scope.scope import Scope

MULTIPLES = (0.5, 1.0, 2.0, 4.0)  # of the probe "line"
STEPS = 2

PARTS = {
    "line[paper]": {
        "loss": lambda line: line.losses,
        "data_loss": lambda line: line.data_losses,
        "gradient_change": lambda line: line.gradient_changes,
        "beta": lambda line: line.betas,
        "effective_beta": lambda line: line.effective_beta,
        "start_loss": lambda line: line.start_loss,
        "gradient_norm": lambda line: line.gradient_norm,
    },
    "step_size": {
        "loss": lambda step: step.losses,
        "safe_multiple": lambda step: step.safe_multiple,
        "curvature": lambda step: step.curvature,
        "descent": lambda step: step.descent,
        "sharpness_lr": lambda step: step.sharpness_lr,
    },
    "noise_scale": {
        "gradient_square": lambda noise: noise.gradient_square,
        "gradient_variance": lambda noise: noise.gradient_variance,
    },
    "norm_health": {
        "training_loss": lambda health: health.training_loss,
        "evaluation_loss": lambda health: health.evaluation_loss,
        "evaluation_gap": lambda health: health.evaluation_gap,
        "half_batch_gap": lambda health: health.half_batch_gap if health.gaps else None,
        "mean_gap": lambda health: [gap.mean_gap for gap in health.gaps],
        "variance_gap": lambda health: [gap.variance_gap for gap in health.gaps],
        "dead_scales": lambda health: [*health.dead_scales.values()],
    },
    "covariate_shift": {
        "shift_l2": lambda layers: [layer.l2 for layer in layers],
        "shift_relative": lambda layers: [layer.relative for layer in layers],
        "shift_cosine": lambda layers: [layer.cosine for layer in layers],
        "gradient_norm": lambda layers: [layer.gradient_norm for layer in layers],
    },
    "noise_floor": {
        "repeat_l2": lambda floor: [floor.repeat, *(layer.repeat for layer in floor.layers)],
        "rounding_l2": lambda floor: [floor.rounding, *(layer.rounding for layer in floor.layers)],
    },
    "theory": {
        "theorem_4_1_left": lambda norms: [norm.lipschitz_left for norm in norms],
        "theorem_4_1_right": lambda norms: [norm.lipschitz_right for norm in norms],
        "removed_fraction": lambda norms: [norm.removed_fraction for norm in norms],
        "theorem_4_2_left": lambda norms: [norm.curvature_left for norm in norms],
        "theorem_4_2_right": lambda norms: [norm.curvature_right for norm in norms],
    },
}
"""What each probe reads, out of what the public function gives."""


def by_hand(model, inputs, targets, after, lr):
    """Each function at the parameters before a step, with the streams of that moment."""
    batch = (model, loss_fn, inputs, targets)
    update = {name: tensor - after[name] for name, tensor in trainable(model).items()}
    found = {
        "line[paper]": landscope.line(*batch, etas=[multiple * lr for multiple in MULTIPLES]),
        "step_size": landscope.step_size(*batch, update=update, lr=lr),
        "noise_scale": landscope.noise_scale(*batch),
        "norm_health": landscope.norm_health(*batch),
        "covariate_shift": landscope.covariate_shift(*batch, after=after),
        "noise_floor": landscope.noise_floor(*batch),
    }
    if any(isinstance(module, torch.nn.BatchNorm1d) for module in model):
        found["theory"] = landscope.batch_norm_theory(*batch, units=2)
    return found


def readings_of(scope, step):
    """The values of each quantity of each probe, over the layers where it has some."""
    found = {}
    for r in scope.readings:
        if r.step == step and r.probe != "scope":
            found.setdefault((r.probe, r.quantity), []).append(r.value)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_every_probe_reads_what_its_public_function_gives_by_hand_exactly(norm, optimizer, bf16):
    kind = Kind(optimizer, norm, dropout=True)
    model = network(kind)
    optimizer = optimizer_for(kind, model)
    lr = optimizer.param_groups[0]["lr"]
    probes = [*PARTS] if norm == "batch" else [name for name in PARTS if name != "theory"]
    named = [name.removesuffix("[paper]") for name in probes]
    scope = Scope(model, loss_fn, optimizer, every=1, probes=named)
    for step, (inputs, targets) in enumerate(batches(STEPS)):
        as_it_was, stream = copy.deepcopy(model), torch.get_rng_state()
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = loss_fn(model(inputs), targets)
            loss.backward()
            optimizer.step()
        now = torch.get_rng_state()
        torch.set_rng_state(stream)
        after = {name: tensor.clone() for name, tensor in trainable(model).items()}
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            results = by_hand(as_it_was, inputs, targets, after, lr)
        torch.set_rng_state(now)

        read = readings_of(scope, step)
        assert results.keys() == set(probes)
        for probe, result in results.items():
            for quantity, part in PARTS[probe].items():
                value = part(result)
                expected = value if isinstance(value, list) else [value] * (value is not None)
                # Text and not numbers, as a NaN is unequal to itself.
                assert repr(read.get((probe, quantity), [])) == repr(expected), (probe, quantity)
    assert not [r for r in scope.readings if r.quantity == "failed"]
