"""Findings about the step: edge, room, oscillation, size."""

import pytest

from landscope.reading import Status

from .history import found, looks, the

ALONG_UPDATE, ALONG_GRADIENT = "step_size/sharpness_lr", "line[paper]/beta_lr"
COSINE, RELATIVE = "update/successive_cosine", "update/relative_update"
MULTIPLE = "step_size/safe_multiple"


def test_a_step_beyond_the_edge_is_told_with_its_beginning_and_a_safe_rate() -> None:
    finding = the(
        "beyond-the-edge",
        looks(ALONG_UPDATE, [0.5, 1.0, 1.5, 2.8, 3.0, 3.2, 3.1]),
        looks("step_size/lr", [0.1] * 7),
        looks("step_size/safe_lr", [0.4, 0.2, 0.1, 0.05, 0.025, 0.05, 0.05]),
    )
    assert finding.severity == "warning"
    assert finding.sentence == (
        "The step is beyond the edge of stability since step 300: learning rate times curvature "
        "along the update is 3.05 (median of 4 looks), where the edge is at 2 and a step beyond it "
        "raises the loss of its own batch."
    )
    assert finding.remedy.startswith("Lower the learning rate from 0.1 to 0.05 or less, or warm up")
    assert finding.evidence.quantity == ALONG_UPDATE
    assert finding.evidence.steps == (300, 400, 500, 600)
    assert finding.evidence.values == (2.8, 3.0, 3.2, 3.1)
    assert "2103.00065" in finding.reference


def test_a_single_look_within_a_stretch_does_not_begin_it_anew() -> None:
    finding = the("beyond-the-edge", looks(ALONG_UPDATE, [1, 1, 1, 3, 3, 1.9, 3, 3, 3]))
    assert finding.evidence.steps == (300, 400, 500, 600, 700, 800)


def test_an_old_stretch_that_is_over_does_not_move_the_beginning() -> None:
    finding = the("beyond-the-edge", looks(ALONG_UPDATE, [3, 1, 1, 1, 1, 3, 3, 3, 3, 3]))
    assert finding.evidence.steps[0] == 500


def test_hovering_just_above_the_edge_is_no_warning() -> None:
    finding = the("beyond-the-edge", looks(ALONG_UPDATE, [2.1, 2.3, 1.9, 2.2, 2.1]))
    assert finding.severity == "info"
    assert "is at the edge of stability since step 0: " in finding.sentence
    at_most = the("beyond-the-edge", looks(ALONG_UPDATE, [2.5, 2.5, 2.5]))
    above = the("beyond-the-edge", looks(ALONG_UPDATE, [2.51, 2.51, 2.51]))
    assert (at_most.severity, above.severity) == ("info", "warning")


@pytest.mark.parametrize(
    "values",
    [
        [],
        [3.0],
        [3.0, 3.0],  # a short history
        [1.0, 3.0, 3.0, 1.0],  # half is no majority
        [2.0, 2.0, 2.0, 2.0],  # the edge itself
        [1.0, 1.0, 9.0, 1.0, 1.0],  # one excursion
        [3.0] * 20 + [1.0] * 6 + [3.0] * 4,  # it was, and is no more
        [-3.0, -3.0, -3.0],
    ],
)
def test_a_step_that_is_not_lastingly_beyond_the_edge_is_not_told(values) -> None:
    assert found("beyond-the-edge", looks(ALONG_UPDATE, values)) is None


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.UNCONVERGED, Status.NONFINITE])
def test_what_cannot_be_believed_is_no_look(status) -> None:
    assert found("beyond-the-edge", looks(ALONG_UPDATE, [3.0] * 9, status=status)) is None
    assert found("beyond-the-edge", looks(ALONG_UPDATE, [3.0] * 9, status=Status.FALLBACK))


def test_without_a_look_along_the_update_that_along_the_gradient_counts() -> None:
    finding = the("beyond-the-edge", looks(ALONG_GRADIENT, [4.0] * 3))
    assert finding.evidence.quantity == ALONG_GRADIENT
    assert "curvature along the gradient is 4" in finding.sentence
    assert finding.remedy.startswith("Lower the learning rate by a factor of 2 or more")
    both = (looks(ALONG_GRADIENT, [4.0] * 3), looks(ALONG_UPDATE, [1.0] * 3))
    assert found("beyond-the-edge", *both) is None


