"""The configuration of one run: frozen, validated, and the identity of the run."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from landscope.norms.names import NormName

Family = Literal["vgg", "dln"]
ProbeName = Literal[
    "distribution", "covariate_shift", "line", "reference_lines", "theory", "optimum"
]

SEEDS = 2**63
"""Seeds are below it, so that steps can be added to them and PyTorch still takes them."""


class Frozen(BaseModel):
    """A value: it cannot change, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def digest(self) -> str:
        """SHA-256 of all its fields: equal for equal values, whatever they are called elsewhere."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()


class Probing(Frozen):
    """When and where a family's networks are measured.

    Args:
        curve_every: Steps between two points of the training curves.
        evaluate_every: Steps between two passes over the test set.
        look_every: Steps between two looks of the probes; the first is at step 0.
        theory_every: Steps between two looks at the theorems, which cost more.
        theory_units: Units of each batch norm at which Theorem 4.2 is measured.
        multiples: The paper's grid of step sizes, as multiples of the learning rate.
        fixed_etas: A grid that does not depend on the learning rate.
        reference_inputs: Inputs on which distributions are compared, the same at each look.
        bins: Bins of an activation histogram.
    """

    curve_every: int = Field(gt=0)
    evaluate_every: int = Field(gt=0)
    look_every: int = Field(gt=0)
    theory_every: int = Field(gt=0)
    theory_units: int = Field(ge=0)
    multiples: tuple[float, ...] = Field(min_length=1)
    fixed_etas: tuple[float, ...] = Field(min_length=1)
    reference_inputs: int = Field(gt=1)
    bins: int = Field(gt=1)


class RunConfig(Frozen):
    """One training with probes.

    Args:
        family: The paper's set-up that the run belongs to.
        model: Name in the table of models.
        norm: Name in the table of norms.
        data: Name in the table of data sets.
        lr: Learning rate, fixed over the run.
        steps: Updates by the optimiser.
        batch_size: Examples a step; None for the whole training set.
        seed: Seed of the initial weights, of the order of the data and of the noise.
        l2_penalty: lambda in ``loss + lambda/2 ||W||^2``.
        probes: What is measured.
        watched: Layers whose inputs are watched, counted from 1 in the order of execution.
        probing: When and where.
    """

    family: Family
    model: str
    norm: NormName
    data: str
    lr: float = Field(gt=0, allow_inf_nan=False)
    steps: int = Field(gt=0)
    batch_size: int | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0, lt=SEEDS)
    l2_penalty: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    probes: tuple[ProbeName, ...] = ()
    watched: tuple[int, ...] = ()
    probing: Probing

    @property
    def id(self) -> str:
        """Name of the run in its study, and of its folder."""
        return f"{self.family}-{self.norm}-lr{self.lr:g}-seed{self.seed}"
