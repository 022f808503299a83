"""The mutations' row: what landscope reads passes, and each planted fault turns it red."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.torture import planted

from landscope.data import cifar10
from landscope.errors import RecordError
from landscope.runs import checkpoint
from torture import mutations, record_samples
from torture.row import Form
from torture.sample import Sample


def run(folder: Path, *names: str):
    samples = {name: mutations.SAMPLES[name] for name in names or mutations.SAMPLES}
    return mutations.run(Form(folder, short=True), samples)


@pytest.mark.parametrize("name", list(mutations.SAMPLES))
def test_a_file_gives_what_was_written_or_a_refusal_that_names_it(
    tmp_path: Path, name: str
) -> None:
    found = run(tmp_path, name)
    assert found.met, found.failures
    (row,) = found.rows
    assert row["right"] + row["refused"] == row["prefixes"] + row["mutations"] > 50


def no_digest(*_: object, **__: object) -> None:
    """What a reader without checksums does."""


FAULTS: dict[str, tuple[str, Callable[[], AbstractContextManager[object]]]] = {
    "an unchecked line": ("journal", planted.lines_unchecked),
    "an unchecked manifest": ("run manifest", planted.manifests_unchecked),
    "unchecked weights": ("weights", planted.weights_unchecked),
    "an unchecked image": ("CIFAR-10", lambda: patch.object(cifar10, "check_digest", no_digest)),
    "an unchecked checkpoint": (
        "checkpoint: tensors",
        lambda: patch.object(checkpoint, "_checked", lambda path, _: path.read_bytes()),
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_planted_fault_turns_the_row_red(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, plant = FAULTS[fault]
    monkeypatch.setattr(mutations, "SHORT_MUTATIONS", 200)
    with plant():
        found = run(tmp_path, name)
    assert not found.met
    (bar,) = (bar for bar in found.bars if bar.name == "silently wrong")
    assert bar.value > 0
    wrong = [failure for failure in found.failures if failure["verdict"] == "wrong"]
    assert wrong[0]["file"] == name


def fixed(path: Path, read: Callable[[], str]) -> Sample:
    file = path / "file"
    file.write_bytes(bytes(range(200)))
    return Sample(file, read, {"right"}, bytes(range(55, 255)))


def refuse_namelessly() -> str:
    raise RecordError("somewhere", "it is wrong", "mend it")


def crash() -> str:
    return str(1 // 0)


@pytest.mark.parametrize(
    ("read", "bar"),
    [
        (crash, "tracebacks that are not landscope's own errors"),
        (refuse_namelessly, "errors that do not name the file and the place"),
        (lambda: "left", "silently wrong"),
        (lambda: "left", "whole files that are refused"),
    ],
)
def test_each_bar_can_be_missed(tmp_path: Path, read: Callable[[], str], bar: str) -> None:
    found = mutations.run(Form(tmp_path, short=True), {"one": lambda folder: fixed(folder, read)})
    (held,) = (one for one in found.bars if one.name == bar)
    assert not held.met
    assert found.failures[0]["damage"] == "none"


def test_too_few_mutations_miss_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "SHORT_MUTATIONS", 3)
    found = run(tmp_path, "failure")
    assert [bar.name for bar in found.bars if not bar.met] == ["mutations of each file"]


def test_the_other_file_of_a_sample_is_whole_and_says_something_else(tmp_path: Path) -> None:
    """Else a splice of the two would show nothing."""
    for number, (name, make) in enumerate(record_samples.SAMPLES.items()):
        if name.startswith("checkpoint"):
            continue  # its other file belongs to another folder
        folder = tmp_path / str(number)
        folder.mkdir()
        sample = make(folder)
        mine = sample.read()
        sample.path.write_bytes(sample.other)
        assert name == "journal, its end alone" or sample.read() != mine
