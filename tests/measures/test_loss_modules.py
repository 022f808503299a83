"""What a loss calls besides the model leaves no trace either, however the loss knows it."""

from functools import partial

import pytest
import torch
from torch import nn

import landscope
from landscope.objective.loss_modules import modules_behind

MODEL = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
CRITIC = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 1))


def by_global(outputs, targets):
    return (CRITIC(outputs) - targets).square().mean()


def through_another(outputs, targets):
    return by_global(outputs, targets)


def given(critic, outputs, targets):
    return (critic(outputs) - targets).square().mean()


def by_default(outputs, targets, critic=CRITIC):
    return given(critic, outputs, targets)


def closed_over(critic):
    return lambda outputs, targets: given(critic, outputs, targets)


def wrapped(loss):
    def wrapper(outputs, targets):
        return loss(outputs, targets)

    wrapper.__module__ = "landscope.integrations.of_some_trainer"
    return wrapper


class Trainer:
    """Not a module."""

    def __init__(self, critic):
        self.critics = {"only": critic}

    def loss(self, outputs, targets):
        return given(self.critics["only"], outputs, targets)

    def made(self):
        return lambda outputs, targets: self.loss(outputs, targets)

    __call__ = loss


class Surrounding(nn.Module):
    """Holds the model and its critic, as a module of Lightning does."""

    def __init__(self):
        super().__init__()
        self.model, self.critic = MODEL, CRITIC

    def loss(self, outputs, targets):
        return given(self.critic, outputs, targets)


LOSSES = {
    "a global": by_global,
    "a global of another function": through_another,
    "a default": by_default,
    "a closure": closed_over(CRITIC),
    "a partial": partial(given, CRITIC),
    "a method": Trainer(CRITIC).loss,
    "a method, wrapped by an adapter": wrapped(Trainer(CRITIC).loss),
    "an object": Trainer(CRITIC),
    "a closure over an object": Trainer(CRITIC).made(),
    "beside the model": Surrounding().loss,
}


def held():
    return [
        (name, tensor.detach().numpy().tobytes(), tensor.grad, tensor.data_ptr())
        for name, tensor in CRITIC.state_dict(keep_vars=True).items()
    ]


@pytest.mark.parametrize("way", LOSSES)
@pytest.mark.parametrize("trained", [True, False], ids=["trained", "frozen"])
def test_what_the_loss_calls_is_as_it_was(way, trained):
    CRITIC.requires_grad_(trained)
    inputs, targets = torch.randn(8, 4), torch.randn(8, 1)
    before = held()
    landscope.line(MODEL, LOSSES[way], inputs, targets, etas=[0.1, 0.2])
    landscope.covariate_shift(
        MODEL, LOSSES[way], inputs, targets, after={n: p + 0.1 for n, p in MODEL.named_parameters()}
    )
    assert held() == before
    assert CRITIC.training


def test_a_loss_that_calls_nothing_has_none():
    for loss in (nn.functional.cross_entropy, nn.CrossEntropyLoss().forward, lambda a, _: a.sum()):
        found = modules_behind(loss, MODEL)
        assert all(isinstance(module, nn.CrossEntropyLoss) for module in found)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # torch's own, of itself
def test_what_holds_or_compiles_the_model_is_left_alone():
    around = Surrounding()
    assert set(modules_behind(around.loss, MODEL)) == set(CRITIC.modules())
    compiled = torch.compile(CRITIC)
    assert set(modules_behind(lambda outputs: compiled(outputs), MODEL)) == set(CRITIC.modules())


def test_the_search_ends():
    many = [[index] for index in range(10**5)]
    many.append(many)
    assert modules_behind(lambda: many, MODEL) == []
