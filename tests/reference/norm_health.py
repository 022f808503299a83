"""What a norm's own input says of it: hooks on a copy of the network, and sums over features.

    mean gap      rms over features of (running mean - batch mean) / d_B
    variance gap  rms over features of log(d^2 / d_B^2)

with d_B = sqrt(batch variance + eps) and d = sqrt(running variance + eps), of an Lp norm
s_p + eps of the batch and of the running estimate.
"""

import copy

import numpy as np
import torch
from tests.reference.gradient import outputs_of
from torch import nn


def inputs_of_modules(model, inputs, names, seed):
    """What each module is called with in a pass, its features first and all else in one."""
    twin = copy.deepcopy(model)
    found = {name: [] for name in names}

    def keep(name):
        def hook(_, args):
            found[name].append(args[0].detach().double().transpose(0, 1).flatten(1).numpy())

        return hook

    for name in names:
        twin.get_submodule(name).register_forward_pre_hook(keep(name))
    torch.manual_seed(seed)
    with torch.no_grad():
        outputs_of(twin, copy.deepcopy(inputs))
    return found


def batch_norm_gaps(module, values):
    variance = ((values - values.mean(1, keepdims=True)) ** 2).mean(1)
    return gaps(
        module.running_mean.double().numpy() - values.mean(1),
        np.sqrt(module.running_var.double().numpy() + module.eps),
        np.sqrt(variance + module.eps),
    )


def lp_norm_gaps(module, values, p):
    size = np.abs(values)
    scale = size.max(1) if p == np.inf else (size**p).mean(1) ** (1 / p)
    return gaps(
        module.running_mean.double().numpy() - values.mean(1),
        module.running_scale.double().numpy() + module.eps,
        scale + module.eps,
    )


def gaps(off, running, of_batch):
    def rms(numbers):
        return float(np.sqrt((numbers**2).mean()))

    return rms(off / of_batch), rms(np.log(running**2 / of_batch**2))


def evaluation_loss(model, loss_fn, inputs, targets):
    twin = copy.deepcopy(model).eval()
    with torch.no_grad():
        return loss_fn(outputs_of(twin, copy.deepcopy(inputs)), targets).item()


def half_batch_loss(model, loss_fn, inputs, targets, seed):
    """Each half is run by a copy of its own; the mean is over samples."""
    middle, total = len(inputs) // 2, 0.0
    for part in (slice(middle), slice(middle, None)):
        twin = copy.deepcopy(model)
        torch.manual_seed(seed)
        with torch.no_grad():
            loss = loss_fn(twin(inputs[part]), targets[part]).item()
        total += loss * len(inputs[part])
    return total / len(inputs)


def batch_norms(model):
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return [name for name, module in model.named_modules() if isinstance(module, kinds)]
