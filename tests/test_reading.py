"""A provenance prints as one sentence, and comes back from it as the same value."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landscope.reading import OWN_BATCH, Provenance, Reading

FULL = Provenance(
    mode="training",
    batch="the last of the step's 4 batches",
    rank=(0, 2),
    samples=8,
    noise="compiled code draws its own",
    norm_mode="running",
    loss="with penalty",
    l2_penalty=0.0005,
    autocast=("bfloat16", "float16"),
    averaged=True,
    note="a step is too small; and more",
)

FULL_TEXT = (
    "training mode, the last of the step's 4 batches in process 0 of 2, 8 samples, noise "
    "drawn anew because compiled code draws its own, batch norms with their running "
    "statistics, loss with L2 penalty 0.0005, under bfloat16 and float16 autocast, "
    "averaged over the looks so far; a step is too small; and more"
)


@pytest.mark.parametrize(
    ("provenance", "text"),
    [
        (
            FULL,
            FULL_TEXT,
        ),
        (
            Provenance(mode="training", place=(3, 2), samples=128, loss="without penalty"),
            "training mode, batch 3 of epoch 2, 128 samples, loss without penalty",
        ),
        (
            Provenance(mode="evaluation", batch="the test set", norm_mode="frozen"),
            "evaluation mode, the test set, batch norms with this batch's statistics held still",
        ),
        (Provenance(mode="training", loss="with penalty"), "training mode, loss with penalty"),
        (Provenance(mode="training", samples=8), "training mode, 8 samples"),
        (Provenance(note="wall time of this process"), "wall time of this process"),
        (Provenance(), ""),
    ],
)
def test_a_provenance_is_one_sentence_and_comes_back(provenance: Provenance, text: str) -> None:
    assert str(provenance) == text
    assert Provenance.parse(text) == provenance


WORDS = st.sampled_from(
    [
        "training mode", "evaluation mode", "batch 1 of epoch 2", "batch 01 of epoch 2",
        "7 samples", "the test set", "in process 0 of 2", "noise drawn anew because ",
        "loss with penalty",
        "loss with L2 penalty 1e-05", "loss with L2 penalty 0.10", "under bfloat16 autocast", ", ",
        "; ", " ", "batch norms with their running statistics", "averaged over the looks so far",
        "9" * 5000, "\n", "x",
    ]
)  # fmt: skip


@given(st.lists(WORDS, max_size=9).map("".join) | st.text(max_size=30))
@example("training mode, " + "9" * 5000 + " samples")
def test_any_text_is_kept_to_the_letter(text: str) -> None:
    assert str(Provenance.parse(text)) == text


def test_what_is_no_sentence_is_a_note() -> None:
    for text in ("RuntimeError: no", "training mode, 007 samples", "in training mode, x"):
        assert Provenance.parse(text) == Provenance(note=text)


def test_a_note_is_added_to_another() -> None:
    once = Provenance(mode="training").noting("too small")
    assert once == Provenance(mode="training", note="too small")
    assert str(once.noting("and zero")) == "training mode; too small; and zero"


def test_over_the_steps_a_batch_is_that_of_each_step() -> None:
    at_step = Provenance(mode="training", place=(3, 2), samples=8)
    assert at_step.at_any_step == Provenance(mode="training", batch=OWN_BATCH, samples=8)
    assert FULL.at_any_step is FULL


def test_a_reading_takes_a_text_as_its_provenance() -> None:
    reading = Reading(0, "mine", "number", 1.0, function="training mode, the test set")  # type: ignore
    assert reading.function == Provenance(mode="training", batch="the test set")
