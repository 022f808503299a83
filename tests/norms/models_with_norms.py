"""Models of many shapes that take the norm to build with, so that a replaced one has a reference.

``norm(features, spatial)`` makes a norm, as a row of the table does.
"""

import torch
from torch import nn


class Block(nn.Module):
    """A residual block: norms as attributes, a shortcut in a Sequential."""

    def __init__(self, norm, takes, gives):
        super().__init__()
        self.conv1 = nn.Conv2d(takes, gives, 3, padding=1, bias=False)
        self.bn1 = norm(gives, 2)
        self.conv2 = nn.Conv2d(gives, gives, 3, padding=1, bias=False)
        self.bn2 = norm(gives, 2)
        self.shortcut = nn.Sequential(nn.Conv2d(takes, gives, 1), norm(gives, 2))

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(out)) + self.shortcut(x)).relu()


class ResNet(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = norm(8, 2)
        self.blocks = nn.Sequential(Block(norm, 8, 8), Block(norm, 8, 16))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.blocks(self.bn1(self.conv1(x)).relu()).mean((2, 3)))


class UNet(nn.Module):
    """Norms before the convolutions, and a linear layer for the time between them."""

    def __init__(self, norm):
        super().__init__()
        self.inside = nn.Conv2d(2, 8, 3, padding=1)
        self.time = nn.Linear(1, 8)
        self.down_norm = norm(8, 2)
        self.down = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.middle = nn.ModuleDict({"norm": norm(12, 2), "conv": nn.Conv2d(12, 12, 1)})
        self.up = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.out_norm = norm(16, 2)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        skip = self.inside(x) + self.time(x.new_ones(len(x), 1))[..., None, None]
        low = self.down(self.down_norm(skip).relu())
        low = self.middle["conv"](self.middle["norm"](low).relu())
        return self.out(self.out_norm(torch.cat([self.up(low), skip], 1)).relu())


class Mlp(nn.Module):
    """Layers and norms in lists, all layers registered first."""

    def __init__(self, norm):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 12), nn.Linear(12, 3)])
        self.norms = nn.ModuleList([norm(8, 0), norm(12, 0)])

    def forward(self, x):
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = norm(layer(x)).relu()
        return self.layers[-1](x)


class Shared(nn.Module):
    """One norm in three places, one of them a plain list that PyTorch does not look into."""

    def __init__(self, norm):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)
        self.norm = norm(8, 2)
        self.again = nn.Sequential(self.norm, nn.ReLU())
        self.plain = [self.norm]

    def forward(self, x):
        x = self.second(self.norm(self.first(x)).relu())
        return self.plain[0](self.again(x)).mean((2, 3))


class Signal(nn.Module):
    """Norms over (batch, features, length) and over (batch, features), as a speech model has."""

    def __init__(self, norm):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(3, 8, 3), norm(8, 1), nn.ReLU())
        self.fc = nn.Sequential(nn.Linear(8, 16), norm(16, 0), nn.ReLU(), nn.Linear(16, 2))

    def forward(self, x):
        return self.fc(self.conv(x).mean(2))


class Volume(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(1, 8, 2), norm(8, 3), nn.ReLU())
        self.head = nn.Conv3d(8, 2, 1)

    def forward(self, x):
        return self.head(self.stem(x))


class Language(nn.Module):
    """Tokens, pre-norm, features last; the norms are made with no space."""

    def __init__(self, norm):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.norm1, self.norm2 = norm(8, 0), norm(8, 0)
        self.query, self.value = nn.Linear(8, 8), nn.Linear(8, 8)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens):
        x = self.embedding(tokens)
        y = self.norm1(x)
        weights = (self.query(y) @ y.transpose(1, 2)).softmax(-1)
        return self.head(self.norm2(x + weights @ self.value(y)))


class Plain(nn.Module):
    """Calls its layers by attribute, and reads what they know of themselves."""

    def __init__(self, norm=None):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.fc1 = nn.Linear(8, 12)
        self.fc2 = nn.Linear(12, 5)
        if norm is not None:
            self.norm1, self.norm2, self.norm3 = norm(8, 2), norm(8, 2), norm(12, 0)

    def forward(self, x):
        x = self._normed("norm1", self.conv1(x.to(self.conv1.weight.dtype))).relu()
        x = self._normed("norm2", self.conv2(x)).relu().mean((2, 3))
        x = self._normed("norm3", self.fc1(x.view(-1, self.fc1.in_features))).relu()
        return self.fc2(x)

    def _normed(self, name, x):
        return getattr(self, name)(x) if hasattr(self, name) else x


def plain(norm=None):
    torch.manual_seed(0)
    return Plain(norm)


MODELS = {
    "resnet": (ResNet, (4, 3, 8, 8)),
    "unet": (UNet, (3, 2, 8, 8)),
    "mlp": (Mlp, (7, 6)),
    "shared": (Shared, (4, 3, 6, 6)),
    "signal": (Signal, (5, 3, 9)),
    "volume": (Volume, (3, 1, 4, 4, 4)),
}
WITHOUT_SPACE = ("mlp", "signal")


def torch_batch_norm(features, spatial):
    return (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[spatial](features)


def torch_group_norm(features, spatial):
    return nn.GroupNorm(2, features)


def torch_instance_norm(features, spatial):
    return (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[spatial - 1](features)


def model_of(name, norm, *, seed=0):
    """A model whose weights are equal whatever the norm, and a batch for it."""
    made, shape = MODELS[name]
    torch.manual_seed(seed)
    model = made(norm)
    return model, torch.randn(shape, generator=torch.Generator().manual_seed(1))


def stirred(model, *, seed=5):
    """The same model with scales and shifts off 1 and 0, as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def bytes_of(model):
    return {name: tensor.numpy(force=True).tobytes() for name, tensor in model.state_dict().items()}
