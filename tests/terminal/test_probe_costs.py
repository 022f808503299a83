"""The table of what probes will cost: what it says, at any width."""

import io

import pytest
from rich.console import Console

from landscope.cost import ProbeCost
from landscope.terminal.study_progress import costs_table

COSTS = {
    "vgg-small": [
        ProbeCost("covariate_shift", look=2.54, looks=20, steps=200),
        ProbeCost("line[paper]", look=4.0, looks=20, steps=200),
    ],
    "dln-25": [ProbeCost("optimum", look=0.4, looks=1, steps=200)],
}


def shown(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(costs_table(COSTS))
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_each_probe_has_a_line_and_each_network_a_sum() -> None:
    lines = shown(80)

    assert "vgg-small covariate_shift 2.5 20 25%" in lines
    assert "line[paper] 4.0 20 40%" in lines
    assert "together 65%" in lines
    assert "dln-25 optimum 0.4 1 0%" in lines


@pytest.mark.parametrize("width", [1, 20])
def test_a_narrow_terminal_is_no_trouble(width: int) -> None:
    assert shown(width)
