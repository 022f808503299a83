"""landscope in a loop of Accelerate, with gradients accumulated over two batches.

``python examples/accelerate_loop.py [batches]`` trains on the bundled Fashion-MNIST.
"""

import sys

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

import landscope
from landscope.data import load

batches = int(sys.argv[1]) if len(sys.argv) > 1 else 200
data = load("fashion-mnist")
images = TensorDataset(data.inputs(data.train_inputs), data.train_targets)
model = nn.Sequential(
    nn.Flatten(), nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)
)
loss_fn = nn.CrossEntropyLoss()
accelerator = Accelerator(gradient_accumulation_steps=2)
model, optimizer, loader = accelerator.prepare(
    model,
    torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    DataLoader(images, batch_size=64, sampler=RandomSampler(images, num_samples=64 * batches)),
)

scope = landscope.Scope(model, loss_fn, optimizer, every=5, scaler=accelerator.scaler)
for inputs, targets in loader:
    with scope.step(inputs, targets), accelerator.accumulate(model):
        loss = loss_fn(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()

last = max(reading.step for reading in scope.readings)
for reading in scope.readings:
    if reading.step == last and reading.layer is None and isinstance(reading.value, float):
        print(f"{reading.key:40} {reading.value:12.4g} {reading.unit}")
