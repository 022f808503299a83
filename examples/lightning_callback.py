"""landscope in a training by Lightning: one callback.

``python examples/lightning_callback.py [steps]`` trains on the bundled Fashion-MNIST.
"""

import sys

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from landscope.data import load
from landscope.integrations.lightning import LightningScope


class Classifier(LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)
        )

    def training_step(self, batch):
        inputs, targets = batch
        loss = nn.functional.cross_entropy(self.net(inputs), targets)
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


data = load("fashion-mnist")
images = TensorDataset(data.inputs(data.train_inputs), data.train_targets)
callback = LightningScope(every=5)  # or budget=0.05: 5 % of the time
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100
trainer = Trainer(max_steps=steps, callbacks=[callback], logger=False, enable_checkpointing=False)
trainer.fit(Classifier(), DataLoader(images, batch_size=64, shuffle=True))

last = max(reading.step for reading in callback.scope.readings)
for reading in callback.scope.readings:
    if reading.step == last and reading.layer is None and isinstance(reading.value, float):
        print(f"{reading.key:40} {reading.value:12.4g} {reading.unit}")
