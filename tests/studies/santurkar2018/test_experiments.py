"""Which runs stand behind which figure."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from landscope.errors import UsageError
from landscope.studies.santurkar2018.experiments import (
    FIGURES,
    Experiment,
    check_figures,
    load_preset,
    runs_behind,
)
from landscope.studies.santurkar2018.study import Santurkar2018

QUICK = load_preset("quick")
PLAIN_AND_BATCH = ("vgg-none-lr0.1", "vgg-batch-lr0.1")
LP = ("none", "batch", "l1", "l2", "linf")

# What the rows of figures/paper.py look up with find_net and find_nets.
LOOKED_UP: dict[int, tuple[str, ...]] = {
    1: (*PLAIN_AND_BATCH, "vgg-none-lr0.5", "vgg-batch-lr0.5"),
    2: (*PLAIN_AND_BATCH, "vgg-noisy-batch-lr0.1", "vgg-noise-lr0.1"),
    3: (
        *PLAIN_AND_BATCH,
        *("vgg-none-lr0.01", "vgg-batch-lr0.01"),
        *("dln-none-lr1e-06", "dln-batch-lr1e-06", "dln-none-lr1e-07", "dln-batch-lr1e-07"),
    ),
    4: PLAIN_AND_BATCH,
    5: (*(f"vgg-{norm}-lr0.1" for norm in LP), *(f"dln-{norm}-lr1e-06" for norm in LP)),
    6: tuple(f"vgg-{norm}-lr0.1" for norm in LP),
    8: (*PLAIN_AND_BATCH, "vgg-noisy-batch-lr0.1"),
    9: ("dln-none-lr1e-06", "dln-batch-lr1e-06"),
    10: ("dln-none-lr1e-06", "dln-batch-lr1e-06"),
    11: PLAIN_AND_BATCH,
    12: tuple(f"vgg-{norm}-lr0.1" for norm in LP),
    13: tuple(f"dln-{norm}-lr1e-06" for norm in LP),
}

# Figure: runs that must have the probe whose readings it draws.
PROBED: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("distribution", PLAIN_AND_BATCH),
    2: ("distribution", LOOKED_UP[8]),
    3: ("covariate_shift", LOOKED_UP[3]),
    4: ("line", PLAIN_AND_BATCH),
    6: ("distribution", LOOKED_UP[6]),
    8: ("distribution", LOOKED_UP[8]),
    9: ("distribution", LOOKED_UP[9]),
    10: ("line", LOOKED_UP[10]),
    11: ("line", PLAIN_AND_BATCH),
    12: ("line", LOOKED_UP[12]),
    13: ("line", LOOKED_UP[13]),
}


def runs(*figures: int, seed: int = 0) -> dict[str, Experiment]:
    """The runs behind some figures, by id without the seed."""
    configs = runs_behind(QUICK, figures, seed)
    assert len({config.id for config in configs}) == len(configs)
    return {config.id.removesuffix(f"-seed{seed}"): config for config in configs}


def test_every_figure_with_measurements_is_known() -> None:
    assert FIGURES == (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13) == tuple(LOOKED_UP)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_alone_has_the_runs_that_it_looks_up(figure: int) -> None:
    assert set(runs(figure)) == set(LOOKED_UP[figure])


@pytest.mark.parametrize("figure", PROBED)
def test_a_figure_alone_has_the_probes_that_it_draws(figure: int) -> None:
    probe, probed = PROBED[figure]
    found = runs(figure)
    for run in probed:
        assert probe in found[run].probes


def test_all_figures_share_their_runs() -> None:
    found = runs(*FIGURES)
    assert set(found) == {run for looked_up in LOOKED_UP.values() for run in looked_up}
    assert len(found) == 18
    everything = ("covariate_shift", "distribution", "line", "reference_lines", "theory")
    assert found["vgg-batch-lr0.1"].probes == everything
    assert found["vgg-none-lr0.1"].probes == everything[:4]
    assert found["vgg-l1-lr0.1"].probes == everything[1:3]
    assert found["dln-batch-lr1e-06"].probes == (*everything[:3], "optimum", *everything[3:])
    assert found["vgg-noise-lr0.1"].probes == ()


def test_probes_are_the_union_whatever_the_order_of_the_figures() -> None:
    there, back = runs(1, 3, 4), runs(4, 3, 1)
    assert there == back
    assert there["vgg-none-lr0.1"].probes == (
        "covariate_shift",
        "distribution",
        "line",
        "reference_lines",
    )
    assert there["vgg-none-lr0.5"].probes == ()


def test_learning_rates_are_those_of_the_paper() -> None:
    rates = {family: set() for family in ("vgg", "dln")}
    for config in runs(*FIGURES).values():
        rates[config.family].add(config.lr)
    assert rates == {"vgg": {0.1, 0.5, 0.01}, "dln": {1e-6, 1e-7}}


def test_a_run_takes_its_size_from_its_family() -> None:
    found = runs(3, seed=5)
    for run, config in found.items():
        size = QUICK.vgg if run.startswith("vgg") else QUICK.dln
        assert (config.model, config.data, config.steps) == (size.model, size.data, size.steps)
        assert (config.batch_size, config.l2_penalty) == (size.batch_size, size.l2_penalty)
        assert config.probing == size.probing
        assert config.seed == 5
        assert config.id == f"{run}-seed5"


def test_layers_are_watched_where_their_distribution_is_measured() -> None:
    found = runs(*FIGURES)
    assert found["vgg-batch-lr0.1"].watched == (2, 3, 4, 5, 6)
    assert found["dln-batch-lr1e-06"].watched == (1, 9, 11, 17, 24)
    assert found["vgg-batch-lr0.5"].watched == ()


@pytest.mark.parametrize("figure", [7, 0, 14, -1])
def test_a_figure_that_the_paper_does_not_have_is_refused(figure: int) -> None:
    text = (
        rf"^figure = {figure}: the paper's figures with measurements are 1 to 6 and 8 to 13; "
        r"choose among 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13$"
    )
    with pytest.raises(UsageError, match=text):
        check_figures([1, figure])


def test_figures_come_in_order_and_once_each() -> None:
    assert check_figures([4, 1, 4]) == (1, 4)
    assert check_figures([]) == FIGURES


def test_each_order_has_a_folder_of_its_own() -> None:
    everything = Santurkar2018(load_preset("quick"))
    assert everything.numbers == FIGURES
    assert everything.default_folder() == Path("runs/quick-seed0")
    some = Santurkar2018(load_preset("paper"), (4, 11), seed=3)
    assert some.default_folder() == Path("runs/paper-seed3-figure-4-11")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lr", -0.1),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("steps", 0),
        ("batch_size", 0),
        ("seed", -1),
        ("l2_penalty", -1e-4),
        ("norm", "no-such-norm"),
        ("probes", ("no-such-probe",)),
        ("lrr", 0.1),
    ],
)
def test_a_run_without_meaning_is_an_error(field: str, value: object) -> None:
    given = runs(4)["vgg-batch-lr0.1"].model_dump()
    with pytest.raises(ValidationError, match=field):
        Experiment.model_validate({**given, field: value})
