"""See how normalisation shapes the loss landscape that your network trains on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscope.errors import DataError as DataError
    from landscope.errors import LandscopeError as LandscopeError
    from landscope.errors import RecordError as RecordError
    from landscope.errors import StorageError as StorageError
    from landscope.errors import UsageError as UsageError
    from landscope.measures.batch_norm_theory import BatchNormTheory as BatchNormTheory
    from landscope.measures.batch_norm_theory import batch_norm_theory as batch_norm_theory
    from landscope.measures.covariate_shift import LayerShift as LayerShift
    from landscope.measures.covariate_shift import covariate_shift as covariate_shift
    from landscope.measures.line import Line as Line
    from landscope.measures.line import line as line
    from landscope.measures.noise_floor import LayerNoise as LayerNoise
    from landscope.measures.noise_floor import NoiseFloor as NoiseFloor
    from landscope.measures.noise_floor import noise_floor as noise_floor
    from landscope.measures.noise_scale import NoiseScale as NoiseScale
    from landscope.measures.noise_scale import noise_scale as noise_scale
    from landscope.measures.norm_health import NormHealth as NormHealth
    from landscope.measures.norm_health import norm_health as norm_health
    from landscope.measures.random_direction import random_direction as random_direction
    from landscope.measures.step_size import StepSize as StepSize
    from landscope.measures.step_size import step_size as step_size
    from landscope.norms.replace.model import replace_norms as replace_norms
    from landscope.norms.replace.plan import NormPlace as NormPlace
    from landscope.report.run import Run as Run
    from landscope.report.run import Study as Study
    from landscope.scope.scope import Scope as Scope

__version__ = "0.1.0"

# Where each public name lives. They are imported when first used: PyTorch takes seconds to load,
# and `landscope --help` must not wait for it.
_HOMES = {
    "BatchNormTheory": "landscope.measures.batch_norm_theory",
    "DataError": "landscope.errors",
    "LandscopeError": "landscope.errors",
    "LayerNoise": "landscope.measures.noise_floor",
    "LayerShift": "landscope.measures.covariate_shift",
    "Line": "landscope.measures.line",
    "NoiseFloor": "landscope.measures.noise_floor",
    "NoiseScale": "landscope.measures.noise_scale",
    "NormHealth": "landscope.measures.norm_health",
    "NormPlace": "landscope.norms.replace.plan",
    "RecordError": "landscope.errors",
    "Run": "landscope.report.run",
    "Scope": "landscope.scope.scope",
    "StepSize": "landscope.measures.step_size",
    "StorageError": "landscope.errors",
    "Study": "landscope.report.run",
    "UsageError": "landscope.errors",
    "batch_norm_theory": "landscope.measures.batch_norm_theory",
    "covariate_shift": "landscope.measures.covariate_shift",
    "line": "landscope.measures.line",
    "noise_floor": "landscope.measures.noise_floor",
    "noise_scale": "landscope.measures.noise_scale",
    "norm_health": "landscope.measures.norm_health",
    "random_direction": "landscope.measures.random_direction",
    "replace_norms": "landscope.norms.replace.model",
    "step_size": "landscope.measures.step_size",
}

__all__ = [
    "BatchNormTheory",
    "DataError",
    "LandscopeError",
    "LayerNoise",
    "LayerShift",
    "Line",
    "NoiseFloor",
    "NoiseScale",
    "NormHealth",
    "NormPlace",
    "RecordError",
    "Run",
    "Scope",
    "StepSize",
    "StorageError",
    "Study",
    "UsageError",
    "__version__",
    "batch_norm_theory",
    "covariate_shift",
    "line",
    "noise_floor",
    "noise_scale",
    "norm_health",
    "random_direction",
    "replace_norms",
    "step_size",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'landscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
