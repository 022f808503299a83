"""The state of a training between two steps: all that the coming steps depend on.

What has state follows torch's own custom: ``state_dict()`` gives it as plain values and tensors,
and ``load_state_dict(state)`` puts it back. A training is several of these together.
"""

import random
from collections.abc import Mapping
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from landscope.objective.exchange import STRUCTURE
from landscope.objective.random_state import RandomState, TorchStreams, devices_of
from landscope.studies.packing import CannotPack, Packed, pack, unpack

_ROOM = 16  # times what the state takes at the start: an optimiser's comes with its first steps
_MORE = 64 * 2**20


@runtime_checkable
class Stateful(Protocol):
    """What has state, as modules and optimisers of torch have it."""

    def state_dict(self) -> Any:
        """The state as plain values and tensors."""
        ...

    def load_state_dict(self, state: Any, /) -> object:
        """Put a state back."""
        ...


class TrainingState:
    """All that the coming steps of a training depend on.

    Args:
        parts: What has state, by name; put back in this order.
    """

    def __init__(self, parts: Mapping[str, Stateful]) -> None:
        self._parts = dict(parts)

    def pack(self) -> Packed | None:
        """The state now; None where something in it could be kept by pickle alone."""
        try:
            return pack({name: part.state_dict() for name, part in self._parts.items()})
        except CannotPack:
            return None

    def restore(self, packed: Packed) -> bool:
        """Put a state back; whether it stands now exactly as it was packed.

        Where it does not, the parts are in between and must be made anew: a state of other parts,
        or one that a part takes in without keeping every bit of it.
        """
        try:
            states = unpack(packed)
            if not isinstance(states, dict) or states.keys() != self._parts.keys():
                return False
            for name, state in cast("dict[str, Any]", states).items():
                self._parts[name].load_state_dict(state)
        except Exception:  # parts may be the user's own, and whatever they say, the answer is no
            return False
        return self.pack() == packed


def room_for(packed: Packed | None) -> int:
    """Bytes that the checkpoint of a training may have, from its state at the start."""
    return _MORE if packed is None else _MORE + _ROOM * packed.bytes


class ModelState:
    """A model's parameters, all of its buffers, and what its modules keep in plain attributes.

    ``state_dict`` of torch leaves out buffers that are not persistent and attributes, such as a
    count of calls, on which a forward pass may depend as well. What an attribute holds that is
    neither plain nor a tensor is taken to be the same in the model made anew; but not a random
    stream, of which a pass leaves another state: a model with one cannot be packed.

    Args:
        model: The model.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def state_dict(self) -> dict[str, Any]:
        """Tensors by their names, and attributes by the names of their modules."""
        return {
            "tensors": {name: tensor.detach() for name, tensor in self._tensors().items()},
            "attributes": {
                name: attributes
                for name, module in self._model.named_modules()
                if (attributes := _plain_attributes(module))
            },
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Write the values into the model's own tensors, so that an optimiser still holds them."""
        own = self._tensors()
        if own.keys() != state["tensors"].keys():
            raise ValueError("the model has other tensors")
        for name, tensor in own.items():
            saved = state["tensors"][name]
            if saved.shape != tensor.shape or saved.dtype != tensor.dtype:
                raise ValueError(f"{name} has another shape or type")
            tensor.copy_(saved)
        modules = dict(self._model.named_modules())
        for name, attributes in state["attributes"].items():
            before = vars(modules[name])
            for attribute, value in attributes.items():
                before[attribute] = _beside(before.get(attribute), value)

    def _tensors(self) -> dict[str, Tensor]:
        return {**dict(self._model.named_parameters()), **dict(self._model.named_buffers())}


def _plain_attributes(module: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        if name in STRUCTURE or name in ("_parameters", "_buffers"):
            continue
        try:
            packed = pack(value)
        except CannotPack:
            if _draws(value):
                raise
            continue
        # A parameter that an attribute holds as well is the model's, and is restored as such.
        if packed.tensors and _holds_parameter(value):
            continue
        found[name] = value
    return found


def _draws(value: Any) -> bool:
    """Whether an attribute is a random stream of the model's own, or holds one."""
    if isinstance(value, (dict, list, tuple)):
        inner = cast("list[Any]", list(value.values() if isinstance(value, dict) else value))
        return any(_draws(item) for item in inner)
    return isinstance(
        value, (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
    )


def _holds_parameter(value: Any) -> bool:
    if isinstance(value, nn.Parameter):
        return True
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, Tensor) or not hasattr(inner, "__iter__") or isinstance(inner, str):
        return False
    return any(_holds_parameter(item) for item in inner)


def _beside(before: Any, value: Any) -> Any:
    """A tensor on the device of the one whose place it takes."""
    if isinstance(value, Tensor) and isinstance(before, Tensor):
        return value.to(before.device).requires_grad_(before.requires_grad)
    return value


class Streams:
    """The random streams of the process that a training draws from: Python's, NumPy's, torch's.

    Args:
        model: On whose devices there are streams as well.
    """

    def __init__(self, model: nn.Module) -> None:
        self._devices = devices_of(model)

    def state_dict(self) -> dict[str, Any]:
        """The streams as they are."""
        return streams_to_state(RandomState.capture(self._devices))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set the streams."""
        streams_from_state(state).restore()


def streams_to_state(moment: RandomState) -> dict[str, Any]:
    """A moment of the random streams as plain values and tensors."""
    return {
        "python": moment.python,
        "numpy": moment.numpy,
        "cpu": moment.streams.cpu,
        "devices": {str(device): state for device, state in moment.streams.devices.items()},
    }


def streams_from_state(state: dict[str, Any]) -> RandomState:
    """The moment that ``streams_to_state`` was given."""
    devices = {torch.device(name): values for name, values in state["devices"].items()}
    return RandomState(state["python"], state["numpy"], TorchStreams(state["cpu"], devices))
