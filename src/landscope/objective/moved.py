"""The gradient of each layer with the layers before it moved, for the least arithmetic.

What comes before layer i computes the same whatever layer i and those behind it are. So one pass
with all layers moved is recorded, and what its modules gave is kept. In the pass for layer i each
call of a module that had ended before layer i was first used gives its output again. All that lies
between modules runs as ever, and so does every module that is not known to be a pure function.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.forward_ad import unpack_dual
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._pytree import tree_leaves, tree_map

from landscope.objective.checks import check_dependence
from landscope.objective.layers import KNOWN, FirstUses, Layer, execution_order
from landscope.objective.objective import Objective
from landscope.objective.parameters import Parameters, memory_of
from landscope.objective.random_state import TorchStreams


class MovedPasses:
    """Passes in which some layers stand after a step, and the others before it.

    Args:
        objective: The batch and the network.
        before: Parameters before the step.
        after: Parameters after it, of the same names.

    Raises:
        UsageError: ``loss_fn`` gave something else than one number, or one that no parameter
            enters.
    """

    def __init__(self, objective: Objective, before: Parameters, after: Parameters) -> None:
        self._objective = objective
        self._before = before
        self._after = after
        self._calls: list[_Call] = []
        # Every pass gets its weights anew, as it may write on them, and all in the same memory.
        self._memory = {name: torch.empty_like(tensor) for name, tensor in after.items()}
        self.order: list[Layer] = self._record() or execution_order(objective, after)

    def gradients(self, positions: Iterable[int], use: Callable[[int, Parameters], None]) -> None:
        """The gradient of the loss by single layers, each with all layers before it moved.

        Args:
            positions: Places of these layers in the order of execution.
            use: Takes each place with the gradient, over the layer's own parameters: the last
                layer's first, as that takes the least memory.
        """
        for position in sorted(positions, reverse=True):
            use(position, self._gradient(position))

    def _record(self) -> list[Layer]:
        """The layers in the order of execution; empty if the pass cannot be recorded."""
        # Without shadows, whoever calls the model meanwhile would be given what was kept.
        if not self._objective.standing.shadows:
            return []
        point = self._leaves(self._after)
        recorder = _Recorder(self._objective, point)
        try:
            with torch.enable_grad(), self._objective.at(point) as run, recorder.recording():
                loss = run()
        except torch.OutOfMemoryError:
            raise
        except Exception:
            return []  # it runs as it is, or says again why it does not run
        check_dependence(loss, list(point))
        self._objective.graphs.check(loss, self._objective.standing.tensors)
        if not self._objective.graphs.hides_a_part:
            self._calls = recorder.calls
        KNOWN[self._objective] = recorder.uses.order.layers
        return KNOWN[self._objective]

    def _gradient(self, position: int) -> Parameters:
        own = self.order[position].parameters
        moved = (name for layer in self.order[:position] for name in layer.parameters)
        mixed = self._before | {name: self._after[name] for name in moved}
        if self._calls:
            point = self._leaves(mixed)
            try:
                with torch.enable_grad(), self._objective.at(point) as run:
                    _give_again(self._calls, self._objective.model, position)
                    return self._objective.gradient_of(run(), {name: point[name] for name in own})
            except torch.OutOfMemoryError:
                raise
            except Exception:  # a pass that needs what was left out runs whole
                self._calls = []
        return self._objective.gradient(mixed, of=own)[2]

    def _leaves(self, parameters: Parameters) -> Parameters:
        """A point for one pass, by which gradients are recorded."""
        for name, memory in self._memory.items():
            memory.copy_(parameters[name].detach())
        return {name: memory.detach().requires_grad_() for name, memory in self._memory.items()}


@dataclass(eq=False)
class _Call:
    """One call of a pure module in the pass that was recorded.

    Args:
        module: The module.
        number: How many such calls began before it.
        last: Number of the last call that was made in it.
        used: How many layers had been used when it ended.
        output: A copy of what it gave; None where it has to run.
        buffers: Copies of what it left in the module's buffers.
        parts: Of a sequence, the calls of its parts, by their places in it: of those from the first
            on before which nothing was drawn and no buffer written on that nobody keeps.
    """

    module: nn.Module
    number: int
    last: int = 0
    used: int = 0
    output: Any = None
    buffers: list[Tensor] = field(default_factory=list[Tensor])
    parts: dict[int, "_Call"] = field(default_factory=dict[int, "_Call"])

    def again(self) -> Any:
        """What it gave, in tensors that anyone may write on."""
        self.put_back()
        output = self.output
        return _fresh(output) if isinstance(output, Tensor) else tree_map(_fresh, output)

    def put_back(self) -> None:
        """Leave in the module's buffers what it left there."""
        if self.buffers:
            for buffer, left in zip(self.module.buffers(), self.buffers, strict=True):
                buffer.copy_(left)

    def last_part_again(self) -> tuple[int, "_Call"] | None:
        """The last part of a sequence that gives again what it gave, and its place."""
        kept = [(place, part) for place, part in self.parts.items() if part.output is not None]
        return kept[-1] if kept else None


