"""The loss and its gradient of a copy of a network: a plain forward and a plain `.backward()`."""

import copy

import numpy as np
import torch


def moved(model, values):
    """A deep copy of `model` whose parameters named in `values` hold those values instead."""
    twin = copy.deepcopy(model)
    by_name = dict(twin.named_parameters())
    for name, value in values.items():
        by_name[name].data.copy_(value)
    return twin


def loss_and_gradient(model, loss_fn, inputs, targets, seed):
    """Loss, and gradient by parameter name as float64 vectors; every draw comes from `seed`.

    A parameter that the loss does not depend on has the gradient 0.
    """
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.grad = None
    torch.manual_seed(seed)
    loss = loss_fn(twin(inputs), targets)
    loss.backward()
    gradient = {}
    for name, parameter in twin.named_parameters():
        if not parameter.requires_grad:
            continue
        grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        gradient[name] = grad.detach().double().numpy().ravel().copy()
    return loss.item(), gradient


def flat(gradient, names):
    """One vector: the entries of `names`, one after another."""
    return np.concatenate([gradient[name] for name in names])
