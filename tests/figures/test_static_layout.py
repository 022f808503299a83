import pytest

from landscope.figures.spec import LinesPanel
from landscope.figures.static_layout import FigureLayout
from landscope.runs import StudyRecords
from landscope.studies.publish import specify
from landscope.studies.santurkar2018.figures import FIGURES


@pytest.mark.parametrize("number", FIGURES)
def test_axes_lie_inside_and_apart(number: int, study: StudyRecords) -> None:
    layout = FigureLayout(specify(number, study))
    boxes = [layout.axes(panel) for panel in layout.spec.panels]
    if layout.has_bar:
        boxes.append(layout.bar())
    for at, (left, bottom, width, height) in enumerate(boxes):
        assert width > 0.01
        assert height > 0.02
        assert left > 0
        assert bottom > 0
        assert left + width < 1
        assert bottom + height < 1
        for x, y, w, h in boxes[at + 1 :]:
            assert left + width < x or x + w < left or bottom + height < y or y + h < bottom


def test_panels_of_a_row_line_up(study: StudyRecords) -> None:
    layout = FigureLayout(specify(12, study))
    (_, one, _, high), (_, other, _, too) = (layout.axes(panel) for panel in layout.spec.panels[:2])
    assert one + high == pytest.approx(other + too)


def test_only_the_lowest_panel_of_a_column_names_its_x(study: StudyRecords) -> None:
    layout = FigureLayout(specify(8, study))
    named = [panel for panel in layout.spec.panels if layout.has_x_label(panel)]
    assert [panel.place.row for panel in named] == [4, 4, 4]


def test_figure_11_has_a_bar(study: StudyRecords) -> None:
    assert FigureLayout(specify(11, study)).has_bar
    assert not FigureLayout(specify(4, study)).has_bar
    assert isinstance(specify(11, study).panels[0], LinesPanel)
