"""Devices: whether one is there, asked before anything is begun on it."""

import torch

from landscope.errors import UsageError


def check_device(name: str) -> None:
    """Refuse a device that torch does not know or that is not there.

    Raises:
        UsageError: As said, with the devices that are there.
    """
    there = ["cpu"]
    there += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    there += ["mps"] if torch.backends.mps.is_available() else []
    try:
        # "cuda" stands for the first GPU, "cpu:0" for the CPU.
        known = str(torch.device(name)) in {*there, "cuda" if "cuda:0" in there else "cpu", "cpu:0"}
    except RuntimeError:
        known = False
    if not known:
        raise UsageError(
            f"device = {name!r}",
            "a run takes place on a device that is there",
            f"choose among {', '.join(there)}",
        )
