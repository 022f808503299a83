"""The examples that are run by Python print what they are about."""

import math
import re

import pytest
from tests.examples.running import EXAMPLES, printed_by, values_by_step

pytestmark = pytest.mark.slow

SHAKESPEARE = EXAMPLES.parents[1] / "shared" / "data" / "tinyshakespeare" / "input.txt"


def test_the_plain_loop_prints_the_scope_and_the_newest_readings(tmp_path):
    lines = printed_by("plain_loop.py", "200", folder=tmp_path)

    scope = re.fullmatch(
        r"Scope\(Sequential, 200 updates, (\d+) measurements, ([\d.]+) % .*", lines[0]
    )
    assert scope is not None, lines[0]
    assert int(scope[1]) > 0
    assert 0 < float(scope[2]) < 100
    newest = {key: value for (_, key), value in values_by_step(lines).items()}
    assert {"gradient/agreement", "update/step_ratio", "scope/share"} <= set(newest)
    # A budget of time may give too few measurements to tell noise from gradient.
    untold = {key for key, value in newest.items() if not math.isfinite(value)}
    assert untold <= {"noise_scale/noise_scale", "noise_scale/efficiency"}
    assert 0 < newest["gradient/loss"] < math.log(10)  # that of a guess among ten
    used, measured = newest["gradient/used_gradient_norm"], newest["gradient/gradient_norm"]
    assert used == pytest.approx(measured, rel=1e-3)  # both are printed to four digits


def assert_learned(lines: list[str]) -> None:
    values = values_by_step(lines)
    assert {step for step, _ in values} == {0, 25}
    assert all(map(math.isfinite, values.values()))
    assert values[25, "gradient/loss"] < math.log(256) < values[0, "gradient/loss"] + 0.5
    # It is clipped, and printed to four places.
    assert all(value <= 1.0001 for (_, key), value in values.items() if "used" in key)
    assert all(value > 0 for (_, key), value in values.items() if "sharpness" in key)


def test_the_transformer_learns_tinyshakespeare(tmp_path):
    if not SHAKESPEARE.exists():
        pytest.skip("no tinyshakespeare in ../shared/data, beside the repository")

    assert_learned(printed_by("adamw_transformer.py", "26", folder=tmp_path, text=str(SHAKESPEARE)))


def test_the_transformer_learns_any_text_by_its_name(tmp_path):
    (tmp_path / "mine.txt").write_text("All that a network saw, it says again. " * 50, "utf-8")

    assert_learned(printed_by("adamw_transformer.py", "26", folder=tmp_path, text="mine.txt"))


@pytest.mark.parametrize("text", [None, "nowhere.txt"])
def test_without_a_text_the_transformer_says_how_to_name_one(text, tmp_path):
    lines = printed_by("adamw_transformer.py", folder=tmp_path, text=text)

    assert len(lines) == 1
    named = text or "../shared/data/tinyshakespeare/input.txt"
    assert lines[0].startswith(f"There is no text at {named}. Name one: TEXT=mine.txt python ")


def test_of_weights_before_a_batch_norm_the_own_probe_reads_that_they_only_turn(tmp_path):
    values = values_by_step(printed_by("own_probe.py", "51", folder=tmp_path))

    assert set(values) == {(s, f"growth/cosine/{layer}") for s in (0, 50) for layer in (0, 3)}
    assert abs(values[50, "growth/cosine/0"]) < values[50, "growth/cosine/3"] / 100
    assert values[50, "growth/cosine/3"] <= 1


def test_the_own_norm_takes_the_place_of_both_batch_norms_and_is_measured(tmp_path):
    lines = printed_by("own_norm.py", "41", folder=tmp_path)

    assert [line for line in lines if "->" in line] == [
        f"{at}: BatchNorm1d -> MaxNorm, keeping weight" for at in (1, 4)
    ]
    edges = dict(re.findall(r"^(.*): beta x lr = ([\d.]+);", "\n".join(lines), re.MULTILINE))
    assert set(edges) == {"batch norm", "max norm"}
    assert all(0 < float(edge) < math.inf for edge in edges.values())
    assert edges["batch norm"] != edges["max norm"]
