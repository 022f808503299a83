"""The landscape along an update, a whole copy of the network for each multiple of it.

With u = theta - theta', g = grad L(theta) and g' = grad L(theta'), and lr the learning rate:

    curvature      u.(g - g') / u.u
    sharpness lr   u.(g - g') / u.g           (2 at the edge; Cohen et al. 2021, 2022)
    beta           u.(g - g') / (lr u.g)
"""

from dataclasses import dataclass

import numpy as np
from tests.reference.gradient import flat, loss_and_gradient


@dataclass
class StepSizeReference:
    losses: np.ndarray
    safe_multiple: float
    curvature: float
    sharpness_lr: float
    metric_beta: float


def step_size(model, loss_fn, inputs, targets, *, update, lr, multiples, seed):
    start, gradient = loss_and_gradient(model, loss_fn, inputs, targets, seed)
    names = list(gradient)
    theta = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}

    def at(multiple):
        there = {n: theta[n] - multiple * update[n] for n in names}
        return loss_and_gradient(model, loss_fn, inputs, targets, seed, moved=there)

    losses = np.array([at(multiple)[0] for multiple in multiples])
    risen = np.flatnonzero(~(losses <= start))
    last = risen[0] if len(risen) else len(multiples)
    u = np.concatenate([update[n].double().numpy().ravel() for n in names])
    g, other = flat(gradient, names), flat(at(1.0)[1], names)
    lost = float(u @ (g - other))
    return StepSizeReference(
        losses,
        float(multiples[last - 1]) if last else 0.0,
        lost / float(u @ u),
        lost / float(u @ g),
        lost / (lr * float(u @ g)),
    )