class _Recorder:
    """Keeps what the pure modules of a network give in one pass.

    Args:
        objective: The batch and the network.
        point: Where the network stands, in tensors of this pass alone.
    """

    def __init__(self, objective: Objective, point: Parameters) -> None:
        self._objective = objective
        self.uses = FirstUses(objective.model, point)
        self.calls: list[_Call] = []
        self._saved = 0  # tensors so far that autograd would keep for a backward pass

    @contextmanager
    def recording(self) -> Generator[None]:
        """Inside, the pass runs once, while the model stands at the point.

        Nothing is kept for a backward pass.

        Raises:
            RuntimeError: The pass takes a derivative itself, through modules that later would give
                numbers without a past.
        """

        def count(_: Tensor) -> None:
            self._saved += 1

        def missing(_: None) -> Tensor:
            raise RuntimeError("the pass takes a derivative itself")

        for module in self._objective.model.modules():
            if _is_pure(module) and _gives_tensors_of_its_own(module):
                vars(module)["forward"] = self._recorded(module, module.forward)
        with saved_tensors_hooks(count, missing), self.uses:
            yield

    def _recorded(self, module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            call = _Call(module, len(self.calls))
            self.calls.append(call)
            streams, saved = self._streams(), self._saved
            if type(module) is nn.Sequential:
                output = self._in_parts(call, streams, *args, **kwargs)
            else:
                output = forward(*args, **kwargs)
            call.last = len(self.calls) - 1
            call.used = self.uses.order.last + 1
            tensors = [leaf for leaf in tree_leaves(output) if leaf is not None]
            # Where somebody else keeps what autograd saves, a checkpoint will run the module again.
            has_past = any(isinstance(t, Tensor) and t.requires_grad for t in tensors)
            ours = self._saved > saved or not has_past
            if ours and all(map(_is_plain, tensors)) and self._streams() == streams:
                self._keep(call, output)
            return output

        return run

    def _in_parts(self, call: _Call, streams: TorchStreams, given: Any) -> Any:
        """What a sequence gives, as its own ``forward`` computes it."""
        ours = True
        for place, part in enumerate(cast("nn.Sequential", call.module)):
            number = len(self.calls)
            given = part(given)
            recorded = self.calls[number] if len(self.calls) > number else None
            if recorded is None or recorded.module is not part:
                ours = ours and next(part.buffers(), None) is None
            elif ours and recorded.output is not None and self._streams() == streams:
                call.parts[place] = recorded
            else:
                ours = False
        return given

    def _keep(self, call: _Call, output: Any) -> None:
        call.output = tree_map(_kept, output)
        call.buffers = [buffer.clone() for buffer in call.module.buffers()]
        for inner in self.calls[call.number + 1 :]:
            if inner.used == call.used:
                inner.output = None  # wherever it could be left out, the outer one is

    def _streams(self) -> TorchStreams:
        return TorchStreams.capture(self._objective.random_state.streams.devices)


def _give_again(calls: list[_Call], model: nn.Module, position: int) -> None:
    """Let a network's modules give what they gave before a layer, as long as it stands.

    Args:
        calls: Those of the pass that was recorded.
        model: The network.
        position: Place of the layer. What is kept of it and those behind it is let go.
    """
    following = 0

    def instead(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal following
            call = calls[following] if following < len(calls) else None
            if call is None or call.module is not module:
                following = len(calls)  # behind the layer, a pass may go another way
                return forward(*args, **kwargs)
            if call.output is not None:
                following = call.last + 1
                return call.again()
            following += 1
            found = call.last_part_again()
            if found is None:
                return forward(*args, **kwargs)
            # A sequence goes on from the last of its parts that need not run.
            place, part = found
            for earlier in call.parts.values():
                if earlier.number < part.number:
                    earlier.put_back()
            following, output = part.last + 1, part.again()
            for later in list(cast("nn.Sequential", module))[place + 1 :]:
                output = later(output)
            return output

        return run

    for call in calls:
        if call.used > position:
            call.output = None
    recorded = {call.module for call in calls}
    for module in model.modules():
        if module in recorded:
            vars(module)["forward"] = instead(module, module.forward)


_KNOWN = ("torch.nn.modules.", "landscope.norms.")


def _is_pure(module: nn.Module) -> bool:
    """Whether all that a call does is to give what follows from its arguments and the weights.

    It may write on its buffers and draw random numbers. Known of torch's own modules and the norms
    here, as far as nobody has changed them, and of sequences of them.
    """
    if "forward" in vars(module) or getattr(module, "inplace", False):
        return False
    if type(module) is nn.Sequential:
        parts = list(module.children())
        return all(map(_is_pure, parts)) and not any(map(_has_hooks, parts))
    return (
        type(module).__module__.startswith(_KNOWN)
        and (isinstance(module, nn.MultiheadAttention) or not list(module.children()))
        and getattr(module, "max_norm", None) is None  # by which an embedding writes on its weights
        and all(type(p) in (Tensor, nn.Parameter) for p in module.parameters())
    )


def _has_hooks(module: nn.Module) -> bool:
    return any(vars(module)[name] for name in ("_forward_pre_hooks", "_forward_hooks"))


def _gives_tensors_of_its_own(module: nn.Module) -> bool:
    # What has no weights may give its input, or a view of it, on which somebody may write.
    return next(module.parameters(), None) is not None


def _is_plain(tensor: Any) -> bool:
    """Whether something is a tensor that can be given again, and not one in a derivative."""
    return (
        type(tensor) is Tensor
        and memory_of(tensor) is not None
        and unpack_dual(tensor).tangent is None
    )


def _kept(tensor: Tensor | None) -> Tensor | None:
    """A copy without a past, which says whether the tensor has one."""
    if tensor is None:
        return None
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def _fresh(kept: Tensor | None) -> Tensor | None:
    """A copy of what was kept. It has a past where that had one, as hooks expect it."""
    if kept is None:
        return None
    return kept.detach().requires_grad_(kept.requires_grad).clone()
