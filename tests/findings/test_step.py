"""Findings about the step: edge, size, direction, rounding."""

import pytest

from landscope.reading import Axis, Reading, Status

from .history import EVERY, found, larger_step, measured, stays, the

ALONG_UPDATE = "step_size/sharpness_lr"
ALONG_GRADIENT = "line[paper]/loss over line[paper]/gradient_norm"
COSINE, RELATIVE = "update/successive_cosine", "update/relative_update"
MULTIPLE = "step_size/safe_multiple"


def test_a_step_beyond_the_edge_appears_with_its_beginning_and_a_safe_rate() -> None:
    finding = the(
        "beyond-the-edge",
        measured(ALONG_UPDATE, [0.5, 1.0, 1.5, 2.8, 3.0, 3.2, 3.1]),
        measured("step_size/lr", [0.1] * 7),
        measured("step_size/safe_lr", [0.4, 0.2, 0.1, 0.05, 0.025, 0.05, 0.05]),
    )
    assert finding.severity == "warning"
    assert finding.sentence == (
        "The step is beyond the edge of stability since step 300: learning rate times curvature "
        "along the update is 3.05 (median of 4 measurements); the edge is at 2, and a step beyond "
        "it raises the loss of its own batch."
    )
    assert finding.remedy.startswith("Lower the learning rate from 0.1 to 0.05 or less, or warm up")
    assert finding.evidence.quantity == ALONG_UPDATE
    assert finding.evidence.steps == (300, 400, 500, 600)
    assert finding.evidence.values == (2.8, 3.0, 3.2, 3.1)
    assert "2103.00065" in finding.reference


def test_a_single_measurement_within_a_stretch_does_not_begin_it_anew() -> None:
    finding = the("beyond-the-edge", measured(ALONG_UPDATE, [1, 1, 1, 3, 3, 1.9, 3, 3, 3]))
    assert finding.evidence.steps == (300, 400, 500, 600, 700, 800)


def test_an_old_stretch_that_is_over_does_not_move_the_beginning() -> None:
    finding = the("beyond-the-edge", measured(ALONG_UPDATE, [3, 1, 1, 1, 1, 3, 3, 3, 3, 3]))
    assert finding.evidence.steps[0] == 500


def test_hovering_just_above_the_edge_is_no_warning() -> None:
    finding = the("beyond-the-edge", measured(ALONG_UPDATE, [2.1, 2.3, 1.9, 2.2, 2.1]))
    assert finding.severity == "info"
    assert "is at the edge of stability since step 0: " in finding.sentence
    at_most = the("beyond-the-edge", measured(ALONG_UPDATE, [2.5, 2.5, 2.5]))
    above = the("beyond-the-edge", measured(ALONG_UPDATE, [2.51, 2.51, 2.51]))
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
def test_a_step_that_is_not_beyond_the_edge_does_not_appear(values) -> None:
    assert found("beyond-the-edge", measured(ALONG_UPDATE, values)) is None


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.UNCONVERGED, Status.NONFINITE])
def test_what_cannot_be_relied_on_does_not_count(status) -> None:
    assert found("beyond-the-edge", measured(ALONG_UPDATE, [3.0] * 9, status=status)) is None
    assert found("beyond-the-edge", measured(ALONG_UPDATE, [3.0] * 9, status=Status.FALLBACK))


def line(*losses, start=1.0, beta=30.0, rate=0.1, slope=2.0):
    """Looks along the gradient: the loss at half a step, at one and at two; beta is no matter."""
    about = "line[paper]"
    numbers = {"start_loss": start, "effective_beta": beta, "beta_lr": beta * rate}
    axis = Axis("eta", "step size", (rate / 2, rate, 2 * rate))
    read = [
        Reading(EVERY * at, about, "loss", (0.0, loss, 9.0), axis=axis)
        for at, loss in enumerate(losses)
    ]
    for name, value in {**numbers, "gradient_norm": slope}.items():
        read += measured(f"{about}/{name}", [value] * len(losses))
    return read


def test_without_a_curvature_along_the_update_that_along_the_gradient_counts() -> None:
    # A step promises rate x slope^2 = 0.4, and the loss rises by as much.
    finding = the("beyond-the-edge", line(*[1.4] * 3))
    assert finding.evidence.quantity == ALONG_GRADIENT
    assert "curvature along the gradient is 4 (median of 3 measurements)" in finding.sentence
    assert finding.remedy.startswith("Lower the learning rate by a factor of 2 or more")
    both = (line(*[1.4] * 3), measured(ALONG_UPDATE, [1.0] * 3))
    assert found("beyond-the-edge", *both) is None


