"""A study of small runs with two workers, as a program that can be killed.

``python -m torture.small_study FOLDER RUNS`` does what is left of it and exits with 0 when all is
done. It is the paper's study on its bundled data with a few steps of a few examples, noise and all;
each run has a checkpoint after every step.
"""

import sys
from pathlib import Path
from typing import Any

from landscope.errors import LandscopeError
from landscope.runs.folder import StudyFolder
from landscope.studies.engine import run_study
from landscope.studies.kind import Order
from landscope.studies.listener import Listener
from landscope.studies.santurkar2018.experiments import (
    FamilyPreset,
    Preset,
    load_preset,
)
from landscope.studies.santurkar2018.study import Santurkar2018

FIGURES = (2, 3, 5)


def preset(vgg_steps: int = 24, dln_steps: int = 120) -> Preset:
    """The paper's study, small: looks at every tenth of a run."""
    quick = load_preset("quick")

    def size(family: FamilyPreset, steps: int, **changes: Any) -> FamilyPreset:
        probing = family.probing.model_copy(
            update={
                "curve_every": 1,
                "evaluate_every": steps,
                "look_every": max(2, steps // 10),
                "theory_every": steps,
                "reference_inputs": 8,
                "bins": 4,
            }
        )
        return family.model_copy(update={"steps": steps, "probing": probing, **changes})

    return quick.model_copy(
        update={
            "vgg": size(quick.vgg, vgg_steps, batch_size=8),
            "dln": size(
                quick.dln,
                dln_steps,
                model="dln-5",
                layers={"figure_3": (2, 4), "figure_9": (1, 3, 5)},
            ),
        }
    )


def study() -> Santurkar2018:
    """Some figures of it."""
    return Santurkar2018(preset(), FIGURES)


def order(folder: Path, runs: int, *, every_step: bool = True) -> Order:
    """The first runs of it, twelve at most."""
    ids = tuple(run.id for run in study().runs()[:runs])
    every = 0.0 if every_step else float("inf")
    return Order(folder, "cpu", workers=2, only=ids, checkpoint_every=every)


def is_done(folder: Path, runs: int) -> bool:
    """Whether all of the runs have ended."""
    there = StudyFolder(folder)
    return all(there.run(run).outcome().ended for run in order(folder, runs).only)


def main() -> int:
    """Do what is left, and say in the exit code whether all is done."""
    folder, runs, *more = sys.argv[1:]
    every_step = "--left-alone" not in more
    try:
        run_study(study(), order(Path(folder), int(runs), every_step=every_step), Listener())
    except LandscopeError as error:  # a worker was killed, and with it its run
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
