"""A small *synthetic* comparison for tests, written as real records: nothing here was measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from landscope.reading import Reading
from landscope.runs import Journal, Outcome, StudyFolder, StudyRecords, read_study

LAYERS = ("conv1", "conv2", "fc")
Place = tuple[str, float, int]


@dataclass
class Compared:
    """What the comparison holds.

    Attributes:
        norms: The norms.
        lrs: Learning rates.
        seeds: Seeds.
        steps: Of each run.
        every: Steps between two looks.
        level: Loss at the end, by norm.
        noise: Relative spread of that over seeds.
        beta: Effective beta, by norm.
        safe: Largest safe step over the learning rate, by norm.
        seconds: Of a step, by norm.
        diverged: At which step runs diverged.
        unfinished: Runs that stop half-way.
        missing: Runs that are not there.
        omitted: Quantities that are not there, by probe and quantity.
        checksums: Of the weights and batches of a run, where they are not those of its seed.
        alike: Seeds that give the runs of another, by that other.
        manifest: Changes of the study's manifest.
    """

    norms: tuple[str, ...] = ("none", "batch", "group")
    lrs: tuple[float, ...] = (0.1, 0.01)
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 60
    every: int = 10
    level: Mapping[str, float] = field(default_factory=lambda: {"none": 1.0, "batch": 0.3})
    noise: float = 0.02
    beta: Mapping[str, float] = field(default_factory=lambda: {"none": 20.0, "batch": 4.0})
    safe: Mapping[str, float] = field(default_factory=lambda: {"none": 1.0, "batch": 8.0})
    seconds: Mapping[str, float] = field(default_factory=lambda: {"none": 0.01, "batch": 0.013})
    diverged: Mapping[Place, int] = field(default_factory=dict[Place, int])
    unfinished: tuple[Place, ...] = ()
    missing: tuple[Place, ...] = ()
    omitted: tuple[tuple[str, str], ...] = ()
    checksums: Mapping[Place, str] = field(default_factory=dict[Place, str])
    alike: Mapping[int, int] = field(default_factory=dict[int, int])
    manifest: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def write(self, path: Path) -> StudyRecords:
        """Writes the comparison as records and reads it back."""
        folder = StudyFolder(path)
        folder.create()
        for norm in self.norms:
            for lr in self.lrs:
                for seed in self.seeds:
                    if (norm, lr, seed) not in self.missing:
                        self._write_run(folder, norm, lr, seed)
        folder.write_manifest(
            {
                "format": 1,
                "study": "comparison",
                "model": "mine.py:make_model",
                "data": "mine.py:make_batches",
                "loss": None,
                "optimizer": "sgd",
                "norms": list(self.norms),
                "lrs": list(self.lrs),
                "seeds": list(self.seeds),
                "steps": self.steps,
                "every": self.every,
                "insert": False,
                "landscope": "0.1.0",
                "versions": {"python": "3.11.0", "torch": "2.13.0"},
                "device": "cpu",
                "threads": 1,
                "workers": 2,
                "started": "2026-01-01T12:00:00+00:00",
                "seconds": 61.5,
                **self.manifest,
            }
        )
        return read_study(path)

    def _write_run(self, study: StudyFolder, norm: str, lr: float, seed: int) -> None:
        place = (norm, lr, seed)
        folder = study.run(f"{norm}-lr{lr:g}-seed{seed}")
        folder.create()
        config = {
            "model": "mine.py:make_model", "data": "mine.py:make_batches", "loss": None,
            "optimizer": "sgd", "norm": norm, "lr": lr, "seed": seed, "steps": self.steps,
            "every": self.every, "insert": False,
        }  # fmt: skip
        own = self.checksums.get(place, f"seed {seed}")
        folder.write_manifest(
            {"format": 1, "id": folder.id, "config": config, "layers": list(LAYERS), "seed": seed,
             "initial_weights": own, "parameters": 1234}
        )  # fmt: skip
        last = self.diverged.get(place, self.steps)
        if place in self.unfinished:
            last = self.steps // 2
        with Journal.create(folder) as journal:
            for reading in self._readings(norm, lr, seed):
                if reading.step < last and (reading.probe, reading.quantity) not in self.omitted:
                    journal.write(reading)
            if place not in self.unfinished:
                status = "diverged" if place in self.diverged else "finished"
                journal.finish(Outcome(status, last, 1.5))

    def _readings(self, norm: str, lr: float, seed: int) -> list[Reading]:
        seed = self.alike.get(seed, seed)
        random = np.random.default_rng(seed + 100 * list(self.norms).index(norm))
        own = 1 + self.noise * random.normal()
        level = self.level.get(norm, 0.5) * own
        found: list[Reading] = []
        for step in range(self.steps):
            fall = np.exp(-8 * step / self.steps)
            loss = float((level + (2.3 - level) * fall) * np.exp(random.normal(0, 0.005)))
            found.append(Reading(step, "training", "train_loss", loss, "loss"))
            if step % self.every:
                seconds = self.seconds.get(norm, 0.012) * float(random.uniform(0.99, 1.01))
                found.append(Reading(step, "training", "step_seconds", seconds, "s"))
            else:
                found += self._look(random, norm, lr, step)
                found.append(Reading(step, "training", "batches_checksum", float(seed + step)))
        return found

    def _look(self, random: np.random.Generator, norm: str, lr: float, step: int) -> list[Reading]:
        beta = self.beta.get(norm, 8.0) * float(random.uniform(0.95, 1.05))
        safe = self.safe.get(norm, 4.0) * lr * float(random.uniform(0.95, 1.05))
        slope = "loss / parameter^2"
        found = [
            Reading(step, "line[paper]", "effective_beta", beta, slope),
            Reading(step, "line[paper]", "beta_lr", beta * lr),
            Reading(step, "step_size", "safe_lr", safe),
            Reading(step, "step_size", "sharpness_lr", 0.8 * beta * lr),
        ]
        for number, layer in enumerate(LAYERS):
            cosine = 1.0 if number == 0 else float(np.tanh(random.normal(1.0, 0.2)))
            shift = 0.0 if number == 0 else float(np.exp(random.normal(-1.5, 0.2)))
            found.append(Reading(step, "covariate_shift", "shift_cosine", cosine, "1", layer))
            found.append(Reading(step, "covariate_shift", "shift_relative", shift, "1", layer))
        return found
