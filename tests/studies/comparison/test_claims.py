"""What a comparison says, on made-up readings of which the answer is known."""

import math
import re
from pathlib import Path

import pytest
from tests.comparison_study import Compared, Place

from landscope.report.content import Answer
from landscope.studies.comparison.claims import CLAIMS
from landscope.studies.publish import answers


def answer(study: Compared, path: Path, asked: str) -> Answer:
    return next(one for one in answers(study.write(path / "study")) if one.id == asked)


def test_a_clear_winner_is_named_with_its_margin_and_its_seeds(tmp_path: Path) -> None:
    found = answer(Compared(), tmp_path, "lowest-loss")
    assert found.verdict == "decided"
    assert re.match(r"Lowest with batch norm, 0\.(29|30|31)", found.headline)
    assert re.search(r"next with group norm, 1\.[67]\d* times that", found.headline)
    assert "95% interval" in found.headline
    assert found.headline.endswith("3 seeds.")
    assert any(text.startswith("Without a norm: 3.") for text in found.sentences)
    assert "the same weights and saw the same batches" in " ".join(found.sentences)
    assert [number.name for number in found.numbers] == [
        "loss at the end, with batch norm",
        "loss at the end, with group norm",
        "loss at the end, without a norm",
    ]


@pytest.mark.parametrize(
    ("asked", "start"),
    [
        ("fastest", "Fastest with batch norm"),
        ("safe-step", "Largest with batch norm"),
        ("smoothest", "Smoothest with batch norm"),
        ("cost", "Cheapest without a norm"),
    ],
)
def test_the_other_questions_have_their_winner(tmp_path: Path, asked: str, start: str) -> None:
    study = Compared(seconds={"none": 0.01, "batch": 0.014, "group": 0.012})
    found = answer(study, tmp_path, asked)
    assert found.verdict == "decided"
    assert found.headline.startswith(start)
    assert "next with group norm" in found.headline


def test_norms_that_are_alike_are_undecided(tmp_path: Path) -> None:
    alike = {"none": 0.5, "batch": 0.5, "group": 0.5}
    found = answer(Compared(level=alike, noise=0.2), tmp_path, "lowest-loss")
    assert found.verdict == "undecided"
    assert found.headline.startswith("Lowest with")
    assert "not clearly different: " in found.headline


@pytest.mark.parametrize(("seeds", "told"), [((0,), "1 seed"), ((0, 1), "2 seeds")])
def test_few_seeds_decide_nothing(tmp_path: Path, seeds: tuple[int, ...], told: str) -> None:
    for found in answers(Compared(seeds=seeds).write(tmp_path / "study")):
        assert found.verdict == "undecided"
        if found.id != "stable":
            assert found.headline.endswith(
                f"From {told}: it takes 3 to tell a difference from chance."
            )


def test_seeds_that_give_the_same_runs_again_decide_nothing(tmp_path: Path) -> None:
    """As where make_model() sets a seed of its own: four times one run is one run."""
    study = Compared(seeds=(0, 1, 2, 3), alike={1: 0, 2: 0, 3: 0}).write(tmp_path / "study")
    for found in answers(study):
        if found.id == "cost":  # a training that comes again is another sample of its time
            assert found.verdict == "decided"
            continue
        assert found.verdict == "undecided"
        assert any("count once: 1 (as 0), 2 (as 0) and 3 (as 0)." in text
                   for text in found.sentences)  # fmt: skip
    assert "From 1 seed" in answers(study)[0].headline


def test_one_seed_that_comes_twice_leaves_the_others(tmp_path: Path) -> None:
    found = answer(Compared(seeds=(0, 1, 2, 3), alike={3: 1}), tmp_path, "lowest-loss")
    assert found.verdict == "decided"
    assert found.headline.endswith("3 seeds.")


def broken(
    norms: tuple[str, ...], lrs: tuple[float, ...], seeds: tuple[int, ...]
) -> dict[Place, int]:
    return {(norm, lr, seed): 15 for norm in norms for lr in lrs for seed in seeds}


def test_where_everything_diverges_nothing_is_decided(tmp_path: Path) -> None:
    study = Compared(diverged=broken(("none", "batch", "group"), (0.1, 0.01), (0, 1, 2)))
    found = {one.id: one for one in answers(study.write(tmp_path / "study"))}
    for asked in ("lowest-loss", "fastest"):
        assert found[asked].verdict == "undecided"
        assert "with every norm at least one seed diverged at every" in found[asked].headline
    assert found["stable"].headline.startswith("There is no answer: no norm learns with every seed")
    assert "no learning rate at which every run learns" in found["smoothest"].headline


