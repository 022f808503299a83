"""How the runs of a study are kept against being stopped."""

from dataclasses import dataclass

from landscope.errors import UsageError

CHECKPOINT_SECONDS = 30.0
"""Between two checkpoints: the most that a stop costs, unless a checkpoint takes long itself."""


@dataclass(frozen=True)
class Keeping:
    """How a run is kept against being stopped.

    Args:
        seconds: Between two checkpoints, at least; more where they would take over a twentieth of
            the time. 0 for one after every step, infinity for none.
        accept_changes: Whether a run goes on under another version, device or number of threads.
    """

    seconds: float = CHECKPOINT_SECONDS
    accept_changes: bool = False


def keeping_of(seconds: float, accept_changes: bool) -> Keeping:
    """The keeping that is asked for.

    Raises:
        UsageError: The seconds have no meaning.
    """
    if not seconds >= 0:
        raise UsageError(
            f"checkpoint-every = {seconds:g}",
            "it is a number of seconds, at least 0",
            "give 30 for one every half minute, 0 for one after each step, or inf for none",
        )
    return Keeping(seconds, accept_changes)
