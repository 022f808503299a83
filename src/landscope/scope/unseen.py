"""Blocks without an update: the given optimiser does not step, or not in the block."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from landscope.objective.global_state import no_modes
from landscope.quantities import SCOPE
from landscope.reading import Reading
from landscope.scope.warn import warn

LONG = 100
"""Blocks without an update after which to warn, if the weights changed anyway."""

LONGEST = 1000
"""The same if they did not, as with very many accumulated batches: no update is likely to come."""

_FEW = 3  # blocks without an update that need no warning: a scaler may skip the first
_LONGER = 4  # multiple of the largest number of accumulated batches
_OUTSIDE = (
    "the weights changed, but outside the blocks: put optimizer.step() inside `with "
    "scope.step(...)`"
)
_ANOTHER = (
    "the weights changed, so another optimiser stepped: give Scope the optimiser whose step() the "
    "loop calls, as it is after loading a checkpoint, or the inner one if it wraps another (SAM); "
    "give optimizer=None if the loop updates the weights by hand"
)
_UNKNOWN = (
    "put optimizer.step() inside `with scope.step(...)`, and give Scope the optimiser whose step() "
    "the loop calls"
)
_NEITHER = "the weights did not change either: put optimizer.step() inside `with scope.step(...)`"

_CHANGED = {
    "inside": SCOPE.weights_changed_inside,
    "outside": SCOPE.weights_changed_outside,
}


class Unseen:
    """Counts the blocks since the last update, and warns when they are too many.

    Args:
        model: The network, whose weights may change without an update of the optimiser.
        write: Takes the readings that record them.

    Attributes:
        step: Number of the coming update.
    """

    def __init__(self, model: nn.Module, write: Callable[[Reading], None]) -> None:
        self.step = 0
        self._model = model
        self._write = write
        self._blocks = 0
        self._longest = 0
        self._updated = False
        self._said = False
        self._changed: dict[str, bool] = {}
        self._weights: list[float] | None = None

    def entered(self) -> None:
        """A block begins."""
        if self._blocks and not self._updated:
            self._compare("outside")

    def left(self) -> None:
        """A block has ended without an update."""
        self._blocks += 1
        if not self._updated and self._blocks <= LONG:
            self._compare("inside")
        moved = any(self._changed.values()) or self._updated
        if self._blocks == max(LONG if moved else LONGEST, _LONGER * self._longest):
            self._say()

    def updated(self) -> None:
        """The optimiser has stepped."""
        if self._said:
            self._record(0)
        self._longest = max(self._longest, self._blocks + 1)
        self._blocks, self._updated, self._said, self._weights = 0, True, False, None

    def end(self) -> None:
        """No block follows."""
        if self._said:
            self._record(self._blocks)
        elif not self._updated and (self._blocks >= _FEW or any(self._changed.values())):
            self._say()

    @property
    def summary(self) -> str:
        """A warning for the user; empty if updates were seen."""
        return f"no update seen in {self._blocks} blocks" if self._said else ""

    def _say(self) -> None:
        self._said = True
        self._record(self._blocks)
        blocks = f"{self._blocks} block{'s' * (self._blocks != 1)}"
        text = f"no step of the optimiser was seen in {blocks}, so nothing is measured"
        warn(f"{text}; {self._reason}")

    @property
    def _reason(self) -> str:
        if self._updated or not self._changed:
            return _UNKNOWN
        if self._changed.get("inside"):
            return _ANOTHER
        return _OUTSIDE if self._changed.get("outside") else _NEITHER

    def _record(self, blocks: int) -> None:
        self._write(SCOPE.blocks_without_update.at(self.step, float(blocks)))
        if blocks and not self._updated:
            for where, changed in self._changed.items():
                self._write(_CHANGED[where].at(self.step, float(changed)))

    def _compare(self, where: str) -> None:
        """Compare the weights with those before, by a norm of each tensor."""
        if any(self._changed.values()):
            return
        known, self._weights = (
            self._weights,
            norms_of(p for p in self._model.parameters() if p.requires_grad),
        )
        if known is not None and self._weights is not None:
            self._changed[where] = differ(known, self._weights)


def norms_of(tensors: Iterable[Tensor]) -> list[float] | None:
    """A norm of each tensor, to see whether it changes; None if a tensor does not allow it."""
    try:
        with no_modes(), torch.no_grad():
            norms = [torch.linalg.vector_norm(each, dtype=torch.float32) for each in tensors]
            return torch.stack([norm.to(norms[0].device) for norm in norms]).tolist()
    except Exception:
        return None


def differ(known: list[float] | None, norms: list[float] | None) -> bool:
    """Whether two such lists, both known, differ."""
    return known is not None and norms is not None and str(known) != str(norms)  # NaN is not NaN
