"""The labels of a batch, and whether they are all but one and the same."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from landscope.objective.batch import IN_BATCH

_NAMES = ("labels", "label", "targets", "target", "y")
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def largest_class(inputs: Any, targets: Any, least: int) -> tuple[float, int] | None:
    """Share of the most frequent class among a batch's labels, and its number.

    Args:
        inputs: The batch; where no targets are given it holds them under a usual name, or last.
        targets: One integer a sample, shape (samples,); anything else has no classes.
        least: Samples below which it says nothing.

    Returns:
        A share from 0 to 1 and the class; None where there are no such labels.
    """
    labels = _labels(inputs) if targets is IN_BATCH else targets
    if not isinstance(labels, Tensor) or labels.ndim != 1 or labels.dtype not in _INTEGERS:
        return None
    if len(labels) < least:
        return None
    classes, counts = labels.unique(return_counts=True)
    most = int(counts.argmax())
    return float(counts[most]) / len(labels), int(classes[most])


def _labels(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        named = cast("Mapping[Any, Any]", batch)
        return next((named[name] for name in _NAMES if name in named), None)
    if isinstance(batch, (tuple, list)) and len(cast("list[Any]", batch)) == 2:
        return cast("list[Any]", batch)[1]
    return None
