"""The rest of a pass in segments, which takes less memory and its forward arithmetic once more.

Between two segments only those tensors are kept that cross from one to the other; what else a
backward pass needs of a segment is computed again when it comes there. Chen et al. 2016, "Training
Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

from landscope.objective.parameters import Parameters
from landscope.objective.tape import Position, Tape


class GraphNeededError(Exception):
    """A pass whose graph was not kept goes through it all the same."""


def finish_in_segments(tape: Tape, position: Position, point: Parameters, segments: int) -> Tensor:
    """Run a pass to its end, and give its loss with a graph that holds one segment at a time.

    Args:
        tape: The pass.
        position: Where it stands; it is used up.
        point: The parameters; gradients are recorded for those that require one.
        segments: How many, where so many can be had.

    Raises:
        ReplayError: An operation does not run as it ran when it was recorded.
    """
    for end in tape.cuts(position.at, segments):
        # Checkpointing keeps what this closes over. Draws are part of the tape.
        run = partial(_advanced, tape, position, end, point)
        position = checkpoint(run, use_reentrant=False, preserve_rng_state=False)
    return tape.finish(position, point)


def _advanced(tape: Tape, position: Position, to: int, point: Parameters) -> Position:
    branch = tape.branch(position)
    tape.advance(branch, to, point, differentiate=True)
    return branch


@contextmanager
def no_graph_kept() -> Generator[None]:
    """Gradients are recorded as ever, but nothing is kept for a backward pass that never comes.

    Raises:
        GraphNeededError: One comes.
    """

    def forget(_: Tensor) -> None:
        return None

    def missing(_: None) -> Tensor:
        raise GraphNeededError("the pass differentiates something by itself")

    with saved_tensors_hooks(forget, missing):
        yield
