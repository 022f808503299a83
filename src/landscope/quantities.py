"""The quantities that probes declare: name, unit, domain, and layer or network.

Probes, figures, claims and findings refer to quantities only through these objects: the name of a
quantity is written nowhere else.
"""

import math
from dataclasses import dataclass
from typing import Literal, overload

from landscope.reading import Axis, Provenance, Reading, Status

Of = Literal["network", "layer", "both"]


@dataclass(frozen=True, slots=True)
class Domain:
    """An interval of real numbers, with its ends: the values that a quantity can have.

    Args:
        least: Its least value.
        most: Its greatest.
        above: Whether the least itself is left out.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies in it; NaN lies in none."""
        return self.least <= value <= self.most and not (self.above and value == self.least)


ANY = Domain()
SIZE = Domain(0.0)
POSITIVE = Domain(0.0, above=True)
SHARE = Domain(0.0, 1.0)
COSINE = Domain(-1.0, 1.0)
_MARK = Domain(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that a probe reads, or a list of numbers.

    Args:
        probe: Id of the probe.
        name: Its name, in the field's words.
        unit: Its unit; ``"1"`` for a pure number.
        of: Whether it is one of each layer, of the whole network, or there are both.
        domain: The values that it can have; outside of it a value is unresolved.
        usual: Of a quantity that is recorded only where it is unusual: its value elsewhere.
        beside: Of such a quantity: another one of the probe, recorded at each measurement.
    """

    probe: str
    name: str
    unit: str = "1"
    of: Of = "both"
    domain: Domain = ANY
    usual: float = 0.0
    beside: "Quantity | None" = None

    def __str__(self) -> str:
        return f"{self.probe}/{self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """Probe and name, as a reading has them."""
        return self.probe, self.name

    def at(
        self,
        step: int,
        value: float | tuple[float, ...],
        *,
        layer: str | None = None,
        axis: Axis | None = None,
        status: Status = Status.OK,
        function: Provenance | None = None,
    ) -> Reading:
        """A reading of it; the arguments are those of a reading."""
        given = function or Provenance()
        return Reading(step, self.probe, self.name, value, self.unit, layer, axis, status, given)


class Declared:
    """A quantity of a probe, which says its own name.

    Args:
        domain: As for a quantity.
        unit: As for a quantity.
        of: As for a quantity; that of its probe unless given.
        usual: As for a quantity.
        beside: As for a quantity.
    """

    def __init__(
        self,
        domain: Domain,
        unit: str = "1",
        of: Of | None = None,
        *,
        usual: float = 0.0,
        beside: "Declared | None" = None,
    ) -> None:
        self._domain, self._unit, self._usual, self._beside = domain, unit, usual, beside
        self._of: Of | None = of
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, quantities: None, owner: type) -> "Declared": ...
    @overload
    def __get__(self, quantities: "Quantities", owner: type) -> Quantity: ...
    def __get__(self, quantities: "Quantities | None", owner: type) -> "Declared | Quantity":
        if quantities is None:
            return self
        return Quantity(
            quantities.probe,
            self._name,
            self._unit,
            self._of or quantities.of,
            self._domain,
            self._usual,
            self._beside and self._beside.__get__(quantities, owner),
        )


class Quantities:
    """The quantities of one probe, as attributes; subclasses declare them.

    Args:
        probe: Id of the probe.

    Attributes:
        of: Whether they are of each layer or of the whole network.
    """

    of: Of = "network"

    def __init__(self, probe: str) -> None:
        self.probe = probe

    def named(self, name: str) -> Quantity | None:
        """The quantity of that name; None where the probe declares none."""
        for kind in type(self).__mro__:
            if isinstance(vars(kind).get(name), Declared):
                return getattr(self, name)
        return None

    @property
    def all(self) -> tuple[Quantity, ...]:
        """Each of them."""
        names = [name for kind in type(self).__mro__ for name in vars(kind)]
        return tuple(found for name in names if (found := self.named(name)))


_LOSS = "loss"
_SLOPE = "loss / parameter"
_CURVATURE = "loss / parameter^2"
_SQUARE = "(loss / parameter)^2"
_ETA = "step size"
_ACTIVATION = "activation"


class _Gradient(Quantities):
    loss = Declared(ANY, _LOSS)
    gradient_norm = Declared(SIZE, _SLOPE)
    agreement = Declared(COSINE)
    gradient_scale = Declared(SIZE)
    batches = Declared(POSITIVE)
    used_gradient_norm = Declared(SIZE, _SLOPE)
    used_cosine = Declared(COSINE)
    used_scale = Declared(SIZE)
    backward_passes = Declared(SIZE)
    left_over = Declared(SHARE)
    gradient_share = Declared(SIZE, of="layer", usual=1.0, beside=gradient_norm)
    unowned = Declared(SHARE, of="layer", beside=gradient_norm)
    largest_class = Declared(SHARE, beside=gradient_norm)
    largest_class_number = Declared(ANY)


class _Update(Quantities):
    update_norm = Declared(SIZE, "parameter")
    relative_update = Declared(SIZE)
    loss_ratio = Declared(SIZE)
    step_ratio = Declared(SIZE)
    successive_cosine = Declared(COSINE)
    lost = Declared(SHARE, beside=update_norm)


class _StepSize(Quantities):
    loss = Declared(ANY, _LOSS)
    safe_multiple = Declared(SIZE)
    safe_lr = Declared(POSITIVE, _ETA)
    lr = Declared(SIZE, _ETA)
    curvature = Declared(ANY, _CURVATURE)
    descent = Declared(ANY, _LOSS)
    sharpness_lr = Declared(ANY)
    metric_beta = Declared(ANY, "1 / step size")
    inverse_beta = Declared(POSITIVE, _ETA)


class Line(Quantities):
    """Those of each line."""

    loss = Declared(ANY, _LOSS)
    data_loss = Declared(ANY, _LOSS)
    gradient_change = Declared(SIZE, _SLOPE)
    beta = Declared(SIZE, _CURVATURE)
    effective_beta = Declared(SIZE, _CURVATURE)
    beta_lr = Declared(SIZE)
    start_loss = Declared(ANY, _LOSS)
    gradient_norm = Declared(SIZE, _SLOPE)


class _NoiseScale(Quantities):
    # The estimates are unbiased: of one batch either may fall below 0, where there is no quotient.
    gradient_square = Declared(SIZE, _SQUARE)
    gradient_variance = Declared(SIZE, _SQUARE)
    batch_size = Declared(POSITIVE, "samples")
    noise_scale = Declared(SIZE, "samples")
    efficiency = Declared(SHARE)


class _NormHealth(Quantities):
    training_loss = Declared(ANY, _LOSS)
    evaluation_loss = Declared(ANY, _LOSS)
    evaluation_gap = Declared(ANY)
    half_batch_gap = Declared(ANY)
    mean_gap = Declared(SIZE, of="layer")
    variance_gap = Declared(SIZE, of="layer")
    dead_scales = Declared(SHARE, of="layer")
    evaluation_mode = Declared(_MARK, of="both", beside=training_loss)
    statistics_unset = Declared(_MARK, of="layer", beside=training_loss)
    statistics_still = Declared(_MARK, of="layer", beside=training_loss)


class _CovariateShift(Quantities):
    of = "layer"

    shift_l2 = Declared(SIZE, _SLOPE)
    shift_relative = Declared(SIZE)
    shift_cosine = Declared(COSINE)
    gradient_norm = Declared(SIZE, _SLOPE)


class _NoiseFloor(Quantities):
    of = "both"

    repeat_l2 = Declared(SIZE, _SLOPE)
    repeat_relative = Declared(SIZE)
    rounding_l2 = Declared(SIZE, _SLOPE)
    rounding_relative = Declared(SIZE)
    gradient_norm = Declared(SIZE, _SLOPE)


class Drifts(Quantities):
    """How the inputs of a layer move, of whatever samples."""

    of = "layer"

    input_mean_change = Declared(SIZE, _ACTIVATION)
    input_variance_change = Declared(SIZE, f"{_ACTIVATION}^2")
    input_mean_change_since_start = Declared(SIZE, _ACTIVATION)
    input_variance_change_since_start = Declared(SIZE, f"{_ACTIVATION}^2")
    input_wasserstein = Declared(SIZE, _ACTIVATION)
    input_wasserstein_relative = Declared(SIZE)


class _InputDrift(Drifts):
    input_size = Declared(SIZE)
    input_spread = Declared(SIZE)
    silent_inputs = Declared(SHARE, beside=Drifts.input_mean_change)


class _Distribution(Drifts):
    input_mean = Declared(ANY, _ACTIVATION)
    input_variance = Declared(SIZE, f"{_ACTIVATION}^2")
    activation_histogram = Declared(SIZE, f"1 / {_ACTIVATION}")


class _Theory(Quantities):
    of = "layer"

    # The right sides are differences, which rounding may leave below 0 where they vanish.
    theorem_4_1_left = Declared(SIZE)
    theorem_4_1_right = Declared(ANY)
    removed_fraction = Declared(SIZE)
    theorem_4_2_left = Declared(ANY)
    theorem_4_2_right = Declared(ANY)


class _Optimum(Quantities):
    of = "layer"

    lemma_4_5_inner = Declared(ANY, "parameter^2")
    lemma_4_5_left = Declared(ANY, "parameter^2")
    lemma_4_5_left_by_row = Declared(ANY, "parameter^2")
    lemma_4_5_right = Declared(ANY, "parameter^2")
    lemma_4_5_plain = Declared(ANY, "parameter^2")


class _Training(Quantities):
    train_loss = Declared(ANY, _LOSS)
    train_data_loss = Declared(ANY, _LOSS)
    train_accuracy = Declared(SHARE)
    test_loss = Declared(ANY, _LOSS)
    test_accuracy = Declared(SHARE)
    step_seconds = Declared(SIZE, "s")
    batches_checksum = Declared(ANY)
    weights_checksum = Declared(ANY)


class _Scope(Quantities):
    # Of these three, a probe's id is in the place of a layer.
    failed = Declared(_MARK, of="layer")
    left_out = Declared(_MARK, of="layer")
    nothing_to_read = Declared(_MARK, of="layer")
    processes = Declared(POSITIVE)
    moving_loss = Declared(_MARK)
    share = Declared(SHARE)
    asked_share = Declared(SHARE)
    look_seconds = Declared(SIZE, "s")
    step_seconds = Declared(SIZE, "s")
    steps_between = Declared(POSITIVE)
    blocks_without_update = Declared(SIZE)
    weights_changed_inside = Declared(SHARE)
    weights_changed_outside = Declared(SHARE)


GRADIENT = _Gradient("gradient")
UPDATE = _Update("update")
STEP_SIZE = _StepSize("step_size")
PAPER_LINE = Line("line[paper]")
FIXED_LINE = Line("line[fixed]")
RANDOM_LINE = Line("line[random]")
NOISE_SCALE = _NoiseScale("noise_scale")
NORM_HEALTH = _NormHealth("norm_health")
COVARIATE_SHIFT = _CovariateShift("covariate_shift")
NOISE_FLOOR = _NoiseFloor("noise_floor")
INPUT_DRIFT = _InputDrift("input_drift")
DISTRIBUTION = _Distribution("distribution")
THEORY = _Theory("theory")
OPTIMUM = _Optimum("optimum")
TRAINING = _Training("training")
"""What a study records about the training itself."""
SCOPE = _Scope("scope")
"""What a scope records about its own measuring."""
