"""Finding: batch norm's statistics depend on how many samples the batch has."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import larger, median_of
from landscope.findings.symptom import Symptom

HALVED = 0.1
"""Excess of the loss with statistics of half the batch from which on the batch is too small: with
enough samples two halves have the statistics of the whole, and the excess is a per cent or less."""


def _look(history: History) -> Case | None:
    stretch = lasting(history.series("norm_health", "half_batch_gap"), lambda value: value > HALVED)
    if stretch is None:
        return None
    return Case(
        "warning",
        "The batch is too small for its norm: with the statistics of half the batch the loss is "
        f"{larger(stretch.median)} ({median_of(stretch)}), so what is trained depends on the batch "
        "size as much as on the data.",
        Evidence.of("norm_health/half_batch_gap", stretch),
        "Take a larger batch; over several devices, share statistics (torch.nn.SyncBatchNorm); or "
        "take a norm that does not look at other samples, such as group or layer norm.",
    )


BATCH_TOO_SMALL_FOR_NORM = Symptom(
    "batch-too-small-for-norm",
    ("warning",),
    f"mean loss of the batch's halves, each with its own statistics, more than {HALVED:.0%} above "
    f"that of the whole {LASTING}",
    "Wu and He 2018, arXiv 1803.08494, section 4.1",
    _look,
)
