"""What torch keeps beside a model and its tensors, put aside while a measurement runs."""

import sys
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
from torch import overrides
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.nn.utils import parametrize
from torch.utils import _python_dispatch
from torch.utils._device import DeviceContext

_UNPROFILED = threading.local()
"""Whether profilers are off in a thread: where one is within another, the outer ends it."""

_C: Any = torch._C  # pyright: ignore[reportPrivateUsage] (what has no public way to ask for it)


class _ForAll:
    """A setting of the whole process that several threads ask for: the last to leave ends it.

    Args:
        make: Makes a context in which the setting holds.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._inside = 0
        self._context: AbstractContextManager[Any] = nullcontext()

    @property
    def in_use(self) -> bool:
        """Whether any thread holds it now."""
        return self._inside > 0

    @contextmanager
    def held(self) -> Generator[None]:
        """Inside, the setting holds."""
        with self._lock:
            if not self._inside:
                self._context = self._make()
                self._context.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._context.__exit__(None, None, None)


_EAGER = _ForAll(lambda: torch.compiler.set_stance("force_eager"))


@contextmanager
def eager() -> Generator[None]:
    """Inside, what torch.compile made runs as it was written, in all threads.

    Compiled for the model's own tensors, it would be compiled again for those of each pass.
    """
    if "torch._dynamo" in sys.modules:
        with _EAGER.held():
            yield
    else:
        yield


_UNALARMED = _ForAll(lambda: torch.autograd.set_detect_anomaly(mode=False))


def no_anomaly_mode() -> AbstractContextManager[None]:
    """Inside, torch's anomaly detection is off: a loss that is NaN further on is a result."""
    return _UNALARMED.held()


class _Forgetting(dict[Any, Any]):
    """A cache that keeps nothing: its keys are ids of modules, and shadows come and go."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep nothing."""


@contextmanager
def _forgetting() -> Generator[None]:
    # There is no public way to ask for this: the cache is a dictionary of the module.
    cache = parametrize._cache  # pyright: ignore[reportPrivateUsage]
    parametrize._cache = _Forgetting()  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        parametrize._cache = cache if parametrize._cache_enabled else {}  # pyright: ignore[reportPrivateUsage]


_UNCACHED = _ForAll(_forgetting)


def no_cached_parametrizations() -> AbstractContextManager[None]:
    """Inside, parametrised weights are computed anew, also within ``parametrize.cached()``.

    What is cached there belongs to the model's own tensors.
    """
    return _UNCACHED.held()


@contextmanager
def _not_raising() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.filters[:] = [  # pyright: ignore[reportIndexIssue]
            ("default", *rest) if action == "error" else (action, *rest)
            for action, *rest in warnings.filters
        ]
        yield


_NOT_RAISING = _ForAll(_not_raising)


def no_warning_raises() -> AbstractContextManager[None]:
    """Inside, a warning that a filter makes an error is shown: it is none of the training's.

    Where no filter does, nothing is touched, as each change of the filters lets the training's own
    warnings be shown again.
    """
    if _NOT_RAISING.in_use or any(action == "error" for action, *_ in warnings.filters):
        return _NOT_RAISING.held()
    return nullcontext()


@contextmanager
def no_modes() -> Generator[None]:
    """Inside, no mode that is active around a training step sees what runs.

    A counter of its operations counts the training's alone, and a profiler notes one event for all
    that runs here. What a transform of ``torch.func`` goes through is not transformed. A default
    device stays. Nor does a warning raise.
    """
    with ExitStack() as stack:
        stack.enter_context(no_warning_raises())
        if _C._functorch.peek_interpreter_stack() is not None:
            stack.enter_context(temporarily_clear_interpreter_stack())
        for _ in _python_dispatch._get_current_dispatch_mode_stack():  # pyright: ignore[reportPrivateUsage]
            stack.enter_context(_python_dispatch._pop_mode_temporarily())  # pyright: ignore[reportPrivateUsage]
        functions = overrides._get_current_function_mode_stack()  # pyright: ignore[reportPrivateUsage]
        if any(not isinstance(mode, DeviceContext) for mode in functions):
            for _ in functions:
                stack.enter_context(overrides._pop_mode_temporarily())  # pyright: ignore[reportPrivateUsage]
            for mode in functions:
                if isinstance(mode, DeviceContext):
                    overrides._push_mode(mode)  # pyright: ignore[reportPrivateUsage]
                    stack.callback(overrides._pop_mode)  # pyright: ignore[reportPrivateUsage]
        if _C._autograd._profiler_enabled() and not getattr(_UNPROFILED, "inside", False):
            stack.enter_context(_unprofiled())
        yield


@contextmanager
def _unprofiled() -> Generator[None]:
    # With the time that is taken here, and without its operations: those are not the training's.
    with torch.profiler.record_function("landscope"):
        _C._autograd._enable_record_function(False)
        _UNPROFILED.inside = True
        try:
            yield
        finally:
            _UNPROFILED.inside = False
            _C._autograd._enable_record_function(True)
