"""landscope around a plain PyTorch loop, within 20 % of the time: three lines, marked here.

``python examples/plain_loop.py [steps]`` trains on the bundled Fashion-MNIST; 600 steps take ten
seconds or so. A longer training has enough measurements with a smaller share of its time.
"""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

import landscope
from landscope.data import load

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 600
torch.manual_seed(0)
data = load("fashion-mnist")
images = TensorDataset(data.inputs(data.train_inputs), data.train_targets)
loader = DataLoader(images, batch_size=64, sampler=RandomSampler(images, num_samples=64 * steps))
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
    nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
)  # fmt: skip
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

scope = landscope.Scope(model, loss_fn, optimizer, budget=0.2)  # 1: what trains what
for inputs, targets in loader:
    with scope.step(inputs, targets):  # 2: around the whole step, optimizer.step() included
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        optimizer.step()

print(scope)
for finding in scope.findings():  # 3: what stands out, in sentences
    print(finding)

# The budget decides which probe measures when: these are the newest values, of the whole network.
newest = {reading.key: reading for reading in scope.readings if reading.layer is None}
for key, reading in newest.items():
    if isinstance(reading.value, float):  # and not a list, such as the losses along a line
        print(f"step {reading.step:4}  {key:32} {reading.value:12.4g} {reading.unit}")
