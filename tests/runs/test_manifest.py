"""A manifest comes back as it was given, or is refused by the name of its file."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from landscope.errors import RecordError, StorageError, UsageError
from landscope.runs import Journal, RunFolder, StudyFolder, manifest

RUN: dict[str, Any] = {
    "format": 1,
    "id": "run",
    "config": {"norm": "batch", "lr": 0.1, "layers": [1, 2], "penalty": None, "deep": {"a": True}},
    "layers": ["conv.1", "größe"],
    "versions": {"torch": "2.8.0"},
    "device": "cpu",
    "threads": 2,
    "seed": 0,
}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def test_a_manifest_comes_back_as_it_was_given(folder: RunFolder) -> None:
    folder.write_manifest(RUN)
    assert folder.manifest.content == RUN


def test_a_second_manifest_replaces_the_first(folder: RunFolder) -> None:
    folder.write_manifest(RUN)
    folder.write_manifest({**RUN, "seed": 1})
    assert folder.manifest.seed == 1
    assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "run.json"]


def test_the_manifest_stays_while_the_journal_is_written(folder: RunFolder) -> None:
    folder.write_manifest(RUN)
    with (
        Journal.create(folder),
        pytest.raises(StorageError, match=r"its journal is being written by another"),
    ):
        folder.write_manifest({**RUN, "seed": 1})
    assert folder.manifest.content == RUN


def test_every_cut_of_a_manifest_is_refused(folder: RunFolder) -> None:
    folder.write_manifest(RUN)
    whole = folder.manifest_path.read_bytes().rstrip()
    for size in range(len(whole)):
        folder.manifest_path.write_bytes(whole[:size])
        with pytest.raises(
            RecordError, match=r"run\.json: the manifest is cut or garbled; restore"
        ):
            _ = folder.manifest


def test_a_changed_byte_never_gives_a_wrong_setting(folder: RunFolder) -> None:
    folder.write_manifest(RUN)
    whole = folder.manifest_path.read_bytes()
    stream = random.Random(0)
    refused = 0
    for _ in range(1000):
        changed = bytearray(whole)
        changed[stream.randrange(len(whole))] ^= stream.randrange(1, 256)
        folder.manifest_path.write_bytes(changed)
        try:
            assert folder.manifest.content == RUN  # a space turned into a tab changes nothing
        except RecordError as error:
            refused += str(folder.manifest_path) in str(error)
    assert refused > 900


def put(folder: RunFolder, content: Any) -> None:
    """Writes a manifest with the right checksum, whatever it says."""
    sealed = {**content, "crc32": manifest._checksum(content)}
    folder.manifest_path.write_text(json.dumps(sealed))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"format": 2}, "its format is 2, and this landscope reads up to 1; install a newer"),
        ({"format": 2, "layers": "new"}, "its format is 2, .*; install a newer landscope"),
        ({"format": 0}, "the manifest is wrong: format: .*greater than or equal to 1"),
        ({"format": "1"}, "the manifest is wrong: format: .*valid integer"),
        ({"layers": [1]}, "the manifest is wrong: layers.0: .*valid string"),
        ({"config": []}, "the manifest is wrong: config: .*valid dictionary"),
        ({"id": "../up"}, "the manifest is wrong: id: .*it starts with a dot"),
    ],
)
def test_a_manifest_of_the_wrong_shape_is_refused(
    folder: RunFolder, change: dict[str, Any], rule: str
) -> None:
    put(folder, {**RUN, **change})
    with pytest.raises(RecordError, match=rf"run\.json: {rule}"):
        _ = folder.manifest


@pytest.mark.parametrize("missing", ["id", "config", "layers", "format"])
def test_a_manifest_that_lacks_a_field_is_refused(folder: RunFolder, missing: str) -> None:
    put(folder, {name: value for name, value in RUN.items() if name != missing})
    with pytest.raises(RecordError, match=rf"run\.json: the manifest is wrong: {missing}: Field"):
        _ = folder.manifest


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[]", "the manifest is not a JSON object"),
        ("{}", "the manifest does not match its checksum"),
        (json.dumps(RUN), "the manifest does not match its checksum"),
        ('{"seed": NaN}', "the manifest is cut or garbled"),
        ('{"seed": 0, "seed": 1}', "the manifest is cut or garbled"),
        ("[" * 100_000, "the manifest is cut or garbled"),
    ],
)
def test_what_is_no_manifest_is_refused(folder: RunFolder, text: str, rule: str) -> None:
    folder.manifest_path.write_text(text)
    with pytest.raises(RecordError, match=rf"run\.json: {rule}"):
        _ = folder.manifest


def test_a_manifest_without_end_is_refused(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_manifest(RUN)
    monkeypatch.setattr(manifest, "MAX_BYTES", 100)
    with pytest.raises(RecordError, match=r"run\.json: it is longer than 100 bytes"):
        _ = folder.manifest


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"layers": None}, "the manifest is wrong: layers: .*valid list"),
        ({"config": {"lr": float("nan")}}, "the manifest is not JSON: Out of range float"),
        ({"config": {"path": Path("x")}}, "the manifest is not JSON: .* not JSON serializable"),
        ({"format": 2}, "must have the format 1 and no field crc32"),
        ({"crc32": "0"}, "must have the format 1 and no field crc32"),
        ({"id": "other"}, "a run's id is the name of its folder, 'run'"),
    ],
)
def test_a_wrong_manifest_is_not_written(
    folder: RunFolder, change: dict[str, Any], rule: str
) -> None:
    folder.write_manifest(RUN)
    with pytest.raises(UsageError, match=rule):
        folder.write_manifest({**RUN, **change})
    assert folder.manifest.content == RUN


def test_a_study_manifest_has_its_own_fields(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    folder.create()
    with pytest.raises(UsageError, match=r"study\.json: the manifest is wrong: study: Field"):
        folder.write_manifest({"format": 1})
    given = {"format": 1, "study": "santurkar2018", "preset": {"name": "quick"}, "seconds": None}
    folder.write_manifest(given)
    assert folder.manifest.content == given


def test_a_number_too_large_for_a_float_is_refused(folder: RunFolder) -> None:
    text = json.dumps({**RUN, "seconds": 1.5, "crc32": "0"}).replace("1.5", "1e999")
    folder.manifest_path.write_text(text)
    with pytest.raises(RecordError, match=r"run\.json: the manifest is cut or garbled"):
        _ = folder.manifest


def test_a_manifest_of_any_depth_is_read_or_refused(folder: RunFolder) -> None:
    for depth in range(900, 1000):
        folder.manifest_path.write_text('{"crc32":"0","a":' + "[" * depth + "]" * depth + "}")
        with pytest.raises(RecordError, match=r"run\.json: the manifest"):
            _ = folder.manifest


def test_a_setting_that_stands_there_twice_is_refused(folder: RunFolder) -> None:
    """As where a line of the run's own manifest is left in another run's."""
    folder.write_manifest(RUN)
    whole = folder.manifest_path.read_text()
    folder.manifest_path.write_text(whole.replace('"lr": 0.1,', '"lr": 0.2,\n    "lr": 0.1,'))
    with pytest.raises(RecordError, match=r"run\.json: the manifest is cut or garbled; restore"):
        _ = folder.manifest
