"""The experiments of Santurkar et al. 2018: which runs, with which probes, stand behind a figure.

Learning rates are the paper's: figures 1, 3 and their captions; 0.1 and 1e-6 "unless said".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from landscope.errors import UsageError
from landscope.norms.names import NormName
from landscope.studies.config import SEEDS, Family, ProbeName, RunConfig
from landscope.studies.santurkar2018.preset import FamilyPreset, Preset

STUDY = "santurkar2018"
"""What the manifest of such a study says that it is."""

VGG_LR, VGG_LARGE_LR, VGG_SMALL_LR = 0.1, 0.5, 0.01
DLN_LR, DLN_SMALL_LR = 1e-6, 1e-7

FIGURES = (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13)
"""Figure 7 repeats figure 2's histograms for more layers and has no number of its own here."""

_PLAIN_AND_BATCH: tuple[NormName, ...] = ("none", "batch")
_WITH_NOISE: tuple[NormName, ...] = ("none", "batch", "noisy-batch")
_WITH_LP: tuple[NormName, ...] = ("none", "batch", "l1", "l2", "linf")


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


def check_seed(seed: int) -> None:
    """Refuse a seed that is not one of PyTorch's.

    Raises:
        UsageError: It is negative, or has more than 63 bits.
    """
    if not 0 <= seed < SEEDS:
        raise UsageError(f"seed = {seed}", "a seed is 0 or more, below 2^63", "give 0, for one")


def runs_behind(preset: Preset, figures: Iterable[int], seed: int) -> list[RunConfig]:
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
) -> RunConfig:
    watched = sorted({layer for layers in size.layers.values() for layer in layers})
    return RunConfig(
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


def default_folder(preset: str, seed: int, figures: tuple[int, ...]) -> Path:
    """Where a study goes unless told otherwise: a folder for each order."""
    part = "" if figures == FIGURES else "-figure-" + "-".join(map(str, figures))
    return Path("runs") / f"{preset}-seed{seed}{part}"
