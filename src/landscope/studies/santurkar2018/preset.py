"""Presets: how large the paper's experiments are run, read from the TOML files beside this one."""

import tomllib
from importlib import resources
from typing import Literal, get_args

from landscope.studies.config import Frozen, Probing

PresetName = Literal["quick", "standard", "paper"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)


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
