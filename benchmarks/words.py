"""Numbers as tables show them."""

from benchmarks.clock import Seconds


def giga(operations: float) -> str:
    """Operations, in thousand millions, to three digits."""
    return f"{operations / 1e9:.3g}" if operations < 1e12 else f"{operations / 1e9:.0f}"


def mega(size: float) -> str:
    """Bytes, in millions."""
    return f"{size / 1e6:.3g}" if size < 1e9 else f"{size / 1e6:.0f}"


def spread(seconds: Seconds) -> str:
    """The median, the shortest and the longest; in milliseconds where it is short."""
    scale, unit, digits = (1e3, " ms", 3) if seconds.median < 1 else (1, " s", 3)
    middle, least, most = (
        f"{value * scale:.{digits}g}" for value in (seconds.median, seconds.least, seconds.most)
    )
    return f"{middle}{unit}\n({least} - {most})"
