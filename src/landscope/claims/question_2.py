"""Question 2 of the paper: does batch norm reduce internal covariate shift at all?"""

from dataclasses import dataclass

from landscope.claims.answer import Answer, Number, Verdict, not_run
from landscope.claims.statistics import has_over_layers, median, over_layers
from landscope.records.study_records import StudyRecords
from landscope.study.config import Family
from landscope.study.santurkar2018 import DLN_LR, DLN_SMALL_LR, VGG_LR, VGG_SMALL_LR

ID = "question-2"
QUESTION = "Question 2: does batch norm reduce internal covariate shift?"
SOURCE = "Santurkar et al. 2018, section 2.2, Definition 2.1 and figure 3"

_PAIRS: tuple[tuple[Family, float], ...] = (
    ("vgg", VGG_LR),
    ("vgg", VGG_SMALL_LR),
    ("dln", DLN_LR),
    ("dln", DLN_SMALL_LR),
)
_NAMES = {"vgg": "VGG", "dln": "DLN"}


@dataclass(frozen=True)
class _Pair:
    """The shift without and with batch norm, at one learning rate; medians."""

    name: str
    plain: dict[str, float]
    batch: dict[str, float]
    runs: tuple[str, str]

    @property
    def reduced(self) -> bool:
        return self.batch["shift_l2"] < self.plain["shift_l2"]

    def sentence(self) -> str:
        return (
            f"{self.name}: ||G - G'|| {self.plain['shift_l2']:.2g} without and "
            f"{self.batch['shift_l2']:.2g} with batch norm; relative to ||G|| "
            f"{self.plain['shift_relative']:.2g} and {self.batch['shift_relative']:.2g}; "
            f"cosine {self.plain['shift_cosine']:.2f} and {self.batch['shift_cosine']:.2f}."
        )


def question_2(study: StudyRecords) -> Answer:
    """The paper says no: the shift is not smaller with batch norm, and often larger.

    Holds if in no pair of runs the median shift is smaller with batch norm, fails if it is
    smaller in all of them, else undecided. Medians are over looks and layers without the first.
    """
    pairs = [pair for family, lr in _PAIRS if (pair := _pair(study, family, lr))]
    if not pairs:
        return not_run(ID, QUESTION, SOURCE, "covariate shift of any network with and without BN")
    reduced = sum(pair.reduced for pair in pairs)
    verdict: Verdict = (
        "holds" if reduced == 0 else "fails" if reduced == len(pairs) else "undecided"
    )
    opening = {
        "holds": "No",
        "fails": "Yes",
        "undecided": "Mostly not" if reduced * 2 < len(pairs) else "In part",
    }[verdict]
    return Answer(
        ID,
        QUESTION,
        verdict,
        f"{opening}: the gradients' shift under the layers before is smaller with batch norm in "
        f"{reduced} of {len(pairs)} pairs of runs.",
        (
            *(pair.sentence() for pair in pairs),
            "Medians over looks and over all layers but the first, for which it is 0.",
            "Rule: in no pair of runs is the median ||G - G'|| smaller with batch norm.",
        ),
        tuple(
            Number(f"{label}, median", values[quantity], unit, run)
            for pair in pairs
            for values, run in zip((pair.plain, pair.batch), pair.runs, strict=True)
            for quantity, label, unit in (
                ("shift_l2", "||G - G'||", "loss / parameter"),
                ("shift_relative", "||G - G'|| / ||G||", "1"),
                ("shift_cosine", "cosine of G and G'", "1"),
            )
        ),
        SOURCE,
    )


def _pair(study: StudyRecords, family: Family, lr: float) -> _Pair | None:
    wanted = [{"family": family, "norm": norm, "lr": lr} for norm in ("none", "batch")]
    if not all(study.has(**fields) for fields in wanted):
        return None
    runs = [study.find(**fields) for fields in wanted]
    if not all(has_over_layers(run, "covariate_shift", "shift_l2") for run in runs):
        return None
    plain, batch = (
        {
            quantity: median(over_layers(run, "covariate_shift", quantity))
            for quantity in ("shift_l2", "shift_relative", "shift_cosine")
        }
        for run in runs
    )
    return _Pair(f"{_NAMES[family]} at lr {lr:g}", plain, batch, (runs[0].id, runs[1].id))
