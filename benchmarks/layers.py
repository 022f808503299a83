"""The layers of a network, seen from outside: hooks on its modules and nothing of landscope.

So what judges landscope finds the layers, their order and their shapes by itself.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from landscope.errors import UsageError

# What bears a weight in the networks of the benchmark; whatever else has parameters is a norm.
_WEIGHTS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding, nn.MultiheadAttention)


@dataclass
class Layer:
    """A weight-bearing module as one pass used it.

    Args:
        name: Its name in ``model.named_modules()``.
        module: The module.
        parameters: Names of its own parameters and of the norm's that follows it.
        inputs: Shape of what it was given.
        outputs: Shape of what it gave.
        input_has_gradient: Whether a gradient flows on from it to what came before.
    """

    name: str
    module: nn.Module
    parameters: list[str]
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    input_has_gradient: bool = False


@dataclass
class _Watch:
    """The layers that have been entered so far."""

    found: list[Layer] = field(default_factory=list[Layer])

    def enter(self, name: str, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        own = [f"{name}.{parameter}" for parameter, _ in module.named_parameters(recurse=False)]
        if not isinstance(module, _WEIGHTS):
            self.found[-1].parameters += own
            return
        if any(layer.module is module for layer in self.found):
            raise UsageError(
                f"module {name!r} was used twice",
                "the closed formulas are those of networks that use each module once",
                "leave this network out of the benchmark",
            )
        inputs = tuple(args[0].shape)
        layer = Layer(name, module, own, inputs, (), args[0].requires_grad)
        self.found.append(layer)
        if isinstance(module, nn.MultiheadAttention):
            # Attention uses its out-projection's weight without calling that module.
            out = f"{name}.out_proj"
            names = [f"{out}.{parameter}" for parameter, _ in module.out_proj.named_parameters()]
            self.found.append(Layer(out, module.out_proj, names, inputs, inputs, True))

    def leave(self, module: nn.Module, output: Tensor) -> None:
        for layer in self.found:
            if layer.module is module and not layer.outputs:
                layer.outputs = tuple(output.shape)


def layers_of(model: nn.Module, inputs: Tensor) -> list[Layer]:
    """The layers in the order in which a pass enters them.

    Args:
        model: The network, which keeps its running statistics.
        inputs: A batch for it.

    Raises:
        UsageError: A module is used twice.
    """
    watch = _Watch()
    handles = []
    for name, module in model.named_modules():
        if not list(module.parameters(recurse=False)):
            continue
        handles.append(
            module.register_forward_pre_hook(
                lambda module, args, name=name: watch.enter(name, module, args)
            )
        )
        handles.append(
            module.register_forward_hook(
                lambda module, _, output: watch.leave(
                    module, output[0] if isinstance(output, tuple) else output
                )
            )
        )
    kept = [buffer.clone() for buffer in model.buffers()]
    try:
        model(inputs)
    finally:
        for buffer, value in zip(model.buffers(), kept, strict=True):
            buffer.copy_(value)
        for handle in handles:
            handle.remove()
    return watch.found
