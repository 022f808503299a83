"""One reading of each kind that a log must take, and what stands under their names afterwards."""

import math

from landscope.reading import Axis, Reading, Status

NAN, INFINITY = math.nan, math.inf

READINGS = (
    Reading(3, "gradient", "loss", 2.5, unit="loss"),
    Reading(3, "norm_health", "mean_gap", 0.125, layer="features.0.bn"),
    Reading(
        3,
        "step_size",
        "loss",
        (1.0, 0.5, INFINITY),
        unit="loss",
        axis=Axis("multiple", "1", (0.25, 1.0, 16.0)),
    ),
    Reading(
        3,
        "distribution",
        "activation_histogram",
        (0.5, 1.5, 1.0),
        unit="1 / activation",
        axis=Axis("activation", "activation", (0.0, 1.0, 2.0, 4.0)),
    ),
    Reading(
        3,
        "distribution",
        "input_mean",
        (*map(float, range(63)), NAN),
        axis=Axis("feature", "1", tuple(map(float, range(64)))),
    ),
    Reading(3, "update", "loss_ratio", INFINITY, status=Status.NONFINITE),
    Reading(3, "line", "effective_beta", 7.0, status=Status.UNCONVERGED, function="ten tries"),
    Reading(3, "scope", "failed", 1.0, layer="theory", status=Status.SKIPPED, function="too big"),
    Reading(3, "gradient", "agreement", 0.5, status=Status.FALLBACK, function="in pieces"),
    Reading(8, "gradient", "loss", 1.5, unit="loss"),
    Reading(8, "gradient", "gradient_norm", NAN, status=Status.NONFINITE, function="overflow"),
)

NUMBERS = {
    (3, "gradient/loss"): 2.5,
    (3, "norm_health/mean_gap/features.0.bn"): 0.125,
    (3, "step_size/loss/multiple=0.25"): 1.0,
    (3, "step_size/loss/multiple=1"): 0.5,
    (3, "step_size/loss/multiple=16"): INFINITY,
    (3, "update/loss_ratio"): INFINITY,
    (3, "line/effective_beta"): NAN,  # 7 looks like a result, and is none
    (3, "scope/failed/theory"): NAN,
    (3, "gradient/agreement"): 0.5,
    (8, "gradient/loss"): 1.5,
    (8, "gradient/gradient_norm"): NAN,
}

REMARKS = {
    (3, "update/loss_ratio"): "nonfinite",
    (3, "line/effective_beta"): "unconverged: ten tries",
    (3, "scope/failed/theory"): "skipped: too big",
    (3, "gradient/agreement"): "fallback: in pieces",
    (3, "distribution/input_mean"): "1 of 64 values are not finite",
    (8, "gradient/gradient_norm"): "nonfinite: overflow",
}

GIVEN = "distribution/activation_histogram"
MADE = "distribution/input_mean"


def same_numbers(found, expected):
    """Equal names, and equal values where NaN equals itself."""
    return found.keys() == expected.keys() and all(
        found[name] == value or (math.isnan(found[name]) and math.isnan(value))
        for name, value in expected.items()
    )
