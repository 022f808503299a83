"""Which run and which layer a figure means, and how that run appears in it."""

from dataclasses import dataclass

from landscope.errors import RecordError
from landscope.figures.spec import Ending, Entry
from landscope.figures.style import FAMILIES, NORMS, PAPER_LR, lr_dash
from landscope.norms.names import NORM_LABELS
from landscope.runs import Outcome, RunRecords, StudyRecords
from landscope.studies.santurkar2018.records import PaperStudy


@dataclass(frozen=True, slots=True)
class Net:
    """A run with its look."""

    run: RunRecords
    entry: Entry


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with its number, counted from 1 in the order of execution, as the paper does."""

    number: int
    name: str


def find_net(study: StudyRecords, family: str, norm: str) -> Net:
    """The run of this norm at the paper's step size; named by its norm.

    Raises:
        RecordError: The study has no such run.
    """
    run = study.find(family=family, norm=norm, lr=PAPER_LR[family])
    label, dash = NORM_LABELS[norm], NORMS[norm].dash
    return Net(run, Entry(label, norm, FAMILIES[family], dash, ending(run.outcome)))


def find_nets(study: StudyRecords, family: str, norms: tuple[str, ...]) -> list[Net]:
    """The runs of these norms at the paper's step size; raises as `find_net` does."""
    return [find_net(study, family, norm) for norm in norms]


def find_net_at(study: StudyRecords, family: str, norm: str, lr: float) -> Net:
    """The run of this norm at this step size; named by both, the dash tells the step size.

    Raises:
        RecordError: The study has no such run.
    """
    run = study.find(family=family, norm=norm, lr=lr)
    label = f"{NORM_LABELS[norm]}, lr {lr_text(lr)}"
    return Net(run, Entry(label, norm, FAMILIES[family], lr_dash(family, lr), ending(run.outcome)))


def lr_text(lr: float) -> str:
    """A step size as a reader writes it, as in ``0.1`` and ``1e-6``."""
    return f"{lr:g}".replace("e-0", "e-")


def layers(study: StudyRecords, run: RunRecords, family: str, figure: str) -> list[Layer]:
    """The layers that the study's preset shows in a figure.

    Args:
        study: The study.
        run: The run whose layers are meant.
        family: Table of the preset.
        figure: As in ``"figure_2"``.

    Raises:
        RecordError: The preset names no layers for this figure, or one that the run has not.
    """
    numbers = study.settings(PaperStudy).preset.family(family).layers.get(figure)
    if not numbers:
        raise RecordError(
            f"preset.{family}.layers.{figure} = {numbers!r}",
            "the study's manifest names the layers of each figure",
            "run the study again with this version of landscope",
        )
    shown = [_layer(run, number) for number in numbers]
    return list(dict.fromkeys(shown))


def ending(outcome: Outcome) -> Ending | None:
    """How a run broke off, in words; None for a run that reached its end."""
    if outcome.status == "finished":
        return None
    step = outcome.step or 0
    if outcome.status == "diverged":
        return Ending(step, f"diverged at step {step}")
    return Ending(step, f"unfinished, stopped at step {step}")


def _layer(run: RunRecords, number: int) -> Layer:
    if not 1 <= number <= len(run.layers):
        raise RecordError(
            f"layer {number!r} of run {run.id}",
            f"layers are counted from 1 to {len(run.layers)} in the order of execution",
            "correct the layers of the preset",
        )
    return Layer(number, run.layers[number - 1])
