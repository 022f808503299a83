"""A training as it is without landscope, to hold a measured one to."""

import contextlib

import torch
from torch import nn


class NoScope:
    """Takes the lines and does nothing: the training as it is without landscope."""

    def __init__(self, *_training, **_settings):
        pass

    def step(self, *_batch):
        return contextlib.nullcontext()

    def before(self, *args):
        pass

    def after(self):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def bytes_of_networks(names):
    """Every parameter and buffer of every network, and all that its optimisers keep."""
    kept = {}
    for name, value in names.items():
        if isinstance(value, (nn.Module, torch.optim.Optimizer)):
            leaves = torch.utils._pytree.tree_leaves(value.state_dict())
            kept[name] = [
                leaf.numpy(force=True).tobytes() if isinstance(leaf, torch.Tensor) else leaf
                for leaf in leaves
            ]
    return kept