def test_a_gradient_that_changes_along_a_line_on_which_the_loss_falls_is_no_edge() -> None:
    assert found("beyond-the-edge", line(*[0.99] * 9, beta=1e6)) is None
    assert found("beyond-the-edge", line(*[1.0] * 9)) is None  # the edge itself
    assert the("beyond-the-edge", line(*[1.01] * 9)).severity == "info"


@pytest.mark.parametrize(
    "unread",
    [
        {"slope": 1e-3},  # a step that promises less than the loss is rounded to
        {"slope": 1e200},
        {"beta": 0.0},  # and so no rate
    ],
)
def test_a_line_without_the_curvature_does_not_count(unread) -> None:
    assert found("beyond-the-edge", line(*[1.4] * 9, **unread)) is None


def test_a_line_without_the_step_itself_does_not_count() -> None:
    off = [
        Reading(
            r.step, r.probe, r.quantity, r.value, axis=Axis("eta", "step size", (1.0, 2.0, 3.0))
        )
        for r in line(*[1.4] * 9)
    ]
    assert found("beyond-the-edge", off) is None


def test_a_rate_that_the_search_does_not_find_is_that_of_the_edge() -> None:
    rate = measured("step_size/lr", [0.1] * 3)
    for safe in ([], [0.0] * 3, [0.2] * 3):
        search = measured("step_size/safe_lr", safe)
        finding = the("beyond-the-edge", measured(ALONG_UPDATE, [4.0] * 3), rate, search)
        assert finding.remedy.startswith("Lower the learning rate from 0.1 to 0.05 or less")


def test_a_larger_step_is_recommended_with_caution() -> None:
    finding = the("step-could-be-larger", *larger_step([4, 16, 16, 16], [0.1] * 4, [0.01] * 4))
    assert finding.severity == "info"
    assert (
        "falls at 16 times the step (median of 3 measurements since step 100)" in finding.sentence
    )
    assert "curvature is 0.1, far below the edge at 2, even over the steps" in finding.sentence
    assert finding.evidence.steps == (100, 200, 300)
    assert finding.evidence.values == (16.0, 16.0, 16.0)
    assert "twice the learning rate, 0.02 instead of 0.01, and then up to 4 times" in finding.remedy
    assert "one batch is optimistic" in finding.remedy


def test_a_multiple_at_the_threshold_recommends_a_factor_of_two_alone() -> None:
    finding = the("step-could-be-larger", *larger_step([8] * 3, [0.49] * 3, [0.01] * 3))
    assert "up to" not in finding.remedy
    unknown = the("step-could-be-larger", *larger_step([8] * 3, [0.49] * 3, []))
    assert unknown.remedy.startswith("Try twice the learning rate and judge")


@pytest.mark.parametrize(
    ("multiples", "sharpness", "rates"),
    [
        ([4] * 9, [0.1] * 9, [0.1] * 9),  # it falls less far
        ([16] * 9, [0.5] * 9, [0.1] * 9),  # a curvature that says otherwise
        ([16] * 9, [], [0.1] * 9),  # or nothing
        ([16] * 2, [0.1] * 2, [0.1] * 2),  # too short
        ([2] * 6 + [16] + [2] * 2, [0.1] * 9, [0.1] * 9),  # one excursion
        ([1] * 6 + [16] * 3, [0.1] * 9, [0.1] * 6 + [0.04] * 3),  # a decay
        ([16] * 3 + [1] * 6, [0.1] * 9, [0.04] * 3 + [0.1] * 6),  # a warm-up
    ],
)
def test_a_step_that_is_large_enough_is_not_called_small(multiples, sharpness, rates) -> None:
    assert found("step-could-be-larger", *larger_step(multiples, sharpness, rates)) is None


@pytest.mark.parametrize(
    ("cosine", "sharpness", "appears"),
    [
        (0.9, 0.14, False),  # AdamW and momentum as they are usually set: it goes on for 10 steps
        (0.9, 0.049, True),
        (0.999, 0.049, True),  # and no more than 10 are counted
        (0.5, 0.24, True),
        (0.5, 0.26, False),
        (-0.9, 0.49, True),
    ],
)
def test_where_updates_keep_their_direction_all_of_them_count(cosine, sharpness, appears) -> None:
    series = larger_step([16] * 9, [sharpness] * 9, [0.1] * 9, cosine)
    assert (found("step-could-be-larger", *series) is not None) == appears


