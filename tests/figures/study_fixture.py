"""A small *synthetic* study for tests: random walks in the vocabulary of real readings.

Nothing here was measured. The numbers only have plausible sizes and signs, so that drawings of
them can be looked at.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from landscope.reading import Axis, Reading, Status
from landscope.runs import (
    Journal,
    Outcome,
    RunFolder,
    RunRecords,
    StudyFolder,
    StudyRecords,
    read_run,
    read_study,
)

LP_NORMS = ("none", "batch", "l1", "l2", "linf")
VGG_LAYERS = tuple(f"features.{at}" for at in range(9))
DLN_LAYERS = tuple(f"linear.{at}" for at in range(25))
LAYERS = {
    "vgg": {"figure_1": [2, 7], "figure_2": [2, 5, 8], "figure_3": [3, 6], "figure_6": [7]},
    "dln": {"figure_3": [9, 17], "figure_9": [1, 11, 24]},
}
RUNS = (
    *(("vgg", norm, lr) for lr in (0.1, 0.5, 0.01) for norm in ("none", "batch")),
    *(("vgg", norm, 0.1) for norm in ("noisy-batch", "noise", "l1", "l2", "linf")),
    *(("dln", norm, lr) for lr in (1e-6, 1e-7) for norm in ("none", "batch")),
    *(("dln", norm, 1e-6) for norm in ("l1", "l2", "linf")),
)
SPEED = {"none": 0.35, "batch": 1.0, "noisy-batch": 0.85, "noise": 0.01, "l1": 0.9, "l2": 0.8}


@dataclass
class Synthetic:
    """What the synthetic study holds.

    Attributes:
        steps: Of each run.
        looks: Of the probes, in each run.
        diverged: Ids of runs that diverge half-way.
        unfinished: Ids of runs that stop half-way.
        vgg_layers: Names of the VGG's layers.
        preset: Name of the preset.
    """

    steps: int = 200
    looks: int = 21
    diverged: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    vgg_layers: tuple[str, ...] = VGG_LAYERS
    preset: str = "quick"
    runs: tuple[tuple[str, str, float], ...] = RUNS
    omitted: tuple[str, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> StudyRecords:
        """Writes the study as records and reads it back."""
        folder = StudyFolder(path)
        folder.create()
        for family, norm, lr in self.runs:
            self._write_run(folder, family, norm, lr)
        folder.write_manifest(self._manifest() | self.manifest)
        return read_study(path)

    def _manifest(self) -> dict[str, Any]:
        sizes = {
            "vgg": {"model": "vgg-small", "data": "fashion-mnist", "batch_size": 128},
            "dln": {"model": "dln-25", "data": "gaussian", "batch_size": None},
        }
        families = {
            name: {**size, "steps": self.steps, "l2_penalty": 5e-4, "layers": LAYERS[name]}
            for name, size in sizes.items()
        }
        return {
            "format": 1,
            "study": "santurkar2018",
            "preset": {"name": self.preset, "summary": "SYNTHETIC numbers, for tests", **families},
            "figures": [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13],
            "seed": 0,
            "landscope": "0.1.0",
            "versions": {"python": "3.11.0", "torch": "2.13.0", "numpy": "2.4.6"},
            "device": "cpu",
            "threads": 1,
            "workers": 2,
            "started": "2026-01-01T12:00:00+00:00",
            "seconds": 187.25,
        }

    def _write_run(self, study: StudyFolder, family: str, norm: str, lr: float) -> None:
        run_id = f"{family}-{norm}-lr{lr:g}-seed0"
        layers = list(self.vgg_layers if family == "vgg" else DLN_LAYERS)
        folder = study.run(run_id)
        folder.create()
        config = {
            "family": family, "model": "vgg-small", "norm": norm, "data": "fashion-mnist",
            "lr": lr, "steps": self.steps, "batch_size": 128, "seed": 0, "l2_penalty": 5e-4,
        }  # fmt: skip
        folder.write_manifest(
            {
                "format": 1,
                "id": run_id,
                "config": config,
                "layers": layers,
                "device": "cpu",
                "versions": {},
                "threads": 1,
                "seed": 0,
            }
        )
        stops = run_id in (*self.diverged, *self.unfinished)
        last = self.steps // 2 if stops else self.steps
        with Journal.create(folder) as journal:
            walk = Walk(family, norm, lr, self.steps, self.looks, layers)
            for reading in walk.readings():
                if reading.quantity in self.omitted:
                    continue
                if reading.step < last or (not stops and reading.step == last):
                    journal.write(reading)
                elif reading.step == last and run_id in self.diverged:
                    journal.write(_nonfinite(reading))
            if run_id in self.diverged:
                journal.finish(Outcome("diverged", last, 3.5))
            elif not stops:
                journal.finish(Outcome("finished", last, 12.25))


def _nonfinite(reading: Reading) -> Reading:
    value = reading.value
    broken = float("nan") if isinstance(value, float) else (float("inf"),) * len(value)
    return Reading(
        reading.step, reading.probe, reading.quantity, broken, reading.unit, reading.layer,
        reading.axis, Status.NONFINITE,
    )  # fmt: skip


def write_run(path: Path, readings: list[Reading], outcome: Outcome | None = None) -> RunRecords:
    """A single run of the given readings, through real records."""
    folder = RunFolder(path)
    folder.create()
    folder.write_manifest({"format": 1, "id": folder.id, "config": {}, "layers": [], "seed": 0})
    with Journal.create(folder) as journal:
        for reading in readings:
            journal.write(reading)
        journal.finish(outcome or Outcome("finished", readings[-1].step, 1.0))
    return read_run(path)


class Walk:
    """The random walks of one run."""

    def __init__(
        self, family: str, norm: str, lr: float, steps: int, looks: int, layers: list[str]
    ) -> None:
        seed = sum(ord(letter) for letter in f"{family}{norm}{lr:g}")
        self.random = np.random.default_rng(seed)
        self.family, self.norm, self.lr, self.steps, self.layers = family, norm, lr, steps, layers
        self.looks = np.unique(np.linspace(0, steps, looks).round().astype(int))
        speed = SPEED.get(norm, 0.7)
        self.speed = 0.0 if (norm, lr) == ("none", 0.5) else speed
        self.smooth = 1.0 if norm == "none" else 0.4

    def readings(self) -> list[Reading]:
        """All readings, by step."""
        found = [*self._training(), *self._distributions(), *self._shifts(), *self._lines()]
        return sorted(found, key=lambda reading: reading.step)

    def _training(self) -> list[Reading]:
        found: list[Reading] = []
        for step in range(self.steps + 1):
            rise = 1 - np.exp(-self.speed * 6 * step / self.steps)
            noise = self.random.normal(0, 0.04)
            loss = (3.5e4 if self.family == "dln" else 2.3) * np.exp(-4 * rise) * np.exp(noise)
            found.append(Reading(step, "training", "train_loss", float(loss)))
            found.append(Reading(step, "training", "train_data_loss", float(0.9 * loss)))
            if self.family == "dln":
                continue
            accuracy = float(np.clip(0.1 + 0.8 * rise + noise, 0, 1))
            found.append(Reading(step, "training", "train_accuracy", accuracy))
            if step % 20 == 0:
                found.append(Reading(step, "training", "test_accuracy", 0.1 + 0.75 * float(rise)))
                found.append(Reading(step, "training", "test_loss", float(1.1 * loss)))
        return found

    def _distributions(self) -> list[Reading]:
        found: list[Reading] = []
        for layer in self.layers:
            drift = 0.0
            scale = 0.05 if self.norm == "none" else 1.0
            for step in self.looks.tolist():
                drift += self.random.normal(0, 0.25)
                width = scale * float(np.exp(self.random.normal(0, 0.1)))
                sample = self.random.normal(drift * scale, width, 2000)
                density, edges = np.histogram(sample, bins=40, density=True)
                axis = Axis("activation", "1", tuple(edges.tolist()))
                histogram = tuple(density.tolist())
                about = ("distribution", "activation_histogram")
                found.append(Reading(step, *about, histogram, "1", layer, axis))
                for quantity in (
                    "input_mean_change", "input_variance_change",
                    "input_mean_change_since_start", "input_variance_change_since_start",
                    "input_wasserstein_relative",
                ):  # fmt: skip
                    change = float(np.exp(self.random.normal(-3, 0.4)))
                    if quantity.endswith("since_start") and step == 0:
                        change = 0.0
                    if self.norm == "noisy-batch":
                        change *= 8
                    found.append(Reading(step, "distribution", quantity, change, "1", layer))
        return found

    def _shifts(self) -> list[Reading]:
        found: list[Reading] = []
        for layer in self.layers:
            for step in self.looks.tolist():
                distance = float(np.exp(self.random.normal(0 if self.norm == "none" else 0.5, 0.5)))
                cosine = float(np.tanh(self.random.normal(0.8, 0.4)))
                for quantity, value in (("shift_l2", distance), ("shift_cosine", cosine)):
                    found.append(Reading(step, "covariate_shift", quantity, value, "1", layer))
        return found

    def _lines(self) -> list[Reading]:
        found: list[Reading] = []
        multiples = np.array([0.5, 1, 2, 4] if self.family == "vgg" else [0.01, 0.1, 1, 10, 31.6])
        grids = {"line[paper]": multiples * self.lr, "line[fixed]": np.array([0.01, 0.1, 1.0])}
        for probe, etas in grids.items():
            for step in self.looks.tolist():
                beta = self.smooth * float(np.exp(self.random.normal(2.5, 0.2)))
                axis = Axis("eta", "step size", tuple(etas.tolist()))
                change = tuple((beta * etas**0.8).tolist())
                loss = tuple((1 + self.smooth * 10 * etas * self.random.uniform(0.5, 1)).tolist())
                found.append(Reading(step, probe, "gradient_change", change, "1", None, axis))
                found.append(Reading(step, probe, "loss", loss, "1", None, axis))
                found.append(Reading(step, probe, "effective_beta", beta))
                found.append(Reading(step, probe, "beta_lr", beta * self.lr))
        return found
