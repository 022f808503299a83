"""The fuzzing's row: its properties can fail, and it says plainly where there is no atheris."""

import json
from importlib.util import find_spec
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest
from tests.torture import planted

from landscope.runs import manifest, replay
from landscope.runs.outcome import UNFINISHED
from torture import fuzz, readers, record_samples
from torture.damage import DAMAGES, damaged
from torture.readers import AS_IT_IS, SEALED, WrongError
from torture.row import Form, NotRunError

needs_atheris = pytest.mark.skipif(find_spec("atheris") is None, reason="there is no atheris here")
SAMPLES = {"journal": "journal", "manifest": "run manifest"}


def seeds(name: str, folder: Path) -> list[bytes]:
    folder.mkdir()
    whole = record_samples.SAMPLES[SAMPLES[name]](folder).path.read_bytes()
    return readers.seeds(name, whole)


@pytest.mark.parametrize("name", list(readers.READERS))
def test_a_reader_holds_its_property_over_seeds_and_their_damage(tmp_path: Path, name: str) -> None:
    given = seeds(name, tmp_path / "sample")
    stream = Random(0)
    for seed in given:
        readers.READERS[name](tmp_path / "record", seed)
    for way in [*DAMAGES] * 12:
        seed = stream.choice(given)
        made = damaged(seed[1:], stream.choice(given)[1:], way, stream)
        if made is not None:
            readers.READERS[name](tmp_path / "record", seed[:1] + made)


@pytest.mark.parametrize("name", list(readers.READERS))
def test_a_sealed_seed_is_accepted(tmp_path: Path, name: str) -> None:
    """Else a fuzzer would see nothing but refusals."""
    sealed = next(seed for seed in seeds(name, tmp_path / "sample") if seed[:1] == SEALED)
    path = tmp_path / "record"
    readers.READERS[name](path, sealed)
    if name == "journal":
        assert len(replay.replay(path).readings) == len(record_samples.readings(0.0))
    else:
        assert manifest.read_manifest(path, manifest.RunManifest).id == "run"


def line(body: str) -> bytes:
    fields = '"probe":"p","quantity":"q","unit":"1","layer":null,"axis":null,"status":"ok"'
    return b'{"format":1,"line":1,"reading":{%b,%b,"function":"","seconds":0.0}}' % (
        body.encode(),
        fields.encode(),
    )


def test_an_infinity_out_of_a_number_is_a_finding(tmp_path: Path) -> None:
    given = SEALED + line('"step":0,"value":1e999')
    readers.journal(tmp_path / "record", given)
    with (
        patch("landscope.runs.body.math.isfinite", lambda _: True),
        pytest.raises(ValueError, match="Out of range float"),
    ):
        readers.journal(tmp_path / "record", given)


def test_an_end_that_says_otherwise_is_a_finding(tmp_path: Path) -> None:
    finish = b'{"format":1,"line":1,"finish":{"status":"finished","step":1,"seconds":1.0}}'
    readers.journal(tmp_path / "record", SEALED + finish)
    with (
        patch.object(readers, "replay_outcome", lambda _: UNFINISHED),
        pytest.raises(WrongError, match="and from its end"),
    ):
        readers.journal(tmp_path / "record", SEALED + finish)


def test_a_manifest_that_loses_a_setting_is_a_finding(tmp_path: Path) -> None:
    given = {**record_samples.run_manifest(0), "format": 1}
    sealed = SEALED + json.dumps(given).encode()
    readers.manifest(tmp_path / "record", sealed)

    def careless(path: Path, found: manifest.RunManifest) -> None:
        manifest.write_manifest(path, found.changed(config={}))

    with (
        patch.object(readers, "write_manifest", careless),
        pytest.raises(WrongError, match="another manifest when written again"),
    ):
        readers.manifest(tmp_path / "record", sealed)


def test_an_error_that_names_no_file_is_a_finding(tmp_path: Path) -> None:
    def nameless(path: Path) -> replay.Replay:
        raise readers.RecordError("somewhere", "it is wrong", "mend it")

    with (
        patch.object(readers, "replay", nameless),
        pytest.raises(WrongError, match="does not name the file: somewhere"),
    ):
        readers.journal(tmp_path / "record", AS_IT_IS)


def test_without_atheris_the_row_says_so(tmp_path: Path) -> None:
    with (
        patch.object(fuzz, "find_spec", lambda _: None),
        pytest.raises(NotRunError, match=r"atheris is not there; on Linux, pip install"),
    ):
        fuzz.run(Form(tmp_path, short=True))


@needs_atheris
def test_the_fuzzing_runs_and_finds_nothing(tmp_path: Path) -> None:
    found = fuzz.run(Form(tmp_path, short=True))
    assert found.met, found.failures
    assert min(int(row["inputs"]) for row in found.rows) > 100


@needs_atheris
def test_a_planted_fault_is_found_and_its_input_is_kept(tmp_path: Path) -> None:
    assert planted.journal.__name__ == "journal"
    found = fuzz.run(Form(tmp_path, seconds=60.0), {"journal": "tests.torture.planted:journal"})
    assert not found.met
    crash, told = found.failures
    assert crash["kind"] == "crash"
    with pytest.raises(Exception, match=r".") as raised:
        planted.journal(tmp_path / "record", bytes.fromhex(str(crash["input"])))
    assert type(raised.value).__name__ in str(told["said"])
