"""The rows that a person follows: which readings they show, and which not as numbers."""

import math

from landscope.findings.glance import HEADINGS, glances
from landscope.reading import Axis, Reading, Status


def row(*readings: Reading) -> dict[str, str]:
    (cells,) = glances(readings, 5).rows
    return dict(zip(HEADINGS, cells, strict=True))


def test_a_row_shows_what_was_read_and_leaves_the_rest_blank() -> None:
    said = row(
        Reading(7, "gradient", "loss", 1.2345),
        Reading(7, "step_size", "sharpness_lr", 1.9),
        Reading(7, "line[paper]", "beta_lr", 0.4),
        Reading(7, "step_size", "safe_lr", 0.05),
        Reading(7, "scope", "share", 0.0412),
    )
    assert said == {
        "step": "7",
        "share of the time": "4.12%",
        "loss": "1.23",
        "beta x lr, update": "1.9",
        "beta x lr, gradient": "0.4",
        "safe lr": "0.05",
        "least shift cosine": "",
    }


def cosine(value: float, layer: str, status: Status = Status.OK) -> Reading:
    return Reading(0, "covariate_shift", "shift_cosine", value, layer=layer, status=status)


def test_of_layers_the_least_that_can_be_relied_on_is_shown_in_any_order() -> None:
    readings = [
        cosine(0.9, "a"),
        cosine(0.5, "b"),
        cosine(0.1, "c", Status.UNCONVERGED),
        cosine(math.nan, "d", Status.NONFINITE),
        cosine(0.7, "e"),
    ]
    for order in (readings, readings[::-1]):
        assert row(*order)["least shift cosine"] == "0.5 (b)"


def test_what_cannot_be_relied_on_is_shown_by_its_status() -> None:
    skipped = Reading(0, "gradient", "loss", 1.0, status=Status.SKIPPED)
    assert row(skipped)["loss"] == "skipped"
    assert row(cosine(0.5, "a", Status.SKIPPED))["least shift cosine"] == "skipped"
    assert row(Reading(0, "gradient", "loss", math.inf))["loss"] == "an overflow"


def test_a_fallback_is_a_number() -> None:
    assert row(cosine(0.5, "a", Status.FALLBACK))["least shift cosine"] == "0.5 (a)"


def test_the_last_measurements_are_kept_in_order() -> None:
    readings = [Reading(step, "gradient", "loss", float(step)) for step in (30, 10, 40, 20)]
    assert [cells[0] for cells in glances(readings, 3).rows] == ["20", "30", "40"]


def test_what_is_not_followed_makes_no_row() -> None:
    axis = Axis("multiple", "1", (1.0,))
    assert glances([Reading(0, "mine", "own", 1.0)], 3).rows == []
    assert glances([Reading(0, "gradient", "loss", (1.0,), axis=axis)], 3).rows == []
