"""A norm of one's own in the place of a model's batch norms, and what it does to the landscape.

``python examples/own_norm.py [steps]`` takes seconds. CONTRIBUTING.md says how to test a norm.
"""

import sys

import torch
from torch import nn

import landscope


class MaxNorm(nn.Module):
    """Each sample over its largest absolute value, with a scale for each feature."""

    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x):  # (batch, features, ...)
        largest = x.abs().amax(dim=list(range(1, x.dim())), keepdim=True)
        return self.weight.view(-1, *(1,) * (x.dim() - 2)) * x / (largest + 1e-5)


def max_norm(features, spatial):  # how norms are built: spatial is 2 behind a Conv2d, 0 here
    return MaxNorm(features)


if __name__ == "__main__":
    torch.manual_seed(0)
    inputs = torch.randn(64, 8)
    targets = inputs[:, :3].argmax(1)
    loss_fn = nn.CrossEntropyLoss()
    given = nn.Sequential(
        nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(),
        nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3),
    )  # fmt: skip
    # A copy with the same weights, so that the two trainings start from one point.
    replaced = landscope.replace_norms(given, max_norm, report=print)
    for name, model in {"batch norm": given, "max norm": replaced}.items():
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scope = landscope.Scope(model, loss_fn, optimizer, probes=["step_size"], every=20)
        for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 100):
            with scope.step(inputs, targets):
                optimizer.zero_grad()
                loss_fn(model(inputs), targets).backward()
                optimizer.step()
        newest = {reading.key: reading.value for reading in scope.readings}
        print(f"{name}: beta x lr = {newest['step_size/sharpness_lr']:.3g}; the edge is at 2")
