"""The benchmark from end to end at tiny sizes: that it runs and says what it should."""

import json
import re
from functools import partial

import pytest

from benchmarks import line
from benchmarks.__main__ import main
from benchmarks.line import measure
from benchmarks.networks import chosen
from benchmarks.peers import PEERS
from benchmarks.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """All parts, one round: the folder of the results and what was printed."""
    folder = tmp_path_factory.mktemp("bench")
    tiny = {"batch": 2, "rounds": 1, "seconds": 0, "small": True, "out": folder}
    figure = folder / "growth.svg"
    main("covariate-shift", "line", "growth", networks=("dln",), figure=figure, **tiny)
    main("declared", "budget", networks=("resnet-20",), **tiny)
    return folder


def results(folder, name):
    return json.loads((folder / f"{name}-cpu.json").read_text("utf-8"))


def test_each_network_has_its_row_with_and_without_its_norm(run):
    rows = results(run, "covariate_shift")["rows"]

    assert [(row["network"], row["norm"]) for row in rows] == [
        ("dln", "batch"),
        ("dln", "none"),
    ]
    for row in rows:
        operations = row["operations"]
        assert operations["ours"] < operations["floor"] < operations["frugal"]
        assert operations["frugal"] < operations["literal"]
        assert set(row["seconds"]) == {"step", "ours", "frugal", "literal"}
        assert set(row["in steps"]) == {"ours", "frugal", "literal"}
        assert row["bytes"]["step"]["above"] > 0
        assert row["bytes"]["ours"]["above"] > 0


def test_arithmetic_and_equality_are_met_at_any_size(run):
    """Time and memory are of a size that means something; these two are not."""
    for row in results(run, "covariate_shift")["rows"]:
        met = {bar["bar"]: bar["met"] for bar in row["bars"]}
        assert set(met) == {"arithmetic", "memory", "equality", "time"}
        assert met["arithmetic"]
        assert met["equality"]


@pytest.mark.parametrize("name", ["covariate_shift", "line", "growth", "declared", "budget"])
def test_results_say_where_they_are_from(run, name):
    written = results(run, name)

    assert written["benchmark"] == name
    assert {"landscope", "versions", "date", "commit", "processor", "threads", "device"} <= set(
        written["provenance"]
    )
    assert written["settings"] == {"samples": 2, "rounds": 1, "seconds": 0}


def test_a_line_takes_its_passes_and_nothing_more(run):
    for row in results(run, "line")["rows"]:
        assert row["operations"]["ours"] == row["operations"]["passes"]
        assert row["differences of the losses"]["by hand"] < 1e-3
        assert set(row["in steps"]) | set(row["errors"]) == {"ours", *PEERS}


def test_no_probe_takes_more_than_it_declares(run):
    rows = results(run, "declared")["rows"]

    assert {row["probe"] for row in rows if row["network"] == "resnet-20"} == {
        "line[paper]",
        "covariate_shift",
        "distribution",
    }
    assert all(0 < row["counted in steps"] <= row["declared in steps"] for row in rows)


def test_the_memory_of_each_look_is_measured(run):
    for row in results(run, "declared")["rows"]:
        assert row["bytes"]["look"] > 0
        assert row["bytes"]["bound"] > 0


def test_budgets_are_measured_by_the_clock_and_an_idle_block_asks_nothing_of_the_device(run):
    rows = results(run, "budget")["rows"]

    assert [row["network"] for row in rows] == ["resnet-20"]
    for row in rows:
        assert row["norm"] != "none"
        assert set(row["shares"]) == {"0.01", "0.05", "0.2"}
        assert all(0 <= share < 1 for share in row["shares"].values())
        assert row["idle operations"] == 0
        assert 0 < row["idle microseconds"] < 1000


def test_growth_is_measured_fitted_and_drawn(run):
    written = results(run, "growth")

    assert [(row["depth"], row["samples"]) for row in written["rows"]] == [
        (2, 2),
        (4, 2),
        (2, 2),
        (2, 4),
    ]
    assert set(written["exponents"]) == {"depth", "samples"}
    assert "<svg" in (run / "growth.svg").read_text("utf-8")


def test_the_tables_show_bars_and_the_parts_can_be_chosen(tmp_path, capsys):
    main("covariate-shift", networks=("dln",), batch=2, rounds=1, seconds=0, out=tmp_path)

    printed = capsys.readouterr().out
    assert "Covariate shift of all layers" in printed
    assert len(re.findall(r"\b(?:met|missed)\b", printed)) == 2 * 4
    assert [path.name for path in tmp_path.iterdir()] == ["covariate_shift-cpu.json"]


def test_a_peer_that_fails_is_named_with_its_error(monkeypatch):
    def broken(step, etas):
        raise ImportError("no such package")

    monkeypatch.setattr(line, "PEERS", {"by hand": PEERS["by hand"], "broken": broken})
    (network, _) = chosen(("dln",))

    row = measure(network, Settings(samples=2, rounds=1, seconds=0))

    assert row.errors == {"broken": "ImportError: no such package"}
    assert set(row.seconds) == {"step", "ours", "by hand"}


def test_a_wrong_peer_would_be_seen(monkeypatch):
    """The comparison is of equals: a loss that differs shows in the results."""

    def shifted(step, etas):
        return [(loss + 1, change) for loss, change in PEERS["by hand"](step, etas)]

    monkeypatch.setattr(line, "PEERS", {"shifted": shifted})
    (network, _) = chosen(("dln",))
    differences = partial(measure, network, Settings(samples=2, rounds=1, seconds=0))

    assert differences().differences["shifted"] > 1e-4
