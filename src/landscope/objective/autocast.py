"""Mixed precision as it stands at a moment, captured and replayed."""

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch.amp.autocast_mode import is_autocast_available

_AS_IT_IS = nullcontext()


@dataclass(frozen=True, slots=True)
class Autocast:
    """Torch's autocast at a moment.

    Args:
        types: For each type of device, whether its operations are cast and to which type.
        cache: Whether the casts of weights are kept for the rest of the block.
    """

    types: tuple[tuple[str, bool, torch.dtype], ...]
    cache: bool

    @classmethod
    def capture(cls, devices: Iterable[torch.device] = ()) -> "Autocast":
        """Autocast as it is now, on the CPU and on ``devices``."""
        others = {device.type for device in devices} - {"cpu"}
        kinds = ["cpu", *(kind for kind in sorted(others) if is_autocast_available(kind))]
        return cls(
            types=tuple(
                (kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))
                for kind in kinds
            ),
            cache=torch.is_autocast_cache_enabled(),
        )

    @property
    def dtypes(self) -> tuple[torch.dtype, ...]:
        """The types that operations are cast to; none where nothing is cast."""
        return tuple(dtype for _, enabled, dtype in self.types if enabled)

    def off(self) -> "Autocast":
        """The same device types with nothing cast."""
        return Autocast(tuple((kind, False, dtype) for kind, _, dtype in self.types), self.cache)

    @contextmanager
    def left(self) -> Generator[None]:
        """Inside, no autocast is active, as if no block had been entered.

        Torch keeps the casts of weights until the outermost block ends. A pass inside somebody
        else's block would read casts from there and leave its own behind; inside this one, they
        live no longer than the pass. Backward passes belong in here too: training steps take them
        outside autocast, which would cast what they compute.
        """
        kinds = [kind for kind, _, _ in self.types if torch.is_autocast_enabled(kind)]
        depth = torch.autocast_increment_nesting() - 1
        torch.autocast_decrement_nesting()
        try:
            for kind in kinds:
                torch.set_autocast_enabled(kind, False)
            for _ in range(depth):
                torch.autocast_decrement_nesting()
            if depth:
                torch.clear_autocast_cache()
            yield
        finally:
            for _ in range(depth):
                torch.autocast_increment_nesting()
            for kind in kinds:
                torch.set_autocast_enabled(kind, True)

    def replayed(self) -> AbstractContextManager[None]:
        """Inside, operations are cast as they were at this moment, and no differently."""
        if any(on or torch.is_autocast_enabled(kind) for kind, on, _ in self.types):
            return self._entered()
        # Nothing was cast and nothing is: this is asked for often, and must cost nothing.
        return _AS_IT_IS

    @contextmanager
    def _entered(self) -> Generator[None]:
        with ExitStack() as stack:
            for kind, enabled, dtype in self.types:
                stack.enter_context(
                    torch.autocast(kind, dtype=dtype, enabled=enabled, cache_enabled=self.cache)
                )
            yield
