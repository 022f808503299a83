"""The experiments of Santurkar et al. 2018: which runs, with which probes, stand behind a figure.

Learning rates are the paper's: figures 1, 3 and their captions; 0.1 and 1e-6 "unless said". How
large they are run is a preset's, read from the TOML files beside this one. At the end: what is
recorded of them, as it is read back.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from landscope.errors import UsageError
from landscope.norms.names import NormName
from landscope.runs.manifest import Part
from landscope.studies.kind import SEEDS, Frozen

Family = Literal["vgg", "dln"]
ProbeName = Literal[
    "distribution", "covariate_shift", "line", "reference_lines", "theory", "optimum"
]
PresetName = Literal["quick", "standard", "paper"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)

VGG_LR, VGG_LARGE_LR, VGG_SMALL_LR = 0.1, 0.5, 0.01
DLN_LR, DLN_SMALL_LR = 1e-6, 1e-7

FIGURES = (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13)
"""Figure 7 repeats figure 2's histograms for more layers and has no number of its own here."""

_PLAIN_AND_BATCH: tuple[NormName, ...] = ("none", "batch")
_WITH_NOISE: tuple[NormName, ...] = ("none", "batch", "noisy-batch")
_WITH_LP: tuple[NormName, ...] = ("none", "batch", "l1", "l2", "linf")


class Probing(Frozen):
    """When and where a family's networks are measured.

    Args:
        curve_every: Steps between two points of the training curves.
        evaluate_every: Steps between two passes over the test set.
        look_every: Steps between two measurements; the first is at step 0.
        theory_every: Steps between two measurements of the theorems, which cost more.
        theory_units: Units of each batch norm at which Theorem 4.2 is measured.
        multiples: The paper's grid of step sizes, as multiples of the learning rate.
        fixed_etas: A grid that does not depend on the learning rate.
        reference_inputs: Inputs on which distributions are compared, the same at each measurement.
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


class Experiment(Frozen):
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


class FamilyPreset(Frozen):
    """One of the paper's two set-ups at one size.

    Args:
        model: Name in the table of models.
        data: Name in the table of data sets.
        steps: Updates by the optimiser.
        batch_size: Examples a step; None for the whole training set.
        l2_penalty: lambda in ``loss + lambda/2 ||W||^2``.
        layers: For each figure that shows single layers, which, counted from 1.
        probing: When and where the networks are measured.
    """

    model: str
    data: str
    steps: int
    batch_size: int | None = None
    l2_penalty: float
    layers: dict[str, tuple[int, ...]]
    probing: Probing


class Preset(Frozen):
    """A size at which the whole paper is run.

    Args:
        name: Its name.
        summary: One line for the help.
        vgg: The convolutional network.
        dln: The deep linear network.
    """

    name: PresetName
    summary: str
    vgg: FamilyPreset
    dln: FamilyPreset


def load_preset(name: PresetName) -> Preset:
    """The preset of that name."""
    own = resources.files(__name__.rpartition(".")[0])
    text = own.joinpath("presets", f"{name}.toml").read_text("utf-8")
    return Preset.model_validate(tomllib.loads(text))


@dataclass(frozen=True)
class Need:
    """Runs behind a figure: every norm at every learning rate, with these probes."""

    family: Family
    norms: tuple[NormName, ...]
    lrs: tuple[float, ...]
    probes: tuple[ProbeName, ...] = ()


NEEDS: dict[int, tuple[Need, ...]] = {
    1: (
        Need("vgg", _PLAIN_AND_BATCH, (VGG_LR,), ("distribution",)),
        Need("vgg", _PLAIN_AND_BATCH, (VGG_LARGE_LR,)),
    ),
    2: (
        Need("vgg", _WITH_NOISE, (VGG_LR,), ("distribution",)),
        # No figure of the paper, but its text: the same noise stops a plain network.
        Need("vgg", ("noise",), (VGG_LR,)),
    ),
    3: (
        Need("vgg", _PLAIN_AND_BATCH, (VGG_LR, VGG_SMALL_LR), ("covariate_shift",)),
        Need("dln", _PLAIN_AND_BATCH, (DLN_LR, DLN_SMALL_LR), ("covariate_shift",)),
    ),
    4: (
        Need("vgg", _PLAIN_AND_BATCH, (VGG_LR,), ("line", "reference_lines")),
        Need("vgg", ("batch",), (VGG_LR,), ("theory",)),
    ),
    5: (Need("vgg", _WITH_LP, (VGG_LR,)), Need("dln", _WITH_LP, (DLN_LR,))),
    6: (Need("vgg", _WITH_LP, (VGG_LR,), ("distribution",)),),
    8: (Need("vgg", _WITH_NOISE, (VGG_LR,), ("distribution",)),),
    9: (Need("dln", _PLAIN_AND_BATCH, (DLN_LR,), ("distribution",)),),
    10: (
        Need("dln", _PLAIN_AND_BATCH, (DLN_LR,), ("line", "reference_lines")),
        Need("dln", ("batch",), (DLN_LR,), ("theory", "optimum")),
    ),
    11: (Need("vgg", _PLAIN_AND_BATCH, (VGG_LR,), ("line",)),),
    12: (Need("vgg", _WITH_LP, (VGG_LR,), ("line",)),),
    13: (Need("dln", _WITH_LP, (DLN_LR,), ("line",)),),
}


def check_figures(figures: Iterable[int]) -> tuple[int, ...]:
    """The figures asked for, in order and once each; all of them where none is named.

    Raises:
        UsageError: The paper has no such figure, or it shows no measurement.
    """
    asked = sorted(set(figures)) or list(FIGURES)
    for figure in asked:
        if figure not in FIGURES:
            raise UsageError(
                f"figure = {figure}",
                "the paper's figures with measurements are 1 to 6 and 8 to 13",
                f"choose among {', '.join(map(str, FIGURES))}",
            )
    return tuple(asked)


def runs_behind(preset: Preset, figures: Iterable[int], seed: int) -> list[Experiment]:
    """The runs behind some figures at a preset's size, each once, with the union of its probes."""
    probes: dict[tuple[Family, NormName, float], list[ProbeName]] = {}
    for figure in figures:
        for need in NEEDS[figure]:
            for lr in need.lrs:
                for norm in need.norms:
                    wanted = probes.setdefault((need.family, norm, lr), [])
                    wanted.extend(probe for probe in need.probes if probe not in wanted)
    sizes = {"vgg": preset.vgg, "dln": preset.dln}
    return [
        _configure(sizes[family], family, norm, lr, seed, tuple(sorted(wanted)))
        for (family, norm, lr), wanted in probes.items()
    ]


