"""The domain of every quantity: which values it can have. Outside of it a value is unresolved."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Domain:
    """An interval of real numbers, with its ends.

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

_DRIFTS = {
    "input_mean_change": SIZE,
    "input_variance_change": SIZE,
    "input_mean_change_since_start": SIZE,
    "input_variance_change_since_start": SIZE,
    "input_wasserstein": SIZE,
    "input_wasserstein_relative": SIZE,
}

DOMAINS: dict[str, dict[str, Domain]] = {
    "gradient": {
        "loss": ANY,
        "gradient_norm": SIZE,
        "agreement": COSINE,
        "gradient_scale": SIZE,
        "batches": POSITIVE,
        "used_gradient_norm": SIZE,
        "used_cosine": COSINE,
        "used_scale": SIZE,
        "backward_passes": SIZE,
        "left_over": SHARE,
    },
    "update": {
        "update_norm": SIZE,
        "relative_update": SIZE,
        "loss_ratio": SIZE,
        "step_ratio": SIZE,
        "successive_cosine": COSINE,
    },
    "step_size": {
        "loss": ANY,
        "safe_multiple": SIZE,
        "safe_lr": POSITIVE,
        "lr": SIZE,
        "curvature": ANY,
        "descent": ANY,
        "sharpness_lr": ANY,
        "metric_beta": ANY,
        "inverse_beta": POSITIVE,
    },
    "line": {
        "loss": ANY,
        "data_loss": ANY,
        "gradient_change": SIZE,
        "beta": SIZE,
        "effective_beta": SIZE,
        "beta_lr": SIZE,
        "start_loss": ANY,
        "gradient_norm": SIZE,
    },
    # The estimates are unbiased: of one batch either may fall below 0, where there is no quotient.
    "noise_scale": {
        "gradient_square": SIZE,
        "gradient_variance": SIZE,
        "batch_size": POSITIVE,
        "noise_scale": SIZE,
        "efficiency": SHARE,
    },
    "norm_health": {
        "training_loss": ANY,
        "evaluation_loss": ANY,
        "evaluation_gap": ANY,
        "half_batch_gap": ANY,
        "mean_gap": SIZE,
        "variance_gap": SIZE,
        "dead_scales": SHARE,
    },
    "covariate_shift": {
        "shift_l2": SIZE,
        "shift_relative": SIZE,
        "shift_cosine": COSINE,
        "gradient_norm": SIZE,
    },
    "noise_floor": {
        "repeat_l2": SIZE,
        "repeat_relative": SIZE,
        "rounding_l2": SIZE,
        "rounding_relative": SIZE,
        "gradient_norm": SIZE,
    },
    "input_drift": _DRIFTS,
    "distribution": {
        **_DRIFTS,
        "input_mean": ANY,
        "input_variance": SIZE,
        "activation_histogram": SIZE,
    },
    # The right sides are differences, which rounding may leave below 0 where they vanish.
    "theory": {
        "theorem_4_1_left": SIZE,
        "theorem_4_1_right": ANY,
        "removed_fraction": SIZE,
        "theorem_4_2_left": ANY,
        "theorem_4_2_right": ANY,
    },
    "optimum": {
        "lemma_4_5_inner": ANY,
        "lemma_4_5_left": ANY,
        "lemma_4_5_left_by_row": ANY,
        "lemma_4_5_right": ANY,
        "lemma_4_5_plain": ANY,
    },
}
"""Of each probe's quantities, by the probe's id without its settings."""


def domain_of(probe: str, quantity: str) -> Domain:
    """The domain of a quantity; all numbers where it is a probe's of the user's own."""
    return DOMAINS.get(probe.partition("[")[0], {}).get(quantity, ANY)