def test_a_rate_that_the_search_does_not_find_is_that_of_the_edge() -> None:
    rate = looks("step_size/lr", [0.1] * 3)
    for safe in ([], [0.0] * 3, [0.2] * 3):
        search = looks("step_size/safe_lr", safe)
        finding = the("beyond-the-edge", looks(ALONG_UPDATE, [4.0] * 3), rate, search)
        assert finding.remedy.startswith("Lower the learning rate from 0.1 to 0.05 or less")


def room(multiples, sharpness, rates):
    return (
        looks(MULTIPLE, multiples),
        looks(ALONG_UPDATE, sharpness),
        looks("step_size/lr", rates),
    )


def test_room_for_a_larger_step_is_told_with_caution() -> None:
    finding = the("step-could-be-larger", *room([4, 16, 16, 16], [0.1] * 4, [0.01] * 4))
    assert finding.severity == "info"
    assert "still falls at 16 times the step (median of 3 looks since step 100)" in finding.sentence
    assert "curvature is 0.1, far below the edge at 2." in finding.sentence
    assert finding.evidence.steps == (100, 200, 300)
    assert finding.evidence.values == (16.0, 16.0, 16.0)
    assert "twice the learning rate, 0.02 instead of 0.01, and then up to 4 times" in finding.remedy
    assert "one batch is optimistic" in finding.remedy


def test_a_multiple_at_the_threshold_recommends_a_factor_of_two_alone() -> None:
    finding = the("step-could-be-larger", *room([8] * 3, [0.49] * 3, [0.01] * 3))
    assert "up to" not in finding.remedy
    unknown = the("step-could-be-larger", *room([8] * 3, [0.49] * 3, []))
    assert unknown.remedy.startswith("Try twice the learning rate and judge")


@pytest.mark.parametrize(
    ("multiples", "sharpness", "rates"),
    [
        ([4] * 9, [0.1] * 9, [0.1] * 9),  # less room
        ([16] * 9, [0.5] * 9, [0.1] * 9),  # a curvature that says otherwise
        ([16] * 9, [], [0.1] * 9),  # or nothing
        ([16] * 2, [0.1] * 2, [0.1] * 2),  # too short
        ([2] * 6 + [16] + [2] * 2, [0.1] * 9, [0.1] * 9),  # one excursion
        ([1] * 6 + [16] * 3, [0.1] * 9, [0.1] * 6 + [0.04] * 3),  # a decay
        ([16] * 3 + [1] * 6, [0.1] * 9, [0.04] * 3 + [0.1] * 6),  # a warm-up
    ],
)
def test_a_step_without_room_is_not_called_small(multiples, sharpness, rates) -> None:
    assert found("step-could-be-larger", *room(multiples, sharpness, rates)) is None


def test_oscillating_updates_are_told() -> None:
    finding = the("updates-oscillate", looks(COSINE, [0.5, -0.6, -0.8, -0.7]))
    assert finding.severity == "warning"
    assert "is -0.7 (median of 3 looks since step 100)" in finding.sentence
    assert finding.evidence.values == (-0.6, -0.8, -0.7)


@pytest.mark.parametrize("values", [[-0.5] * 9, [-0.9] * 2, [0.1, 0.1, -0.9, 0.1, 0.1], [0.9] * 5])
def test_updates_that_wander_do_not_oscillate(values) -> None:
    assert found("updates-oscillate", looks(COSINE, values)) is None


def test_vanishing_updates_are_told() -> None:
    finding = the("vanishing-update", looks(RELATIVE, [1e-3, 3e-7, 0.0, 4e-7]))
    assert "by 3e-7 of their length (median of 3 looks since step 100)" in finding.sentence
    assert finding.evidence.values == (3e-7, 0.0, 4e-7)
    assert found("update-too-large", looks(RELATIVE, [1e-3, 3e-7, 0.0, 4e-7])) is None


def test_updates_that_are_too_large_are_told() -> None:
    finding = the("update-too-large", looks(RELATIVE, [0.3, 0.2, 0.4]))
    assert "by 30% of their length (median of 3 looks since step 0)" in finding.sentence
    assert finding.evidence.steps == (0, 100, 200)
    assert found("vanishing-update", looks(RELATIVE, [0.3, 0.2, 0.4])) is None


@pytest.mark.parametrize(
    "values", [[1e-6] * 5, [0.1] * 5, [1e-3] * 5, [0.5] * 2, [1e-9, 1e-9, 1e-3, 1e-3, 1e-3, 0.9]]
)
def test_updates_of_a_usual_size_are_not_told(values) -> None:
    assert found("vanishing-update", looks(RELATIVE, values)) is None
    assert found("update-too-large", looks(RELATIVE, values)) is None
