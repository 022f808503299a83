"""A third kind of study, as small as one can be: x <- x - lr x on x^2 / 2, at several rates."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from landscope.figures.curves import ShownRun, curve, log_panel
from landscope.figures.spec import Entry, FigureSpec, Place
from landscope.quantities import TRAINING
from landscope.reading import Reading
from landscope.report.content import Answer, Fact, StudyPage, numbered, run_line, where_and_when
from landscope.runs import StudyRecords
from landscope.runs.manifest import Part
from landscope.studies.kind import Diverged, Frozen, Kind, Settings, TextTable, Training
from landscope.studies.machine import Machine

LARGE = 1e6  # here, no number any more


class DescentRun(Frozen):
    lr: float
    seed: int = 0
    steps: int = 60

    @property
    def id(self) -> str:
        return f"lr{self.lr:g}"


class Point:
    """Where the descent is, with its state as in torch."""

    def __init__(self) -> None:
        self.x = 1.0

    def state_dict(self) -> dict[str, float]:
        return {"x": self.x}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.x = state["x"]


class Descending(Training):
    def __init__(self, run: DescentRun) -> None:
        self.run, self.point, self.layers = run, Point(), ["x"]

    @contextmanager
    def measured(self, write: Callable[[Reading], None]) -> Generator[None]:
        self.write = write
        yield

    def parts(self) -> dict[str, Any]:
        return {"point": self.point}

    def steps(self, start: int) -> Iterator[int]:
        for step in range(start, self.run.steps):
            loss = self.point.x * self.point.x / 2
            if loss > LARGE:
                raise Diverged(step)
            self.write(TRAINING.train_loss.at(step, loss))
            self.point.x -= self.run.lr * self.point.x
            yield step + 1


class RecordedDescent(Part):
    lrs: list[float] | None = None


class RecordedRun(Part):
    lr: float


@dataclass(frozen=True)
class Descent(Kind):
    name = "descent"
    grows = ("lrs",)
    records = Settings(RecordedDescent, RecordedRun)

    lrs: tuple[float, ...]

    def runs(self) -> list[DescentRun]:
        return [DescentRun(lr=lr) for lr in self.lrs]

    def asked(self) -> dict[str, Any]:
        return {"lrs": list(self.lrs)}

    def title(self) -> str:
        return f"{len(self.lrs)} descents"

    def begin(self, run: DescentRun, machine: Machine) -> Training:
        assert machine.device == "cpu"
        return Descending(run)

    @classmethod
    def figures(cls) -> dict[int, Callable[[StudyRecords], FigureSpec]]:
        return {1: losses}

    @classmethod
    def claims(cls) -> list[Callable[[StudyRecords], Answer]]:
        return [falls]

    @classmethod
    def page(cls, study: StudyRecords) -> StudyPage:
        return StudyPage(
            '{% extends "report.html" %}{% block title %}Descents{% endblock %}',
            facts=where_and_when(study.manifest),
            settings=[Fact("start", "1")],
            layer_names=[Fact(run.id, numbered(run.layers)) for run in study.runs.values()],
            columns=("lr",),
            names=0,
            runs=[run_line(run, (run.id,)) for run in study.runs.values()],
        )

    @classmethod
    def table(cls, study: StudyRecords) -> TextTable:
        rows = [(run.id, run.outcome.status) for run in study.runs.values()]
        return TextTable(("run", "outcome"), 2, rows)


def losses(study: StudyRecords) -> FigureSpec:
    """The loss of each run by step."""
    shown = [ShownRun(run, Entry(run.id, "none", "descent")) for run in study.runs.values()]
    curves = [curve(each, TRAINING.train_loss) for each in shown]
    panel = log_panel("(a) Loss", Place(0, 0), "loss", curves)
    return FigureSpec(1, "Descents", "They fall below a rate of 2.", (panel,), 4.0)


def falls(study: StudyRecords) -> Answer:
    """Holds if a run diverges just where its rate is above 2."""
    ended = {run.settings(RecordedRun).lr: run.outcome.status for run in study.runs.values()}
    right = all((lr > 2) == (status == "diverged") for lr, status in ended.items())
    verdict = "holds" if right else "fails"
    return Answer("edge", "Is 2 the edge?", verdict, "Above 2 it diverges.", (), (), "Arithmetic")
