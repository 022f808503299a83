"""Evaluation: the whole test set, in evaluation mode, with every module as it was afterwards."""

import pytest
import torch
from tests.small_networks import CLASSES, FEATURES, classification, setting
from tests.tolerances import EXACT64, FLOAT32
from torch import nn

from landscope.studies.santurkar2018.losses import evaluate, evaluation_mode

SAMPLES = 2_300  # two chunks, and a smaller third


def after_some_training(norm="batch"):
    made = setting("mlp", norm)
    for _ in range(3):
        made.model(made.dataset.train_inputs)
    return made


@pytest.mark.parametrize("norm", ["none", "batch", "noisy-batch"])
def test_it_is_the_mean_over_the_whole_test_set(norm):
    made = after_some_training(norm)
    dataset = classification(SAMPLES)

    loss, accuracy = evaluate(made.model, dataset, made.loss)

    made.model.eval()
    with torch.no_grad():
        scores = made.model(dataset.test_inputs)
    likelihoods = scores.log_softmax(1)[torch.arange(SAMPLES), dataset.test_targets]
    hits = (scores.argmax(1) == dataset.test_targets).sum().item()
    FLOAT32.check(loss, -likelihoods.mean())
    FLOAT32.check(accuracy, hits / SAMPLES)
    assert 0 < hits < SAMPLES


def test_each_module_is_in_the_mode_that_it_was_in():
    """One that was frozen in evaluation mode stays so; one that trained trains on."""
    made = after_some_training()
    made.model.layers.norm1.eval()
    before = {name: module.training for name, module in made.model.named_modules()}

    evaluate(made.model, made.dataset, made.loss)

    assert {name: module.training for name, module in made.model.named_modules()} == before
    assert set(before.values()) == {True, False}


def test_a_network_that_evaluates_goes_on_evaluating():
    made = after_some_training()
    made.model.eval()

    evaluate(made.model, made.dataset, made.loss)

    assert not any(module.training for module in made.model.modules())


def test_inside_every_module_evaluates():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    with evaluation_mode(model):
        assert not any(module.training for module in model.modules())

    assert all(module.training for module in model.modules())


def test_modes_come_back_after_an_error_too():
    made = after_some_training()
    wrong = classification(4)
    made.model.layers.append(nn.Linear(CLASSES + 1, CLASSES).double())

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        evaluate(made.model, wrong, made.loss)

    assert all(module.training for module in made.model.modules())


def test_it_leaves_weights_statistics_gradients_and_streams_alone():
    made = after_some_training("noisy-batch")
    before = {name: tensor.clone() for name, tensor in made.model.state_dict().items()}
    stream = torch.get_rng_state()

    loss, accuracy = evaluate(made.model, made.dataset, made.loss)

    assert all(torch.equal(t, before[name]) for name, t in made.model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(parameter.grad is None for parameter in made.model.parameters())
    assert not loss.requires_grad
    assert not accuracy.requires_grad


def test_a_test_set_of_one_sample_is_no_batch_of_one():
    """In evaluation mode nothing is averaged over the batch."""
    made = after_some_training()
    dataset = classification(1)

    loss, _ = evaluate(made.model, dataset, made.loss)

    scores = made.model.eval()(dataset.test_inputs.reshape(1, FEATURES))
    EXACT64.check(loss, made.loss.function(scores, dataset.test_targets).detach())
