"""Probes: each measures one thing at a step, with a function of :mod:`landscope.measures`."""

from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.distribution import Distribution, Watched
from landscope.probes.gradient import Gradient
from landscope.probes.input_drift import InputDrift
from landscope.probes.line import FixedLine, PaperLine, RandomLine
from landscope.probes.noise_floor import NoiseFloor
from landscope.probes.noise_scale import NoiseScale
from landscope.probes.norm_health import NormHealth
from landscope.probes.optimum import NearestOptimum
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps, FirstStep, Schedule
from landscope.probes.snapshot import Snapshot, StepView
from landscope.probes.step_size import StepSize
from landscope.probes.table import PRESETS, PROBES
from landscope.probes.theory import Theory
from landscope.probes.update import Update

__all__ = [
    "PRESETS",
    "PROBES",
    "CovariateShift",
    "Distribution",
    "EverySteps",
    "FirstStep",
    "FixedLine",
    "Gradient",
    "InputDrift",
    "NearestOptimum",
    "NoiseFloor",
    "NoiseScale",
    "NormHealth",
    "PaperLine",
    "Probe",
    "RandomLine",
    "Schedule",
    "Snapshot",
    "StepSize",
    "StepView",
    "Theory",
    "Update",
    "Watched",
]
