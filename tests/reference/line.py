"""The loss and its gradient at theta - eta d, a whole copy of the network for each eta.

Santurkar et al. (2018), section 3.2 and appendix A.2.2. With g = grad L(theta), for each eta:

    loss             L(theta - eta d)
    gradient change  ||grad L(theta - eta d) - g||
    beta             ||grad L(theta - eta d) - g|| / ||eta d||

The bands are the least and the greatest over eta; the effective beta is the greatest beta.
"""

from dataclasses import dataclass

import numpy as np
import torch
from tests.reference.gradient import flat, loss_and_gradient


@dataclass
class LineReference:
    losses: np.ndarray
    gradient_changes: np.ndarray
    betas: np.ndarray
    loss_band: tuple
    change_band: tuple
    effective_beta: float


def line(model, loss_fn, inputs, targets, *, etas, direction=None, seed):
    """Walk from the parameters of `model` against `direction`, by default its gradient."""
    _, start = loss_and_gradient(model, loss_fn, inputs, targets, seed)
    names = list(start)
    theta = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    if direction is None:
        direction = {name: torch.from_numpy(start[name]) for name in names}
    d = np.concatenate([direction[name].double().numpy().ravel() for name in names])
    losses, changes, betas = [], [], []
    for eta in etas:
        there = {n: theta[n] - eta * direction[n].reshape(theta[n].shape) for n in names}
        loss, gradient = loss_and_gradient(model, loss_fn, inputs, targets, seed, moved=there)
        change = np.sqrt(np.sum((flat(gradient, names) - flat(start, names)) ** 2))
        losses.append(loss)
        changes.append(change)
        betas.append(change / np.sqrt(np.sum((eta * d) ** 2)))
    return LineReference(
        np.array(losses),
        np.array(changes),
        np.array(betas),
        (min(losses), max(losses)),
        (min(changes), max(changes)),
        max(betas),
    )
