"""Small float64 networks with their data: one of each kind that landscope trains, for any norm."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from landscope.data.batches import Batches
from landscope.data.dataset import Dataset
from landscope.models.dln import DLN
from landscope.models.mlp import MLP
from landscope.models.vgg import VGG, VggConfig
from landscope.norms.table import builder
from landscope.studies.santurkar2018.losses import LOSSES, Loss

SIDE = 8
FEATURES = SIDE * SIDE
CLASSES = 3
BATCH_SIZE = 8
SAMPLES = 20

# What a DLN is to learn: any square matrix does.
TARGET = torch.eye(6, dtype=torch.float64).flip(0) + 0.5


@dataclass
class Setting:
    """A network before its first step, with its data and its loss."""

    model: nn.Module
    dataset: Dataset
    loss: Loss
    lr: float
    watched: list[tuple[str, str]]
    """Weight-bearing modules, and the modules whose outputs enter their non-linearities."""

    @property
    def batches(self) -> Batches:
        return Batches(self.dataset, 3, BATCH_SIZE)


class Images(nn.Module):
    """Makes images of the rows of a matrix, so that a data set of float64 vectors will do."""

    def forward(self, rows: Tensor) -> Tensor:
        return rows.unflatten(1, (1, SIDE, SIDE))


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dataset(inputs: Tensor, targets: Tensor, classes: int = 0) -> Dataset:
    """The same samples for training and test; vectors, so nothing is done to them."""
    width = inputs.shape[1]
    names = tuple(map(str, range(classes)))
    return Dataset(
        "drawn", inputs, targets, inputs, targets, torch.zeros(width), torch.ones(width), names
    )


def classification(samples: int = SAMPLES) -> Dataset:
    labels = torch.randint(0, CLASSES, (samples,), generator=torch.Generator().manual_seed(5))
    return dataset(drawn(samples, FEATURES, seed=4), labels, CLASSES)


def regression() -> Dataset:
    inputs = drawn(SAMPLES, 6, seed=6)
    return dataset(inputs, inputs @ TARGET.T)


def vgg(norm: str) -> Setting:
    config = VggConfig((4, "M", 6, "M"), (5,), channels=1)
    network = VGG(config, norm=builder(norm), classes=CLASSES)
    watched = [
        ("1.features.conv2", "1.features.norm2"),
        ("1.classifier.fc1", "1.classifier.norm1"),
    ]
    model = nn.Sequential(Images(), network)
    return Setting(model, classification(), LOSSES["cross-entropy"], 0.1, watched)


def mlp(norm: str) -> Setting:
    model = MLP((FEATURES, 9, 7, CLASSES), norm=builder(norm))
    watched = [("layers.fc2", "layers.norm2")]
    return Setting(model, classification(), LOSSES["cross-entropy"], 0.1, watched)


def dln(norm: str) -> Setting:
    model = DLN(6, 4, norm=builder(norm))
    watched = [("layers.fc1", "layers.norm1"), ("layers.fc4", "layers.fc4")]
    return Setting(model, regression(), LOSSES["squared-error"], 1e-3, watched)


def dropout(norm: str) -> Setting:
    model = nn.Sequential(
        nn.Linear(FEATURES, 9),
        builder(norm)(9, 0),
        nn.Dropout(0.4),
        nn.Tanh(),
        nn.Linear(9, CLASSES),
    )
    return Setting(model, classification(), LOSSES["cross-entropy"], 0.1, [("4", "1")])


BUILDERS: dict[str, Callable[[str], Setting]] = {
    "vgg": vgg,
    "mlp": mlp,
    "dln": dln,
    "dropout": dropout,
}


def setting(name: str, norm: str) -> Setting:
    """A fresh one, the same each time: its random streams begin anew, too."""
    torch.manual_seed(17)
    made = BUILDERS[name](norm)
    made.model.double()
    return made
