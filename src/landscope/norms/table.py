"""The table of all norms: each row passes one conformance suite, :mod:`landscope.testing.norms`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import nn

from landscope.errors import UsageError
from landscope.norms.batch import batch
from landscope.norms.group import group
from landscope.norms.instance import instance
from landscope.norms.l1 import l1
from landscope.norms.l2 import l2
from landscope.norms.layer import layer
from landscope.norms.linf import linf
from landscope.norms.noise import noise
from landscope.norms.noisy_batch import noisy_batch
from landscope.norms.none import none
from landscope.norms.rms import rms
from landscope.norms.unknown import unknown

NormBuilder = Callable[[int, int], nn.Module]
"""Makes the norm for a number of features and of spatial dimensions."""

_MOST_SPATIAL = 3


@dataclass(frozen=True, slots=True)
class NormEntry:
    """One row of the table.

    Args:
        name: What it is called in configurations and on the command line.
        title: What it is called in figures.
        over: What its statistics are taken over.
        formula: What it computes, in one line.
        builder: Makes it: ``builder(features, spatial, **constants)``.
    """

    name: str
    title: str
    over: Literal["batch", "sample", "nothing"]
    formula: str
    builder: Callable[..., nn.Module]

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the constants that it takes, each with a default."""
        parameters = inspect.signature(self.builder).parameters.values()
        return tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)


_BATCH = "z = gamma (y - mean(y)) / sqrt(var(y) + eps) + beta"
_LP = "z = gamma (y - mean(y)) / (s + eps) + beta, s = "
_SAMPLE = "z = gamma (y - mean(y)) / sqrt(var(y) + eps) + beta, mean and var of "
_NOISE = "m ~ U(mu - r_mu, mu + r_mu), s ~ N(sigma, r_sigma)"

_ROWS = (
    NormEntry("none", "Standard", "nothing", "z = y", none),
    NormEntry("batch", "BatchNorm", "batch", _BATCH, batch),
    NormEntry("noisy-batch", "Noisy BatchNorm", "batch", f"z = s BN(y) + m, {_NOISE}", noisy_batch),
    NormEntry("noise", "Standard with noise", "nothing", f"z = s y + m, {_NOISE}", noise),
    NormEntry("l1", "L1 norm", "batch", f"{_LP}mean|y|", l1),
    NormEntry("l2", "L2 norm", "batch", f"{_LP}sqrt(mean(y^2))", l2),
    NormEntry("linf", "L-infinity norm", "batch", f"{_LP}max|y|", linf),
    NormEntry("layer", "LayerNorm", "sample", f"{_SAMPLE}the sample", layer),
    NormEntry("group", "GroupNorm", "sample", f"{_SAMPLE}the sample's group of channels", group),
    NormEntry("instance", "InstanceNorm", "sample", f"{_SAMPLE}the sample's channel", instance),
    NormEntry("rms", "RMSNorm", "sample", "z = gamma y / sqrt(mean(y^2) + eps)", rms),
)

NORMS: dict[str, NormEntry] = {row.name: row for row in _ROWS}
"""All norms, by name, in the order in which they are shown."""


def build(name: str, features: int, spatial: int, **constants: int | float) -> nn.Module:
    """Make the norm of this name, with its scale at 1 and its shift at 0.

    Args:
        name: A name of :data:`NORMS`.
        features: Number of features (units, or channels) of what it normalises.
        spatial: Number of spatial dimensions: 0 for (batch, features), 1, 2 or 3.
        constants: Constants other than the defaults; ``NORMS[name].constants`` has their names.

    Raises:
        UsageError: On an unknown name or constant, or a number out of its range.
    """
    return builder(name, **constants)(features, spatial)


def builder(norm: str | NormBuilder, **constants: int | float) -> NormBuilder:
    """What makes a norm of this name for any number of features: checked now, called later.

    Args:
        norm: A name of :data:`NORMS`, or a builder of one's own, which is given back.
        constants: Constants other than the defaults; none for a builder of one's own.

    Raises:
        UsageError: On an unknown name or constant.
    """
    if not isinstance(norm, str):
        if constants:
            raise UsageError(
                f"norm constants {', '.join(constants)}",
                "a builder of one's own takes the features and the spatial dimensions only",
                "bind its constants first, with functools.partial",
            )
        return norm
    if norm not in NORMS:
        raise unknown("norm", norm, NORMS)
    entry = NORMS[norm]
    for constant in constants:
        if constant not in entry.constants:
            raise unknown(f"{norm} norm constant", constant, entry.constants)
    return partial(_checked, partial(entry.builder, **constants))


def _checked(make: NormBuilder, features: int, spatial: int) -> nn.Module:
    if features < 1:
        raise UsageError(
            f"features = {features}",
            "a norm has at least 1 feature",
            "give the number of units or channels of the layer before it",
        )
    if not 0 <= spatial <= _MOST_SPATIAL:
        raise UsageError(
            f"spatial = {spatial}",
            f"inputs have 0 to {_MOST_SPATIAL} spatial dimensions",
            "give 0 after a linear layer, 1, 2 or 3 after a convolution",
        )
    return make(features, spatial)
