"""The loss and its gradient of a copy of a network: a plain forward and a plain `.backward()`."""

import copy

import numpy as np
import torch


def outputs_of(model, inputs):
    """What the network gives: a tuple holds its arguments, a dict its keywords."""
    if isinstance(inputs, dict):
        return model(**inputs)
    if isinstance(inputs, tuple):
        return model(*inputs)
    return model(inputs)


def loss_and_gradient(model, loss_fn, inputs, targets, seed, *, moved=None):
    """Loss, and gradient by parameter name as float64 vectors; every draw comes from `seed`.

    All is copied together, so that a loss that holds the model looks at the copy. Parameters named
    in `moved` have those values instead of their own. A parameter that the loss does not depend on
    has the gradient 0.
    """
    twin, loss_fn, inputs, targets = copy.deepcopy((model, loss_fn, inputs, targets))
    for name, parameter in twin.named_parameters():
        parameter.grad = None
        if moved is not None and name in moved:
            parameter.data.copy_(moved[name])
    torch.manual_seed(seed)
    np.random.seed(seed)
    loss = loss_fn(outputs_of(twin, inputs), targets)
    loss.backward()
    gradient = {}
    for name, parameter in twin.named_parameters():
        if not parameter.requires_grad:
            continue
        grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        gradient[name] = grad.detach().to_dense().double().numpy().ravel().copy()
    return loss.item(), gradient


def flat(gradient, names):
    """One vector: the entries of `names`, one after another."""
    return np.concatenate([gradient[name] for name in names])
