"""The network on the test set, in evaluation mode, leaving its modes as they were."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from landscope.data.dataset import Dataset
from landscope.studies.santurkar2018.losses import Loss, accuracy

# Large enough to fill a GPU, small enough for the activations of VGG-16 in a few GiB.
_CHUNK = 1000


def evaluate(model: nn.Module, dataset: Dataset, loss: Loss) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy of a classifier on the whole test set, scalars on the device."""
    totals: list[Tensor] = []
    with evaluation_mode(model), torch.no_grad():
        for start in range(0, len(dataset.test_inputs), _CHUNK):
            inputs = dataset.inputs(dataset.test_inputs[start : start + _CHUNK])
            targets = dataset.test_targets[start : start + _CHUNK]
            outputs = model(inputs)
            share = len(targets) / len(dataset.test_inputs)
            totals.append(
                share * torch.stack([loss.function(outputs, targets), accuracy(outputs, targets)])
            )
    mean_loss, mean_accuracy = torch.stack(totals).sum(0)
    return mean_loss, mean_accuracy


@contextmanager
def evaluation_mode(model: nn.Module) -> Generator[None]:
    """Inside, every module evaluates; afterwards each is in the mode that it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
