"""Networks for images: sequential, residual, densely connected, up and down, two towers."""

import torch
from tests.measures.networks import Case, classes, gaussian, weight_and_bias
from torch import Tensor, nn
from torch.nn import functional


def sequential() -> Case:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    layers = {
        "0": ["0.weight", *weight_and_bias("1")],
        "4": weight_and_bias("4", "5"),
        "9": weight_and_bias("9"),
    }
    return Case(model, functional.cross_entropy, gaussian(6, 2, 6, 6), classes(6), layers)


class BasicBlock(nn.Module):
    """As in torchvision: one ReLU module used twice, in place, and a sum in place."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


def residual() -> Case:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        BasicBlock(4, 4, 1),
        BasicBlock(4, 6, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    )
    layers = {
        "0": ["0.weight", *weight_and_bias("1")],
        "3.conv1": ["3.conv1.weight", *weight_and_bias("3.bn1")],
        "3.conv2": ["3.conv2.weight", *weight_and_bias("3.bn2")],
        "4.conv1": ["4.conv1.weight", *weight_and_bias("4.bn1")],
        "4.conv2": ["4.conv2.weight", *weight_and_bias("4.bn2")],
        "4.downsample.0": ["4.downsample.0.weight", *weight_and_bias("4.downsample.1")],
        "7": weight_and_bias("7"),
    }
    return Case(model, functional.cross_entropy, gaussian(6, 2, 6, 6), classes(6), layers)


class Dense(nn.Module):
    """Each layer reads all that came before it, norm first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in (3, 5, 7))
        self.convs = nn.ModuleList(nn.Conv2d(width, 2, 3, padding=1) for width in (3, 5, 7))
        self.head = nn.Linear(9, 3)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            features.append(conv(functional.relu(norm(torch.cat(features, 1)))))
        return self.head(torch.cat(features, 1).mean((2, 3)))


def densely_connected() -> Case:
    layers = {
        "stem": weight_and_bias("stem", "norms.0"),
        "convs.0": weight_and_bias("convs.0", "norms.1"),
        "convs.1": weight_and_bias("convs.1", "norms.2"),
        "convs.2": weight_and_bias("convs.2"),
        "head": weight_and_bias("head"),
    }
    return Case(Dense(), functional.cross_entropy, gaussian(6, 2, 4, 4), classes(6), layers)


def up_and_down() -> Case:
    """Kinds of convolution and of norm that the others lack."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.GroupNorm(2, 4),
        nn.PReLU(4),
        nn.ConvTranspose2d(4, 3, 2, stride=2),
        nn.LayerNorm((3, 6, 6)),
        nn.PReLU(),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular", groups=3, bias=False),
        nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        nn.Hardswish(inplace=True),
        nn.Conv2d(3, 1, 1),
    )
    layers = {
        "0": [*weight_and_bias("0", "1"), "2.weight"],
        "3": [*weight_and_bias("3", "4"), "5.weight"],
        "6": ["6.weight", *weight_and_bias("7")],
        "9": weight_and_bias("9"),
    }
    return Case(
        model, functional.mse_loss, gaussian(5, 2, 6, 6), gaussian(5, 1, 6, 6, seed=4), layers
    )


class TwoTowers(nn.Module):
    """Two inputs, two encoders, one head that both share."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(5, 4)
        self.right = nn.Sequential(nn.Linear(3, 5), nn.Tanh())
        self.left = nn.Sequential(nn.Conv1d(2, 5, 2), nn.Tanh(), nn.AdaptiveMaxPool1d(1))

    def forward(self, signal: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        return self.shared(self.left(signal).flatten(1)), self.shared(self.right(row))


def cosine_loss(outputs: tuple[Tensor, Tensor], same: Tensor) -> Tensor:
    return functional.cosine_embedding_loss(*outputs, same, margin=0.2)


def two_towers() -> Case:
    layers = {name: weight_and_bias(name) for name in ("left.0", "shared", "right.0")}
    inputs = (gaussian(7, 2, 4), gaussian(7, 3, seed=5))
    same = torch.tensor([1, -1, 1, -1, 1, -1, -1])
    return Case(TwoTowers(), cosine_loss, inputs, same, layers)


NETWORKS = {
    "sequential": sequential,
    "residual": residual,
    "densely connected": densely_connected,
    "up and down": up_and_down,
    "two towers": two_towers,
}
