import subprocess
import sys
from pathlib import Path

import pytest
from tests.figures.study_fixture import Synthetic

from landscope.errors import RecordError, UsageError
from landscope.figures.spec import BandsPanel, FigureSpec, LinesPanel, RidgesPanel
from landscope.runs import StudyRecords
from landscope.studies.publish import specify
from landscope.studies.santurkar2018.experiments import FIGURES as ASKABLE
from landscope.studies.santurkar2018.figures import FIGURES

KINDS = (LinesPanel, BandsPanel, RidgesPanel)
LAYOUTS = {
    # number: (lines, bands, ridges) panels of the paper's layout, and the companions
    1: (2, 0, 4),
    2: (1, 0, 9),
    3: (20, 0, 0),
    4: (3, 3, 0),
    5: (2, 0, 0),
    6: (0, 0, 5),
    8: (15, 0, 0),
    9: (0, 0, 6),
    10: (3, 3, 0),
    11: (2, 0, 0),
    12: (2, 2, 0),
    13: (2, 2, 0),
}


def test_every_figure_that_can_be_asked_for_is_in_the_table() -> None:
    assert tuple(FIGURES) == ASKABLE


@pytest.mark.parametrize("number", FIGURES)
def test_figure_has_the_papers_panels(number: int, study: StudyRecords) -> None:
    spec = specify(number, study)
    assert spec.number == number
    kinds = [sum(isinstance(panel, kind) for panel in spec.panels) for kind in KINDS]
    assert tuple(kinds) == LAYOUTS[number]


@pytest.mark.parametrize("number", FIGURES)
def test_panels_do_not_overlap(number: int, study: StudyRecords) -> None:
    spec = specify(number, study)
    taken = [
        (row, column)
        for panel in spec.panels
        for row in range(panel.place.row, panel.place.row + panel.place.rows)
        for column in range(panel.place.column, panel.place.column + panel.place.columns)
    ]
    assert len(taken) == len(set(taken)) == spec.rows * spec.columns


@pytest.mark.parametrize("number", FIGURES)
def test_a_norm_keeps_its_look_in_every_panel(number: int, study: StudyRecords) -> None:
    for item in specify(number, study).legend:
        first = specify(5, study).legend
        same = [other for other in first if other.label == item.label]
        assert all((each.norm, each.dash) == (item.norm, item.dash) for each in same)


@pytest.mark.parametrize("number", FIGURES)
def test_equal_records_give_equal_figures(number: int, study: StudyRecords) -> None:
    # Gaps are NaN, and only one and the same NaN equals itself; the drawings' cache needs this.
    one, other = specify(number, study), specify(number, study)
    assert one == other
    assert hash(one) == hash(other)


def test_titles_of_ridges_name_the_net_and_the_layer(study: StudyRecords) -> None:
    titles = [panel.title for panel in specify(1, study).panels if isinstance(panel, RidgesPanel)]
    assert titles[:2] == ["(c) No norm, layer\u00a02", "(c) No norm, layer\u00a07"]
    assert specify(6, study).panels[1].title == "Batch norm, layer\u00a07"


def test_description_names_panels_and_nets(study: StudyRecords) -> None:
    text = specify(1, study).description
    assert text.startswith("Figure 1: Batch norm and the training of a VGG. 6 panels:")
    assert "(b) Test accuracy" in text
    assert "No norm, lr 0.5 (diverged at step 30)" in text


def test_legend_says_which_family_broke_off(study: StudyRecords) -> None:
    labels = [item.full_label for item in specify(5, study).legend]
    assert labels == [
        "No norm",
        "Batch norm",
        "L1 norm (VGG unfinished, stopped at step 29)",
        "L2 norm",
        "L∞ norm",
    ]


def test_figure_2_shows_noise_without_a_norm_where_it_was_run(study: StudyRecords) -> None:
    assert "Noise without a norm" in [item.label for item in specify(2, study).legend]


def test_figure_2_does_without_that_run(tmp_path: Path) -> None:
    runs = tuple(("vgg", norm, 0.1) for norm in ("none", "batch", "noisy-batch"))
    study = Synthetic(steps=20, looks=3, runs=runs).write(tmp_path / "study")
    spec: FigureSpec = specify(2, study)
    assert [item.norm for item in spec.legend] == ["none", "batch", "noisy-batch"]


def test_figure_that_is_not_there(study: StudyRecords) -> None:
    with pytest.raises(UsageError, match=r"figure 7: the figures are 1, 2, 3, .*, 13"):
        specify(7, study)


def test_missing_run_is_said(tmp_path: Path) -> None:
    study = Synthetic(steps=20, looks=3, runs=(("vgg", "none", 0.1),)).write(tmp_path / "study")
    with pytest.raises(RecordError, match=r"norm='batch'.*the study has no such run"):
        specify(4, study)


@pytest.mark.parametrize(
    ("number", "quantity"),
    [
        (1, "test_accuracy"),
        (2, "activation_histogram"),
        (3, "shift_cosine"),
        (4, "beta_lr"),
        (5, "train_loss"),
        (8, "input_wasserstein_relative"),
        (11, "gradient_change"),
    ],
)
def test_missing_reading_is_said(number: int, quantity: str, tmp_path: Path) -> None:
    study = Synthetic(steps=20, looks=3, omitted=(quantity,)).write(tmp_path / "study")
    with pytest.raises(RecordError, match=f"{quantity}.*there is no such reading"):
        specify(number, study)


def test_layer_that_the_run_has_not(tmp_path: Path) -> None:
    synthetic = Synthetic(steps=20, looks=3, vgg_layers=("a", "b", "c"))
    study = synthetic.write(tmp_path / "study")
    with pytest.raises(RecordError, match=r"layer 7 of run vgg-none.*counted from 1 to 3"):
        specify(6, study)


def test_preset_without_layers(tmp_path: Path) -> None:
    synthetic = Synthetic(steps=20, looks=3, manifest={"preset": {"name": "quick"}})
    study = synthetic.write(tmp_path / "study")
    with pytest.raises(RecordError, match=r"preset\.vgg\.layers\.figure_6 = None"):
        specify(6, study)


def test_figures_load_no_torch() -> None:
    code = (
        "import sys, landscope.figures.static, landscope.figures.interactive\n"
        "sys.exit('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
