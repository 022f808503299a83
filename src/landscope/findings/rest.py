"""A training that gets nowhere: its loss is what it was, or its gradient has gone before it."""

from landscope.findings.history import History, Series

FALLEN = 0.98
"""Share of the first loss below which it has fallen: batches differ by more than this, but the
loss of a training that learns is below it at most looks."""

HIGH = 0.8
"""Share of the first loss that is still high: where the outputs no longer depend on the inputs, a
loss is that of guessing, and a network begins near it or somewhat above."""

FADED = 0.1
"""Share of the first gradient norm that is next to nothing."""

_LOSSES = (("gradient", "loss"), ("training", "train_loss"))
_GRADIENTS = (("gradient", "gradient_norm"), ("line[paper]", "gradient_norm"))


def losses(history: History) -> tuple[str, Series]:
    """Key and series of the loss: of the looks, or of the training's curve where there is none."""
    return _first_read(history, _LOSSES)


def unmoved(history: History) -> frozenset[int]:
    """The steps at which the loss is what it was at first, or higher."""
    _, loss = losses(history)
    if not loss.steps or not loss.values[0] > 0:
        return frozenset()
    least = FALLEN * loss.values[0]
    return frozenset(step for step, value in loss.points.items() if value >= least)


def at_rest(history: History) -> frozenset[int]:
    """The steps at which the loss is high and the gradient is next to nothing."""
    _, loss = losses(history)
    _, gradient = _first_read(history, _GRADIENTS)
    if not loss.steps or not gradient.steps or not loss.values[0] > 0:
        return frozenset()
    most = FADED * gradient.values[0]
    norms = gradient.points
    return frozenset(
        step
        for step, value in loss.points.items()
        if value >= HIGH * loss.values[0] and step in norms and norms[step] <= most
    )


def _first_read(history: History, keys: tuple[tuple[str, str], ...]) -> tuple[str, Series]:
    for key in keys:
        read = history.series(*key)
        if read.steps:
            return "/".join(key), read
    return "", Series((), ())
