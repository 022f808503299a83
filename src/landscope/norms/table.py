"""The table of all norms: each row passes one conformance suite, :mod:`landscope.testing.norms`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import nn

from landscope.errors import UsageError, unknown_name
from landscope.norms.batch import batch
from landscope.norms.group import group
from landscope.norms.instance import instance
from landscope.norms.layer import layer
from landscope.norms.lp import l1, l2, linf
from landscope.norms.noise import noise, noisy_batch
from landscope.norms.rms import rms

NormBuilder = Callable[[int, int], nn.Module]
"""Makes the norm for a number of features and of spatial dimensions."""

_MOST_SPATIAL = 3


@dataclass(frozen=True, slots=True)
class NormEntry:
    """One row of the table.

    Args:
        name: What it is called in configurations and on the command line.
        over: What its statistics are taken over.
        builder: Makes it: ``builder(features, spatial, **constants)``.
    """

    name: str
    over: Literal["batch", "sample", "nothing"]
    builder: Callable[..., nn.Module]

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the constants that it takes, each with a default."""
        parameters = inspect.signature(self.builder).parameters.values()
        return tuple(p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY)


def none(features: int, spatial: int) -> nn.Identity:  # noqa: ARG001  a row of the table
    """No norm, the paper's "standard" network: z = y, for any features and space.

    It is a module, so that networks with and without a norm have the same names.
    """
    return nn.Identity()


_ROWS = (
    NormEntry("none", "nothing", none),
    NormEntry("batch", "batch", batch),
    NormEntry("noisy-batch", "batch", noisy_batch),
    NormEntry("noise", "nothing", noise),
    NormEntry("l1", "batch", l1),
    NormEntry("l2", "batch", l2),
    NormEntry("linf", "batch", linf),
    NormEntry("layer", "sample", layer),
    NormEntry("group", "sample", group),
    NormEntry("instance", "sample", instance),
    NormEntry("rms", "sample", rms),
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
        norm: A name of :data:`NORMS`, or your own builder, which is returned.
        constants: Constants other than the defaults; none for your own builder.

    Raises:
        UsageError: On an unknown name or constant.
    """
    if not isinstance(norm, str):
        if constants:
            raise UsageError(
                f"norm constants {', '.join(constants)}",
                "your own builder takes only the features and the spatial dimensions",
                "bind its constants first, with functools.partial",
            )
        return norm
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    entry = NORMS[norm]
    for constant in constants:
        if constant not in entry.constants:
            raise unknown_name(f"{norm} norm constant", constant, entry.constants)
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
