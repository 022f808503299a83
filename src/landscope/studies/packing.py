"""Nested Python values as JSON and tensors, and back: what torch.save does, without pickle.

A list is a JSON list; None, truths, whole numbers, texts and finite numbers are themselves; all
else is an object with a key that says what it is, as in ``{"tuple": [0.9, 0.999]}``. A tensor is
``{"tensor": name, "dtype": ..., "shape": ...}`` with its values beside the JSON; one that stands
in several places is kept once, and is one tensor again afterwards.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Arrays = dict[str, NDArray[np.generic]]

_NATIVE = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
_DTYPES = {str(d): d for d in vars(torch).values() if isinstance(d, torch.dtype)}
_SEQUENCES: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "deque": deque,
}


class CannotPack(TypeError):  # noqa: N818 (what is raised is the value's state)
    """A value is of a kind that only pickle could keep."""


class CannotUnpack(ValueError):  # noqa: N818
    """What was read is not what ``pack`` gives."""


@dataclass(frozen=True, eq=False)
class Packed:
    """Values as JSON and tensors.

    Args:
        values: JSON values.
        tensors: Arrays by the names that stand in the values.
    """

    values: Any
    tensors: Arrays

    @property
    def bytes(self) -> int:
        """Bytes of the tensors."""
        return sum(array.nbytes for array in self.tensors.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packed) or self.values != other.values:
            return False
        return self.tensors.keys() == other.tensors.keys() and all(
            array.tobytes() == other.tensors[name].tobytes() for name, array in self.tensors.items()
        )

    __hash__ = None  # type: ignore[assignment]


def pack(value: Any) -> Packed:
    """A value as JSON and tensors.

    Raises:
        CannotPack: Something in it is of a kind of its own.
    """
    packer = _Packer()
    return Packed(packer.put(value), packer.tensors)


def unpack(packed: Packed) -> Any:
    """The value that was packed, its tensors on the CPU.

    Raises:
        CannotUnpack: It is not what ``pack`` gives.
    """
    try:
        return _Unpacker(packed.tensors).take(packed.values)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CannotUnpack(f"{type(error).__name__}: {error}") from error


@dataclass
class _Packer:
    tensors: Arrays = field(default_factory=dict[str, NDArray[np.generic]])
    _known: dict[int, tuple[Any, Any]] = field(default_factory=dict[int, tuple[Any, Any]])

    def put(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is list:
            return [self.put(item) for item in value]
        if kind in (dict, OrderedDict):
            name = "dict" if kind is dict else "ordered"
            return {name: [[self.put(k), self.put(v)] for k, v in value.items()]}
        for name, sequence in _SEQUENCES.items():
            if kind is sequence and getattr(value, "maxlen", None) is None:
                items = sorted(value, key=repr) if kind is set else value
                return {name: [self.put(item) for item in items]}
        if isinstance(value, Tensor):
            return self._once(value, self._tensor)
        if kind is np.ndarray and value.dtype.kind in "biuf":
            return self._once(value, self._array)
        raise CannotPack(f"a {kind.__qualname__} cannot be kept in a checkpoint")

    def _once(self, value: Any, put: Callable[[Any], Any]) -> Any:
        # The value is kept as well, so that no other takes its identity meanwhile.
        if id(value) not in self._known:
            self._known[id(value)] = (value, put(value))
        return self._known[id(value)][1]

    def _tensor(self, tensor: Tensor) -> Any:
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
            raise CannotPack(f"a tensor of layout {tensor.layout} cannot be kept in a checkpoint")
        plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
        if plain.dtype not in _NATIVE:  # bfloat16 for one, which NumPy does not know
            plain = plain.reshape(-1).view(torch.uint8)
        name = self._keep(plain.numpy())
        return {"tensor": name, "dtype": str(tensor.dtype), "shape": list(tensor.shape)}

    def _array(self, array: NDArray[np.generic]) -> Any:
        return {"array": self._keep(array)}

    def _keep(self, array: NDArray[np.generic]) -> str:
        name = str(len(self.tensors))
        # A copy: what is packed must not change with the training.
        self.tensors[name] = np.array(array, order="C")
        return name


@dataclass
class _Unpacker:
    tensors: Arrays
    _known: dict[str, Any] = field(default_factory=dict[str, Any])

    def take(self, given: Any) -> Any:
        if isinstance(given, list):
            return [self.take(item) for item in cast("list[Any]", given)]
        if not isinstance(given, dict):
            return given
        node = cast("dict[str, Any]", given)
        kind = next(iter(node), "")
        inner: Any = node.get(kind)
        if kind == "float":
            return float(inner)
        if kind in ("dict", "ordered"):
            pairs = [(self.take(key), self.take(item)) for key, item in inner]
            return dict(pairs) if kind == "dict" else OrderedDict(pairs)
        if kind in _SEQUENCES:
            return _SEQUENCES[kind]([self.take(item) for item in inner])
        if kind not in ("tensor", "array"):
            raise ValueError(f"{kind!r} is no kind of value")
        if inner not in self._known:
            self._known[inner] = self._array(node) if kind == "array" else self._tensor(node)
        return self._known[inner]

    def _array(self, node: dict[str, Any]) -> NDArray[np.generic]:
        return self.tensors[node["array"]].copy()

    def _tensor(self, node: dict[str, Any]) -> Tensor:
        dtype = _DTYPES[node["dtype"]]
        content = bytearray(self.tensors[node["tensor"]].tobytes())
        flat = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
        return flat.reshape(node["shape"])
