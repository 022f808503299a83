"""A probe of one's own beside landscope's: do a layer's weights grow, or only turn?

``python examples/own_probe.py [steps]`` takes seconds. CONTRIBUTING.md says how to test a probe.
"""

import sys

import torch
from torch import nn

import landscope
from landscope import Cost, EverySteps, Probe


class Growth(Probe):
    """Cosine of update and weights: before a norm, which undoes their length, it is almost 0."""

    def __init__(self, schedule):
        super().__init__("growth", schedule)  # the id under which its readings are found

    def cost(self, work):
        return Cost(forward=0, backward=0)  # passes through the network: this one takes none

    def read(self, view):
        readings = []
        for name, before in view.snapshot.before.items() if view.snapshot else ():
            if before.ndim > 1:  # weights, neither biases nor scales
                update = view.snapshot.after[name] - before  # never in place: others read them too
                cosine = torch.cosine_similarity(update.flatten(), before.flatten(), dim=0)
                layer = name.removesuffix(".weight")
                readings.append(self.reading(view, "cosine", cosine.item(), layer=layer))
        return readings


if __name__ == "__main__":
    torch.manual_seed(0)
    inputs = torch.randn(64, 8)
    targets = inputs[:, :3].argmax(1)
    model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scope = landscope.Scope(model, loss_fn, optimizer, probes=[Growth(EverySteps(50))])
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
        with scope.step(inputs, targets):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
    for reading in scope.readings:
        if reading.probe == "growth":
            print(f"step {reading.step:4}  {reading.key:16} {reading.value:10.2g}")
