"""Findings about layers: those that no gradient or optimiser reaches, and dead units."""

import pytest

from .history import found, measured, the

TURNING = "covariate_shift/shift_cosine"


def test_layers_that_turn_round_are_named_the_worst_first() -> None:
    finding = the(
        "gradient-turns-round",
        measured(TURNING, [1.0, 1.0, 1.0], "first"),
        measured(TURNING, [0.1, -0.1, -0.3, -0.2], "second"),
        measured(TURNING, [-0.5, -0.4, -0.6], "third"),
    )
    assert finding.severity == "info"
    assert "in third (-0.5) and second (-0.2): " in finding.sentence
    assert finding.evidence.layers == ("third", "second")
    assert finding.evidence.steps == (0, 100)
    assert finding.evidence.values == (-0.5, -0.2)
    assert "Definition 2.1" in finding.reference


@pytest.mark.parametrize("values", [[0.0] * 5, [-0.9] * 2, [0.5, -0.9, 0.5, 0.5], [0.3] * 9])
def test_a_layer_that_holds_its_course_is_not_named(values) -> None:
    assert found("gradient-turns-round", measured(TURNING, values, "layer")) is None


def test_measurements_of_different_layers_are_not_added_up() -> None:
    series = [measured(TURNING, [-0.5], f"layer{at}") for at in range(5)]
    assert found("gradient-turns-round", *series) is None


SHARE, NORM = "gradient/gradient_share", "gradient/gradient_norm"


@pytest.mark.parametrize(
    ("shares", "appears"),
    [
        ([0.0] * 5, True),
        ([0.0] * 4, False),  # a layer may be left out at random
        ([0.0] * 5 + [1e-9] + [0.0] * 9, False),
        ([1e-9] + [0.0] * 10, True),
    ],
)
def test_a_gradient_of_0_at_each_of_the_last_measurements_appears(shares, appears) -> None:
    series = measured(SHARE, shares, "layer"), measured(NORM, [1.0] * len(shares))
    assert (found("no-gradient", *series) is not None) == appears


def test_layers_without_a_gradient_are_named_and_the_rest_counted() -> None:
    norms = measured(NORM, [1.0] * 6)
    layers = [measured(SHARE, [0.0] * 6, str(at)) for at in range(5)]
    finding = the("no-gradient", norms, *layers)
    assert finding.sentence.startswith("No gradient reaches layer 0, layer 1, layer 2 and 2 more: ")
    assert "at each of the last 6 measurements" in finding.sentence
    assert finding.evidence.layers == tuple("01234")
    assert found("vanishing-gradient", norms, *layers) is None  # which is about the others
    faint = measured(SHARE, [1e-7] * 6, "faint")
    assert the("vanishing-gradient", norms, *layers, faint).evidence.layers == ("faint",)


HEALTH = "norm_health"


@pytest.mark.parametrize(
    ("id", "quantity", "beside", "value", "layer"),
    [
        ("no-gradient", SHARE, NORM, 0.0, "layer"),
        ("vanishing-gradient", SHARE, NORM, 1e-7, "layer"),
        ("not-optimised", "gradient/unowned", NORM, 0.5, "layer"),
        ("dead-units", "input_drift/silent_inputs", "input_drift/input_mean_change", 0.9, "layer"),
        ("lost-updates", "update/lost", "update/update_norm", 0.9, None),
        ("evaluation-mode", f"{HEALTH}/evaluation_mode", f"{HEALTH}/training_loss", 1.0, None),
        ("norms-in-evaluation", f"{HEALTH}/evaluation_mode", f"{HEALTH}/training_loss", 1.0, "bn"),
        ("statistics-still", f"{HEALTH}/statistics_still", f"{HEALTH}/training_loss", 1.0, "bn"),
    ],
)
def test_what_is_recorded_where_it_is_unusual_is_usual_elsewhere(
    id,  # noqa: A002
    quantity,
    beside,
    value,
    layer,
) -> None:
    unusual = measured(quantity, [value] * 6, layer)
    of_layers = "other" if beside.startswith("input_drift") else None
    assert found(id, unusual, measured(beside, [1.0] * 6, of_layers)) is not None
    assert found(id, unusual, measured(beside, [1.0] * 16, of_layers)) is None  # 10 later ones
    assert found(id, measured(beside, [1.0] * 6, of_layers)) is None


def test_the_weights_of_the_model_itself_have_a_name() -> None:
    finding = the("not-optimised", measured("gradient/unowned", [1.0] * 3, ""))
    assert "as a share of the layer, of the model (100%): they require" in finding.sentence
    assert "1 at the model since step 0" in finding.evidence.summary
