"""Random directions in parameter space, of a given length.

Santurkar et al. 2018, section 3.2, state that random directions behave like the gradient's.
"""

import torch

from landscope.objective.parameters import Parameters


def random_direction(like: Parameters, *, length: float, seed: int) -> Parameters:
    """An isotropic Gaussian direction, scaled to a Euclidean length over all entries.

    It draws from its own stream on the CPU, so the training's streams do not advance and every
    device gets the same direction.

    Args:
        like: Gives names, shapes, types and devices.
        length: Euclidean norm of the result.
        seed: Seed of the direction.
    """
    stream = torch.Generator().manual_seed(seed)
    drawn = {
        name: torch.randn(tensor.shape, generator=stream, dtype=torch.float64)
        for name, tensor in like.items()
    }
    total = torch.stack([tensor.square().sum() for tensor in drawn.values()]).sum().sqrt()
    return {name: (tensor * (length / total)).to(like[name]) for name, tensor in drawn.items()}
