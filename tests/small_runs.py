"""Small configurations of runs, of each of the paper's set-ups, and a place for their records."""

import dataclasses
from pathlib import Path

from landscope.runs import Outcome, RunFolder, RunRecords, read_run
from landscope.studies.engine import run
from landscope.studies.listener import Progress
from landscope.studies.machine import Machine
from landscope.studies.santurkar2018.experiments import Experiment, Probing
from landscope.studies.santurkar2018.training import PaperTraining

CPU = Machine("cpu", threads=1)
PROBING = Probing(
    curve_every=1,
    evaluate_every=2,
    look_every=2,
    theory_every=4,
    theory_units=1,
    multiples=(0.5, 2.0),
    fixed_etas=(1e-7,),
    reference_inputs=6,
    bins=4,
)


def vgg(**changes) -> Experiment:
    fields = {
        "family": "vgg",
        "model": "vgg-small",
        "norm": "batch",
        "data": "fashion-mnist",
        "lr": 0.1,
        "steps": 3,
        "batch_size": 8,
        "l2_penalty": 5e-4,
        "probes": ("covariate_shift", "distribution", "line", "reference_lines", "theory"),
        "watched": (2, 7),
        "probing": PROBING,
    }
    return Experiment(**{**fields, **changes})


def dln(**changes) -> Experiment:
    fields = {
        "family": "dln",
        "model": "dln-3",
        "norm": "none",
        "data": "gaussian",
        "lr": 1e-6,
        "steps": 5,
        "probes": ("covariate_shift", "distribution", "line", "reference_lines", "optimum"),
        "watched": (1, 3),
        "probing": PROBING,
    }
    return Experiment(**{**fields, **changes})


@dataclasses.dataclass
class Place:
    """Where runs go, and what they report on the way."""

    root: Path
    reports: list[Progress] = dataclasses.field(default_factory=list)

    def folder(self, config: Experiment) -> RunFolder:
        return RunFolder(self.root / config.id)

    def run(self, config: Experiment) -> Outcome:
        return run(PaperTraining, config, self.folder(config), CPU, self.reports.append)

    def records(self, config: Experiment) -> RunRecords:
        return read_run(self.folder(config).path)