def test_updates_that_lead_uphill_leave_no_larger_step() -> None:
    downhill = measured(ALONG_UPDATE, [0.1] * 9)[::2]
    multiples = measured(MULTIPLE, [16, 0] * 4 + [16])
    rest = measured("step_size/lr", [0.1] * 9), measured(COSINE, [0.0] * 9)
    assert found("step-could-be-larger", multiples, downhill, *rest)  # 5 of 9
    nowhere = [reading for reading in downhill if reading.step != 400]
    assert found("step-could-be-larger", multiples, nowhere, *rest) is None


def test_without_the_turn_of_the_updates_nothing_is_said_of_a_larger_step() -> None:
    assert found("step-could-be-larger", *larger_step([16] * 9, [0.1] * 9, [0.1] * 9)[:3]) is None


@pytest.mark.parametrize("relative", [1e-8, 0.9e-3, 1e-3])
def test_a_loss_that_is_what_it_was_at_first_calls_for_no_larger_step(relative) -> None:
    size = measured(RELATIVE, [relative] * 9)
    larger = larger_step([16] * 9, [0.1] * 9, [0.1] * 9)
    assert found("step-could-be-larger", *larger, *stays([2.3] * 9), size) is None
    falling = stays([2.3, *[2.2] * 8])
    assert found("step-could-be-larger", *larger, *falling, size)


def test_oscillating_updates_appear() -> None:
    finding = the("updates-oscillate", measured(COSINE, [0.5, -0.6, -0.8, -0.7]))
    assert finding.severity == "warning"
    assert "is -0.7 (median of 3 measurements since step 100)" in finding.sentence
    assert finding.evidence.values == (-0.6, -0.8, -0.7)


@pytest.mark.parametrize("values", [[-0.5] * 9, [-0.9] * 2, [0.1, 0.1, -0.9, 0.1, 0.1], [0.9] * 5])
def test_updates_that_wander_do_not_oscillate(values) -> None:
    assert found("updates-oscillate", measured(COSINE, values)) is None


def test_vanishing_updates_appear() -> None:
    finding = the("vanishing-update", measured(RELATIVE, [1e-3, 3e-7, 0.0, 4e-7]))
    assert "by 3e-7 of their length (median of 3 measurements since step 100)" in finding.sentence
    assert finding.evidence.values == (3e-7, 0.0, 4e-7)
    assert found("update-too-large", measured(RELATIVE, [1e-3, 3e-7, 0.0, 4e-7])) is None


def test_updates_that_are_too_large_appear() -> None:
    finding = the("update-too-large", measured(RELATIVE, [0.3, 0.2, 0.4]))
    assert "by 30% of their length (median of 3 measurements since step 0)" in finding.sentence
    assert finding.evidence.steps == (0, 100, 200)
    assert found("vanishing-update", measured(RELATIVE, [0.3, 0.2, 0.4])) is None


@pytest.mark.parametrize(
    "values", [[1e-6] * 5, [0.1] * 5, [1e-3] * 5, [0.5] * 2, [1e-9, 1e-9, 1e-3, 1e-3, 1e-3, 0.9]]
)
def test_updates_of_a_usual_size_do_not_appear(values) -> None:
    assert found("vanishing-update", measured(RELATIVE, values)) is None
    assert found("update-too-large", measured(RELATIVE, values)) is None


@pytest.mark.parametrize(
    "other",
    [
        measured("gradient/loss", [2.3] * 9),
        [*measured("gradient/used_scale", [0.002, 0.001, 0.003] * 3),
         *measured("gradient/used_cosine", [1.0] * 9)],
        [*measured("gradient/gradient_norm", [1.0] * 9),
         *measured("gradient/gradient_share", [0.0] * 9, "layer")],
        [*measured("gradient/gradient_norm", [1.0] * 9),
         *measured("gradient/gradient_share", [1e-6] * 9, "layer")],
        [*measured("update/update_norm", [1.0] * 9), *measured("update/lost", [0.9] * 9)],
    ],
    ids=["stuck", "clipped", "dead", "vanishing", "rounding"],
)  # fmt: skip
def test_a_larger_step_is_not_advised_where_something_else_is_wrong(other) -> None:
    larger = larger_step([16] * 9, [0.1] * 9, [0.1] * 9)
    assert found("step-could-be-larger", *larger) is not None
    assert found("step-could-be-larger", *larger, other) is None
