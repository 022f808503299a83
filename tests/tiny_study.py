"""The paper's experiments at a size that takes seconds: real data and models, a few steps.

As a program, it is ``landscope`` with this size in the place of ``quick``, on one core:
``python -m tests.tiny_study STEPS reproduce --figure 9``.
"""

import os
import sys
from pathlib import Path
from typing import Any

from landscope.studies.kind import Order
from landscope.studies.santurkar2018 import experiments
from landscope.studies.santurkar2018.experiments import FamilyPreset, Preset, load_preset
from landscope.studies.santurkar2018.study import Santurkar2018

QUICK = load_preset("quick")


def tiny_preset(steps: int = 4) -> Preset:
    """``quick`` with a few steps of a few examples, a look at every second, and a DLN of 5."""

    def size(family: FamilyPreset, **changes: Any) -> FamilyPreset:
        probing = family.probing.model_copy(
            update={
                "curve_every": 1,
                "evaluate_every": steps,
                "look_every": 2,
                "theory_every": 4,
                "reference_inputs": 8,
                "bins": 4,
            }
        )
        return family.model_copy(update={"steps": steps, "probing": probing, **changes})

    dln_layers = {"figure_3": (2, 4), "figure_9": (1, 3, 5)}
    return QUICK.model_copy(
        update={
            "vgg": size(QUICK.vgg, batch_size=8),
            "dln": size(QUICK.dln, model="dln-5", layers=dln_layers),
        }
    )


def tiny_study(figures: tuple[int, ...], steps: int = 4) -> Santurkar2018:
    """Some figures at that size."""
    return Santurkar2018(tiny_preset(steps), figures)


def tiny_order(out: Path, workers: int = 1) -> Order:
    """To run it on the CPU."""
    return Order(out, "cpu", workers)


def one_core() -> set[int]:
    """What ``os.sched_getaffinity`` says on a machine of one core; sums depend on the threads."""
    return {0}


def main() -> None:
    steps, *arguments = sys.argv[1:]
    experiments.load_preset = lambda _name: tiny_preset(int(steps))  # pyright: ignore
    os.sched_getaffinity = lambda _pid: one_core()  # pyright: ignore
    from landscope.cli import main as landscope

    landscope(arguments)


if __name__ == "__main__":
    main()
