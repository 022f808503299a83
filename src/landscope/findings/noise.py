"""The noise of the batch: which share of a full-batch step's progress its size allows."""

from landscope.findings.history import History, Series
from landscope.findings.phrase import number

REFERENCE = "McCandlish et al. 2018, arXiv 1812.06162, section 2.2"


def efficiency(history: History) -> Series:
    """``1 / (1 + noise scale / batch size)``; an estimate outside (0, 1] is none."""
    read = history.series("noise_scale", "efficiency")
    return Series.of({step: value for step, value in read.points.items() if 0 < value <= 1})


def sizes(history: History, steps: tuple[int, ...]) -> str:
    """Noise scale and batch size in words, as far as they were read."""
    scale = history.series("noise_scale", "noise_scale").on(steps)
    batch = history.series("noise_scale", "batch_size").on(steps)
    if not scale.steps or not batch.steps:
        return ""
    return (
        f", as the noise scale is {number(scale.median)} samples and the batch has "
        f"{number(batch.median)}"
    )
