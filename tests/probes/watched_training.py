"""A training under probes, and every byte that they could have changed, step by step."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from tests.probes.one_look import scoped
from tests.small_networks import TARGET, Setting
from torch import nn

from landscope.measures.batch_norm_theory import BatchNorm
from landscope.probes.covariate_shift import CovariateShift
from landscope.probes.distribution import Distribution, Watched
from landscope.probes.gradient import Gradient
from landscope.probes.line import FixedLine, PaperLine, RandomLine
from landscope.probes.noise_floor import NoiseFloor
from landscope.probes.noise_scale import NoiseScale
from landscope.probes.norm_health import NormHealth
from landscope.probes.optimum import NearestOptimum
from landscope.probes.probe import Probe
from landscope.probes.schedule import EverySteps
from landscope.probes.step_size import StepSize
from landscope.probes.theory import Theory
from landscope.probes.update import Update
from landscope.reading import Reading

STEPS = 4
L2_PENALTY = 1e-3
EVERY = EverySteps(2)

State = dict[str, object]


def probes_for(setting: Setting) -> dict[str, Callable[[], Probe]]:
    """Makers of all the probes that can look at a network; a probe keeps what it saw at step 0."""
    made: dict[str, Callable[[], Probe]] = {
        "distribution": lambda: Distribution(
            EVERY,
            [Watched(layer, activation) for layer, activation in setting.watched],
            setting.dataset.train_inputs[:5],
            bins=6,
            seed=2,
        ),
        "covariate_shift": lambda: CovariateShift(EVERY),
        "line[paper]": lambda: PaperLine(EVERY, [0.5, 2.0]),
        "line[fixed]": lambda: FixedLine(EVERY, [0.01, 0.3]),
        "line[random]": lambda: RandomLine(EVERY, [0.01, 0.3], seed=4),
        "noise_floor": lambda: NoiseFloor(EVERY),
        "gradient": lambda: Gradient(EVERY),
        "update": lambda: Update(EVERY),
        "step_size": lambda: StepSize(EVERY),
        "norm_health": lambda: NormHealth(EVERY),
    }
    if setting.loss.classifies:  # the other loss is a sum over samples
        made["noise_scale"] = lambda: NoiseScale(EVERY)
    if any(isinstance(module, BatchNorm) for module in setting.model.modules()):
        made["theory"] = lambda: Theory(EVERY, units=2)
    if not setting.loss.classifies:
        made["optimum"] = lambda: NearestOptimum(TARGET)
    return made


@dataclass
class Watching:
    """What a training left."""

    states: list[State]
    """After each step and the look at it; the last is that of the end."""
    readings: list[Reading]

    def of(self, probe: str) -> list[str]:
        """A probe's readings to the last bit, apart from their seconds."""
        return [
            repr(replace(reading, seconds=0.0))
            for reading in self.readings
            if reading.probe == probe
        ]


def watch(setting: Setting, probes: list[Probe], *, steps: int = STEPS) -> Watching:
    """Train a network of its own under the probes."""
    readings: list[Reading] = []
    states: list[State] = []
    for loss, *_ in scoped(setting, probes, readings, steps=steps, l2_penalty=L2_PENALTY):
        states.append({"loss": loss.item(), **state_of(setting.model)})
    return Watching(states, readings)


def state_of(model: nn.Module) -> State:
    """Everything that the next step depends on, as bytes.

    Python's own stream is left out: beartype draws from it while the tests run.
    """
    found: State = {
        "torch stream": torch.get_rng_state().numpy().tobytes(),
        "numpy stream": repr(np.random.get_state()),
        "gradients enabled": torch.is_grad_enabled(),
    }
    for name, tensor in model.state_dict().items():
        found[f"value of {name}"] = tensor.numpy().tobytes()
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        found[f"gradient of {name}"] = None if grad is None else grad.numpy().tobytes()
        found[f"requirement of {name}"] = parameter.requires_grad
    for name, module in model.named_modules():
        found[f"mode of {name}"] = module.training
        found[f"hooks of {name}"] = hooks(module)
    return found


def hooks(module: nn.Module) -> int:
    """How many hooks of any kind are on a module and its own parameters."""
    own = sum(len(found) for kind, found in vars(module).items() if kind.endswith("_hooks"))
    return own + sum(len(p._backward_hooks or ()) for p in module.parameters(recurse=False))
