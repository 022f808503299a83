"""Whatever was read: findings can be put into words and do not depend on the order of readings."""

import json
import math
import random
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from landscope.findings import find
from landscope.findings.finding import SEVERITIES
from landscope.findings.table import RULES
from landscope.reading import Reading, Status

KEYS = (
    *(("gradient", name) for name in ("loss", "agreement", "gradient_norm", "gradient_scale")),
    *(("gradient", name) for name in ("used_cosine", "used_scale", "left_over", "batches")),
    *(("update", name) for name in ("relative_update", "successive_cosine")),
    *(("step_size", name) for name in ("sharpness_lr", "safe_multiple", "safe_lr", "lr")),
    *(("noise_scale", name) for name in ("efficiency", "noise_scale", "batch_size")),
    *(("norm_health", name) for name in ("mean_gap", "variance_gap", "dead_scales")),
    *(("norm_health", name) for name in ("evaluation_gap", "half_batch_gap", "training_loss")),
    ("norm_health", "evaluation_loss"),
    *(("line[paper]", name) for name in ("loss", "start_loss", "gradient_norm")),
    *(("line[paper]", name) for name in ("beta_lr", "effective_beta")),
    ("covariate_shift", "shift_cosine"),
    ("training", "train_loss"),
    ("scope", "share"),
    ("scope", "asked_share"),
    ("scope", "failed"),
    *(("gradient", name) for name in ("gradient_share", "unowned", "largest_class")),
    ("gradient", "largest_class_number"),
    ("update", "lost"),
    ("update", "update_norm"),
    ("norm_health", "evaluation_mode"),
    *(("norm_health", f"statistics_{name}") for name in ("unset", "still")),
    *(("input_drift", f"input_{name}") for name in ("size", "spread", "mean_change")),
    ("input_drift", "silent_inputs"),
    ("unheard", "of"),
)
LAYERS = (None, "", "conv", "bn1", "bn2", "bn3", "bn4")
NUMBERS = st.floats() | st.sampled_from([-1e308, -0.7, -0.0, 0.0, 1e-9, 0.05, 0.95, 3.0, 1e308])
STATUSES = st.sampled_from([Status.OK, Status.OK, *Status])


@st.composite
def series(draw):
    """Readings of one quantity, some at one step, some lists, some not to be relied on."""
    probe, quantity = draw(st.sampled_from(KEYS))
    layer = draw(st.sampled_from(LAYERS))
    usual = draw(NUMBERS)  # most are alike, or nothing would be sustained
    read = []
    for step in draw(st.lists(st.integers(0, 2**70) | st.integers(0, 20), max_size=12)):
        value = draw(st.just(usual) | NUMBERS | st.lists(NUMBERS, max_size=2).map(tuple))
        reason = draw(st.sampled_from(["", "why", "line\nbreak"]))
        read.append((step, probe, quantity, value, layer, draw(STATUSES), reason))
    return read


def build(fields):
    """Readings are made outside of the strategy: the type checks of tests draw from ``random``."""
    return [
        Reading(step, probe, quantity, value, layer=layer, status=status, function=reason)
        for each in fields
        for step, probe, quantity, value, layer, status, reason in each
    ]


def steady(key, value, layer=None, measurements=4):
    return [(at, *key, value, layer, Status.OK, "") for at in range(measurements)]


EVERYTHING = [
    steady(("gradient", "loss"), math.nan),
    steady(("gradient", "agreement"), 0.5),
    steady(("update", "relative_update"), 1e308),
    steady(("update", "successive_cosine"), -1.0),
    steady(("step_size", "sharpness_lr"), 1e308),
    steady(("step_size", "lr"), 1e308),
    steady(("norm_health", "evaluation_gap"), 1e308),
    *(steady(("norm_health", "variance_gap"), 1e308, layer) for layer in LAYERS),
    *(steady(("norm_health", "dead_scales"), 1e308, layer) for layer in LAYERS),
    *(steady(("covariate_shift", "shift_cosine"), -1e308, layer) for layer in LAYERS),
    steady(("noise_scale", "efficiency"), 5e-324),
    steady(("scope", "share"), 1e308),
    steady(("scope", "asked_share"), -1e308),
    steady(("scope", "failed"), 1.0, "line"),
]
NO_NUMBER = re.compile(r"\b(nan|inf|none)\b", re.IGNORECASE)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(fields=st.lists(series(), max_size=8), seed=st.integers(0, 100))
@example(fields=[], seed=0)
@example(fields=EVERYTHING, seed=1)
def test_any_readings_give_findings_in_words_whatever_their_order(fields, seed) -> None:
    readings = build(fields)
    findings = find(readings)

    ids = [finding.id for finding in findings]
    assert len(set(ids)) == len(ids)
    table = [rule.id for rule in RULES]
    places = [(SEVERITIES.index(f.severity), table.index(f.id)) for f in findings]
    assert places == sorted(places)
    for finding in findings:
        check(finding)

    shuffled = list(readings)
    random.Random(seed).shuffle(shuffled)
    assert find(iter(shuffled)) == findings


def check(finding) -> None:
    assert NO_NUMBER.search(str(finding)) is None, str(finding)
    assert "\n" not in str(finding)
    # One sentence, then the remedy.
    assert finding.sentence.endswith(".")
    assert not finding.sentence[:-1].endswith(".")
    assert re.search(r"[^.]\. [A-Z]", finding.sentence) is None
    assert finding.remedy.endswith(".")
    assert finding.reference
    assert str(finding).endswith(f"{finding.sentence} {finding.remedy}")
    assert str(finding).startswith(finding.severity.capitalize())
    (rule,) = (rule for rule in RULES if rule.id == finding.id)
    assert finding.severity in rule.severities
    evidence = finding.evidence
    assert evidence.steps
    assert len(evidence.values) in (0, len(evidence.steps))
    assert len(evidence.layers) in (0, len(evidence.steps))
    assert all(map(math.isfinite, evidence.values))
    again = json.loads(json.dumps(finding.as_dict(), allow_nan=False))
    assert again == finding.as_dict()


def test_the_worst_comes_first() -> None:
    ids = [finding.id for finding in find(build(EVERYTHING))]
    assert ids[:2] == ["diverged", "loss-not-trained"]
    assert ids[-2:] == ["probe-failed", "budget-exceeded"]
    assert len(ids) >= 10


def test_a_dictionary_has_everything() -> None:
    (finding,) = find(build([steady(("update", "relative_update"), 0.5, measurements=3)]))
    assert finding.as_dict() == {
        "id": "update-too-large",
        "severity": "warning",
        "sentence": finding.sentence,
        "evidence": {
            "quantity": "update/relative_update",
            "unit": "1",
            "steps": [0, 1, 2],
            "layers": [],
            "values": [0.5, 0.5, 0.5],
        },
        "reference": finding.reference,
        "remedy": finding.remedy,
    }


def test_a_step_that_was_read_twice_counts_once() -> None:
    twice = steady(("update", "relative_update"), 0.5, measurements=2)
    assert find(build([twice, twice])) == []


@pytest.mark.parametrize("value", [(0.5, 0.5), ()])
def test_lists_are_no_numbers(value) -> None:
    assert find(build([steady(("update", "relative_update"), value)])) == []
