"""Where a run goes on: at its last checkpoint where its state comes back to the bit, else anew."""

from collections.abc import Callable
from typing import TypeVar

from landscope.runs.recording import Recording
from landscope.studies.packing import Packed
from landscope.studies.training_state import TrainingState, room_for

_Parts = TypeVar("_Parts")


def resume(
    recording: Recording,
    parts: _Parts,
    state_of: Callable[[_Parts], TrainingState],
    make_anew: Callable[[], _Parts],
) -> tuple[_Parts, int]:
    """Begin a run's records, and put its parts where they stood.

    Args:
        recording: Of the run; readings can be written to it afterwards.
        parts: What the run is made of, as it is at the first step.
        state_of: The state of such parts.
        make_anew: Makes them again, for a checkpoint that does not come back to the bit has
            changed these: the run then begins at its first step, and loses nothing but time.

    Returns:
        The parts, and the steps that they have behind them.

    Raises:
        LandscopeError: As ``Recording`` says.
    """
    state = state_of(parts)
    packed = state.pack()
    if packed is None:
        recording.no_checkpoints()
    checkpoint = recording.newest(at_most=room_for(packed))
    if checkpoint and not state.restore(Packed(checkpoint.values, checkpoint.tensors)):
        checkpoint, parts = None, make_anew()
    recording.begin(checkpoint)
    return parts, checkpoint.step if checkpoint else 0


def keep(recording: Recording, state: TrainingState, step: int) -> None:
    """Write a checkpoint where it is time for one.

    Args:
        recording: Of the run.
        state: Of its parts, between two steps.
        step: Steps taken.

    Raises:
        StorageError: The disk refuses; the checkpoints before are as they were.
    """
    if not recording.due:
        return
    packed = state.pack()
    if packed is None:
        recording.no_checkpoints()
    else:
        recording.save(step, packed.values, packed.tensors)
