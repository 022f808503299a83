"""The findings of several trainings: which run tells each, and in which order they stand."""

import pytest

from landscope.findings import Evidence, across

from .history import looks

RELATIVE, SHARPNESS = "update/relative_update", "step_size/sharpness_lr"


def test_the_most_severe_run_tells_a_finding_and_of_equals_the_one_with_most_looks() -> None:
    found = across(
        {
            "long": looks(SHARPNESS, [2.2] * 9),
            "severe": looks(SHARPNESS, [4.0] * 3),
            "severe and longer": looks(SHARPNESS, [3.0] * 4),
            "calm": looks(SHARPNESS, [1.0] * 9),
        }
    )
    (edge,) = found
    assert (edge.finding.id, edge.finding.severity) == ("beyond-the-edge", "warning")
    assert edge.run == "severe and longer"
    assert edge.others == (("long", "info"), ("severe", "warning"))
    assert (edge.count, edge.of) == (3, 4)


def test_the_most_severe_finding_comes_first_and_then_the_order_of_the_table() -> None:
    found = across(
        {
            "one": looks("noise_scale/efficiency", [0.01] * 3),
            "two": [*looks(RELATIVE, [0.5] * 3), *looks(SHARPNESS, [4.0] * 3)],
            "three": looks("gradient/agreement", [0.1] * 3),
        }
    )
    assert [one.finding.id for one in found] == [
        "loss-not-trained",
        "beyond-the-edge",
        "update-too-large",
        "noise-dominates",
    ]


def test_no_runs_and_runs_without_readings_have_none() -> None:
    assert across({}) == []
    assert across({"empty": []}) == []


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        (
            Evidence("a/b", (3, 6, 9), (1.0, 3.0, 2.0)),
            "a/b: 1 to 3, 3 measurements from step 3 to 9",
        ),
        (Evidence("a/b", (3,), (2.0,), unit="loss"), "a/b: 2 loss, 1 measurement at step 3"),
        (Evidence("a/b", (3, 6)), "a/b: 2 measurements from step 3 to 6"),
        (
            Evidence("a/b", (3, 6), (1.0, 2.0), ("fc", "conv"), "s"),
            "a/b: 1 s at fc since step 3 and 2 s at conv since step 6",
        ),
        (
            Evidence("a/b", (0,) * 5, (1.0,) * 5, tuple("vwxyz")),
            "a/b: 1 at v since step 0, 1 at w since step 0, 1 at x since step 0 and 2 more",
        ),
    ],
)
def test_evidence_in_a_few_words(evidence, told) -> None:
    assert evidence.summary == told
