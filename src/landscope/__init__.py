"""See how normalisation shapes the loss landscape that your network trains on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscope import data as data
    from landscope import findings as findings
    from landscope import probes as probes
    from landscope import testing as testing
    from landscope.cost import Cost as Cost
    from landscope.cost import Work as Work
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
    from landscope.probes.probe import Probe as Probe
    from landscope.probes.schedule import EverySteps as EverySteps
    from landscope.probes.schedule import FirstStep as FirstStep
    from landscope.probes.snapshot import StepView as StepView
    from landscope.reading import Axis as Axis
    from landscope.reading import Reading as Reading
    from landscope.reading import Status as Status
    from landscope.reading import Writer as Writer
    from landscope.report.run import Run as Run
    from landscope.report.run import Study as Study
    from landscope.scope.scope import Scope as Scope

__version__ = "0.1.0"

# Where each public name lives. They are imported when first used: PyTorch takes seconds to load,
# and `landscope --help` must not wait for it.
_HOMES = {
    "Axis": "landscope.reading",
    "BatchNormTheory": "landscope.measures.batch_norm_theory",
    "Cost": "landscope.cost",
    "DataError": "landscope.errors",
    "EverySteps": "landscope.probes.schedule",
    "FirstStep": "landscope.probes.schedule",
    "LandscopeError": "landscope.errors",
    "LayerNoise": "landscope.measures.noise_floor",
    "LayerShift": "landscope.measures.covariate_shift",
    "Line": "landscope.measures.line",
    "NoiseFloor": "landscope.measures.noise_floor",
    "NoiseScale": "landscope.measures.noise_scale",
    "NormHealth": "landscope.measures.norm_health",
    "NormPlace": "landscope.norms.replace.plan",
    "Probe": "landscope.probes.probe",
    "Reading": "landscope.reading",
    "RecordError": "landscope.errors",
    "Run": "landscope.report.run",
    "Scope": "landscope.scope.scope",
    "Status": "landscope.reading",
    "StepSize": "landscope.measures.step_size",
    "StepView": "landscope.probes.snapshot",
    "StorageError": "landscope.errors",
    "Study": "landscope.report.run",
    "UsageError": "landscope.errors",
    "Work": "landscope.cost",
    "Writer": "landscope.reading",
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
_PACKAGES = ("data", "findings", "probes", "testing")

__all__ = [
    "Axis",
    "BatchNormTheory",
    "Cost",
    "DataError",
    "EverySteps",
    "FirstStep",
    "LandscopeError",
    "LayerNoise",
    "LayerShift",
    "Line",
    "NoiseFloor",
    "NoiseScale",
    "NormHealth",
    "NormPlace",
    "Probe",
    "Reading",
    "RecordError",
    "Run",
    "Scope",
    "Status",
    "StepSize",
    "StepView",
    "StorageError",
    "Study",
    "UsageError",
    "Work",
    "Writer",
    "__version__",
    "batch_norm_theory",
    "covariate_shift",
    "data",
    "findings",
    "line",
    "noise_floor",
    "noise_scale",
    "norm_health",
    "probes",
    "random_direction",
    "replace_norms",
    "step_size",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return import_module(f"landscope.{name}")
    raise AttributeError(f"module 'landscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