def test_the_only_norm_that_ends_is_the_best_if_all_other_runs_diverged(tmp_path: Path) -> None:
    lost = broken(("none", "group"), (0.1, 0.01), (0, 1, 2))
    found = answer(Compared(diverged=lost), tmp_path / "all", "lowest-loss")
    assert (found.verdict, "every run diverged" in found.headline) == ("decided", True)
    del lost["none", 0.01, 2]
    found = answer(Compared(diverged=lost), tmp_path / "some", "lowest-loss")
    assert (found.verdict, "some runs diverged" in found.headline) == ("undecided", True)


def test_a_norm_is_judged_at_the_rate_at_which_no_seed_diverged(tmp_path: Path) -> None:
    found = answer(Compared(diverged={("batch", 0.1, 1): 9}), tmp_path, "lowest-loss")
    assert found.headline.startswith("Lowest with batch norm")


def test_the_norm_that_stands_the_largest_rate(tmp_path: Path) -> None:
    lost = broken(("none", "group"), (0.1,), (0, 1, 2))
    found = answer(Compared(diverged=lost), tmp_path / "all", "stable")
    assert found.verdict == "decided"
    assert found.headline.startswith("With batch norm the model learns at a learning rate of 0.1")
    del lost["group", 0.1, 0]
    found = answer(Compared(diverged=lost), tmp_path / "some", "stable")
    assert found.verdict == "undecided"
    assert "up to 1 of 3" in found.headline
    assert "Seeds that learn with group norm: 3 of 3 at lr 0.01, 1 of 3 at lr 0.1." in (
        found.sentences
    )


def test_a_run_that_is_stuck_does_not_learn_and_is_not_called_smooth(tmp_path: Path) -> None:
    """Its loss falls a little, and its landscape is flat."""
    study = Compared(level={"none": 2.25, "batch": 0.3}, beta={"none": 0.1, "batch": 4.0})
    found = answer(study, tmp_path / "stable", "stable")
    assert "Seeds that learn without a norm: 0 of 3 at lr 0.01, 0 of 3 at lr 0.1." in (
        found.sentences
    )
    smooth = answer(study, tmp_path / "smooth", "smoothest")
    assert smooth.verdict == "decided"
    assert smooth.headline.startswith("Smoothest with batch norm")
    assert any("Without a norm the model learns with every seed at none" in text
               for text in smooth.sentences)  # fmt: skip
    alone = Compared(norms=("none", "batch"), level={"none": 2.25, "batch": 0.3})
    told = answer(alone, tmp_path / "alone", "smoothest")
    assert told.verdict == "undecided"
    assert "with no other norm every seed learns at some rate" in told.headline
    lost = Compared(diverged=broken(("none",), (0.1,), (0,)))
    left = answer(lost, tmp_path / "left", "smoothest")
    assert left.verdict == "decided"
    told = "Left out, because not every run learns and has a reading there: lr 0.1."
    assert told in left.sentences


def test_a_rate_that_none_breaks_at_asks_for_larger_ones(tmp_path: Path) -> None:
    found = answer(Compared(), tmp_path, "stable")
    assert found.headline == ("Up to a learning rate of 0.1 every norm learns. Try larger ones.")


@pytest.mark.parametrize("asked", ["lowest-loss", "fastest", "smoothest"])
def test_other_weights_for_a_norm_leave_nothing_to_tell(tmp_path: Path, asked: str) -> None:
    study = Compared(checksums={("batch", 0.1, 1): "others"})
    found = answer(study, tmp_path, asked)
    assert found.verdict == "undecided"
    assert "the norms did not have the same initial weights" in found.headline


def test_a_reading_that_was_not_made_is_said(tmp_path: Path) -> None:
    study = Compared(omitted=(("step_size", "safe_lr"),))
    found = answer(study, tmp_path, "safe-step")
    assert found.verdict == "undecided"
    assert "no learning rate at which every run learns and has a reading" in found.headline


@pytest.mark.parametrize("what", ["unfinished", "missing"])
def test_a_comparison_that_has_not_ended_answers_nothing(tmp_path: Path, what: str) -> None:
    study = Compared(**{what: (("batch", 0.1, 1),)})
    for found in answers(study.write(tmp_path / "study")):
        assert (found.verdict, found.headline) == ("not run", "Not all runs have ended.")


@pytest.mark.parametrize("value", [0.0, -1.0, 1e300])
def test_no_value_crashes_an_answer_or_leaves_a_nan_in_it(tmp_path: Path, value: float) -> None:
    every = dict.fromkeys(("none", "batch", "group"), value)
    study = Compared(safe=every, beta=every, diverged={("none", 0.1, 0): 0})
    found = answers(study.write(tmp_path / "study"))
    assert len({one.id for one in found}) == len(CLAIMS)
    for one in found:
        assert "nan" not in " ".join((one.headline, *one.sentences))
        assert not any(math.isnan(number.value) for number in one.numbers)
