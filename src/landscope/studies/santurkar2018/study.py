"""The paper as a kind of study: which experiments it runs, and how their records are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscope.cost import ProbeCost
from landscope.studies.kind import Kind, Settings, TextTable, Training, check_seed
from landscope.studies.santurkar2018.experiments import (
    FIGURES,
    Experiment,
    PaperRun,
    PaperStudy,
    Preset,
    check_figures,
    runs_behind,
)

if TYPE_CHECKING:
    from landscope.figures.spec import FigureSpec
    from landscope.report.content import Answer, StudyPage
    from landscope.runs import StudyRecords
    from landscope.studies.machine import Machine


@dataclass(frozen=True)
class Santurkar2018(Kind):
    """The experiments behind some figures of the paper.

    Args:
        preset: Their size.
        numbers: Numbers of the figures; all of them where empty.
        seed: Seed of every run.
        data_dir: Folder with data sets that are not bundled; None to fetch them.

    Raises:
        UsageError: The paper has no such figure, or the seed is not one of PyTorch's.
    """

    name = "santurkar2018"
    records = Settings(PaperStudy, PaperRun)

    preset: Preset
    numbers: tuple[int, ...] = ()
    seed: int = 0
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        check_seed(self.seed)
        object.__setattr__(self, "numbers", check_figures(self.numbers))

    def runs(self) -> list[Experiment]:
        """Each run behind the figures once, with the union of its probes."""
        return runs_behind(self.preset, self.numbers, self.seed)

    def asked(self) -> dict[str, Any]:
        """Preset, figures and seed."""
        preset = self.preset.model_dump(mode="json")
        return {"preset": preset, "figures": list(self.numbers), "seed": self.seed}

    def title(self) -> str:
        """As in ``quick: 20 runs for figures 3, 4``."""
        figures = ", ".join(map(str, self.numbers))
        return f"{self.preset.name}: {len(self.runs())} runs for figures {figures}"

    def default_folder(self) -> Path:
        """The default folder: one for each order."""
        part = "" if self.numbers == FIGURES else f"-figure-{'-'.join(map(str, self.numbers))}"
        return Path("runs") / f"{self.preset.name}-seed{self.seed}{part}"

    def prepare(self, machine: "Machine") -> int:
        """Read every data set once, fetching it where it must be; raises DataError."""
        from landscope.studies.santurkar2018.training import check_data

        del machine
        check_data((run.data for run in self.runs()), self.data_dir)
        return 0

    def in_order(self, runs: Sequence[Experiment]) -> list[Experiment]:
        """The VGG first, so that no worker is left with a long run at the end."""
        return sorted(runs, key=lambda run: run.family != "vgg")

    def costs(self, runs: Sequence[Experiment], machine: "Machine") -> dict[str, list[ProbeCost]]:
        """By the name of the network, from the run that has most probes of it."""
        from landscope.studies.santurkar2018.training import predict_costs

        # A norm has no products of matrices: the networks of a family differ little in arithmetic.
        chosen: dict[str, Experiment] = {}
        for run in runs:
            known = chosen.get(run.model)
            if known is None or len(run.probes) > len(known.probes):
                chosen[run.model] = run
        return {model: predict_costs(run, machine, self.data_dir) for model, run in chosen.items()}

    def begin(self, run: Experiment, machine: "Machine") -> Training:
        """One of the paper's networks with its probes."""
        from landscope.studies.santurkar2018.training import PaperTraining

        return PaperTraining(run, machine, self.data_dir)

    @classmethod
    def figures(cls) -> "Mapping[int, Callable[[StudyRecords], FigureSpec]]":
        """The paper's figures by number."""
        from landscope.studies.santurkar2018.figures import FIGURES

        return FIGURES

    @classmethod
    def claims(cls) -> "Sequence[Callable[[StudyRecords], Answer]]":
        """The paper's claims, in the order in which it tells its story."""
        from landscope.studies.santurkar2018.claims import CLAIMS

        return CLAIMS

    @classmethod
    def page(cls, study: "StudyRecords") -> "StudyPage":
        """Preset, families and runs."""
        from landscope.studies.santurkar2018.report import page

        return page(study)

    @classmethod
    def table(cls, study: "StudyRecords") -> TextTable:
        """A line for each run."""
        from landscope.studies.santurkar2018.report import table

        return table(study)