def _configure(
    size: FamilyPreset,
    family: Family,
    norm: NormName,
    lr: float,
    seed: int,
    probes: tuple[ProbeName, ...],
) -> Experiment:
    watched = sorted({layer for layers in size.layers.values() for layer in layers})
    return Experiment(
        family=family,
        model=size.model,
        norm=norm,
        data=size.data,
        lr=lr,
        steps=size.steps,
        batch_size=size.batch_size,
        seed=seed,
        l2_penalty=size.l2_penalty,
        probes=probes,
        watched=tuple(watched) if "distribution" in probes else (),
        probing=size.probing,
    )


_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Steps = Annotated[int, Field(ge=1, lt=2**53)]
_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PaperRun(Part):
    """A run of the paper's experiments; what the claims and the report read of it."""

    family: str | None = None
    norm: str | None = None
    lr: _Rate | None = None
    steps: _Steps | None = None
    seed: _Count | None = None


class PaperFamily(Part):
    """One of the paper's set-ups at the size that was run; ``layers`` by figure, from 1."""

    model: str | None = None
    data: str | None = None
    steps: int | None = None
    batch_size: int | None = None
    l2_penalty: float | None = None
    layers: Mapping[str, list[int]] = {}
    probing: Mapping[str, Any] = {}


class PaperPreset(Part):
    """The size at which the paper was run."""

    name: str = "none"
    summary: str | None = None
    vgg: PaperFamily = PaperFamily()
    dln: PaperFamily = PaperFamily()

    def __str__(self) -> str:
        return f"{self.name} ({self.summary})"

    def family(self, name: str) -> PaperFamily:
        """One of the set-ups; an empty one where it is neither."""
        return {"vgg": self.vgg, "dln": self.dln}.get(name, PaperFamily())


class PaperStudy(Part):
    """A study of the paper's experiments."""

    preset: PaperPreset = PaperPreset()
