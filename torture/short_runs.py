"""Short runs that can be stopped at any place: two of the paper's, and one of a user's model."""

from dataclasses import dataclass
from pathlib import Path

from landscope.runs import RunFolder
from landscope.studies.comparison.configuration import ComparisonRun
from landscope.studies.machine import Machine
from landscope.studies.santurkar2018.experiments import Experiment, Probing

_OWN = Path(__file__).with_name("own_parts.py")
_PROBING = Probing(
    curve_every=2,
    evaluate_every=4,
    look_every=3,
    theory_every=4,
    theory_units=1,
    multiples=(0.5, 2.0),
    fixed_etas=(1e-7,),
    reference_inputs=6,
    bins=4,
)


@dataclass(frozen=True)
class ShortRun:
    """A run, what it is called here, and before every how many lines of its journal it is killed.

    Most lines of a journal stand next to others of the same look.
    """

    name: str
    config: Experiment | ComparisonRun
    every: int

    @property
    def steps(self) -> int:
        """Its length."""
        return self.config.steps

    def folder(self, place: Path) -> Path:
        """Where its records are, in a place of their own."""
        return place / self.config.id

    def do(self, place: Path) -> None:
        """Do it, on one thread of the CPU, with a checkpoint after every step."""
        from landscope.studies.comparison.training import ComparisonTraining
        from landscope.studies.engine import run
        from landscope.studies.santurkar2018.training import PaperTraining

        begin = PaperTraining if isinstance(self.config, Experiment) else ComparisonTraining
        folder, machine = RunFolder(self.folder(place)), Machine("cpu", threads=1)
        run(begin, self.config, folder, machine, lambda _: None, checkpoint_every=0.0)


RUNS = (
    ShortRun(
        "VGG, noisy batch norm",
        Experiment(
            family="vgg",
            model="vgg-small",
            norm="noisy-batch",
            data="fashion-mnist",
            lr=0.1,
            steps=5,
            batch_size=8,
            l2_penalty=5e-4,
            probes=("covariate_shift", "distribution", "line", "theory"),
            watched=(2, 7),
            probing=_PROBING,
        ),
        every=40,
    ),
    ShortRun(
        "DLN, every probe",
        Experiment(
            family="dln",
            model="dln-3",
            norm="none",
            data="gaussian",
            lr=1e-6,
            steps=9,
            probes=("covariate_shift", "distribution", "line", "reference_lines", "optimum"),
            watched=(1, 3),
            probing=_PROBING,
        ),
        every=20,
    ),
    ShortRun(
        "a user's own, AdamW, dropout",
        ComparisonRun(
            model=f"{_OWN}:make_model",
            data=f"{_OWN}:make_batches",
            loss=None,
            optimizer=f"{_OWN}:make_optimizer",
            norm="as-is",
            lr=0.01,
            seed=3,
            steps=8,
            every=2,
            insert=False,
        ),
        every=8,
    ),
)
