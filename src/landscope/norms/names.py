"""The names of the norms and their labels in figures and reports, without importing torch."""

from typing import Literal

NormName = Literal[
    "none",
    "batch",
    "noisy-batch",
    "noise",
    "l1",
    "l2",
    "linf",
    "layer",
    "group",
    "instance",
    "rms",
]

NORM_LABELS: dict[str, str] = {
    "none": "No norm",
    "batch": "Batch norm",
    "noisy-batch": "Noisy batch norm",
    "noise": "Noise without a norm",
    "l1": "L1 norm",
    "l2": "L2 norm",
    "linf": "L∞ norm",
    "layer": "Layer norm",
    "group": "Group norm",
    "instance": "Instance norm",
    "rms": "RMS norm",
    "as-is": "As it is",
}
"""By name, in the order in which they are shown. "as-is" is a user's own model, unchanged."""
