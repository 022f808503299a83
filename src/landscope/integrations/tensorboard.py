"""Readings in TensorBoard's event files."""

import os
from itertools import pairwise

from landscope.files import expanded
from landscope.integrations.missing import missing
from landscope.integrations.series import Histogram, histogram_of, numbers_of, remark_of
from landscope.reading import Reading

try:
    from torch.utils.tensorboard import SummaryWriter
except ModuleNotFoundError as error:
    raise missing("tensorboard", "tensorboard") from error


class TensorBoardWriter:
    """Writes readings to an event file.

    Numbers are scalars under ``Reading.key``, a short list is one scalar for each coordinate and a
    long one a histogram; what a number cannot say is a text of the same name. TensorBoard keeps
    scalars in float32.

    Args:
        to: A folder for the event file; or a ``SummaryWriter``, which stays the caller's to close.
    """

    def __init__(self, to: str | os.PathLike[str] | SummaryWriter) -> None:
        self._own = not isinstance(to, SummaryWriter)
        self._log = to if isinstance(to, SummaryWriter) else SummaryWriter(str(expanded(to)))

    def write(self, reading: Reading) -> None:
        """Add a reading to the event file, at its own step."""
        for name, number in numbers_of(reading).items():
            self._log.add_scalar(name, number, reading.step)
        histogram = histogram_of(reading)
        if histogram is not None:
            self._add_histogram(reading, histogram)
        remark = remark_of(reading)
        if remark is not None:
            self._log.add_text(reading.key, remark, reading.step)

    def close(self) -> None:
        """Write what is held back, and close the event file where it is the writer's own."""
        self._log.flush()
        if self._own:
            self._log.close()

    def _add_histogram(self, reading: Reading, histogram: Histogram) -> None:
        centres = [(low + high) / 2 for low, high in pairwise(histogram.edges)]
        heights = histogram.heights
        self._log.add_histogram_raw(
            reading.key,
            min=histogram.edges[0],
            max=histogram.edges[-1],
            num=sum(heights),
            # TensorBoard asks for moments; of a histogram they are known to a bin's width.
            sum=sum(height * at for height, at in zip(heights, centres, strict=True)),
            sum_squares=sum(height * at**2 for height, at in zip(heights, centres, strict=True)),
            bucket_limits=list(histogram.edges[1:]),
            bucket_counts=list(heights),
            global_step=reading.step,
        )
