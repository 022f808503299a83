"""The arithmetic of one forward pass, layer by layer: what the cost of a probe is told in."""

from torch.utils.flop_counter import FlopCounterMode

from landscope.cost import Work
from landscope.landscape.layers import layers_in_order
from landscope.landscape.objective import Objective
from landscope.landscape.parameters import Parameters
from landscope.landscape.recording import record


def work_of(objective: Objective, parameters: Parameters, samples: int) -> Work:
    """The arithmetic of one pass, counted by torch: products of matrices and convolutions.

    Where nothing is counted, or the pass cannot be cut into layers, it is taken to be equal.

    Args:
        objective: The network and a batch; of how many samples makes no difference to the shares.
        parameters: Any point.
        samples: Samples in the batch whose work it is to be.
    """
    recording = record(objective, parameters)
    layers = layers_in_order(objective.model, recording.first_uses)
    tape = recording.tape
    if tape is None:
        return Work.equal(len(layers), samples)
    ends = [recording.first_uses[layer.parameters[0]] for layer in layers[1:]]
    counts: list[int] = []
    with objective.random_state.streams.kept(), objective.autocast.left():
        position = tape.start(objective.buffers)
        for end in [*ends, len(tape.operations)]:
            with FlopCounterMode(display=False) as counter:
                tape.advance(position, end, parameters)
            counts.append(counter.get_total_flops())
    total = sum(counts)
    if total == 0:
        return Work.equal(len(layers), samples)
    return Work(tuple(count / total for count in counts), samples)
