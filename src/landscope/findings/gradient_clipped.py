"""Finding: the gradient is clipped at most steps."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting
from landscope.findings.phrase import counted, number, percent
from landscope.findings.symptom import Symptom
from landscope.findings.used_gradient import constant, used_scale

CLIPPED = 0.95
"""Length of the used gradient over that of the computed one, below which it counts as clipped:
rounding does not shorten it by a twentieth."""

SHORT = 0.1
"""Factor below which clipping is a warning: the learning rate that acts is not a tenth of the one
that was chosen."""


def _look(history: History) -> Case | None:
    factors = used_scale(history)
    stretch = lasting(factors, lambda value: value < CLIPPED)
    # One factor at every look is that of a scaled loss, which is another finding.
    if stretch is None or constant(stretch):
        return None
    clipped = [step for step, value in factors.points.items() if value < CLIPPED]
    typical = factors.on(clipped)
    return Case(
        "info" if typical.median >= SHORT else "warning",
        f"The gradient was clipped at {len(clipped)} of {counted(len(factors), 'look')} "
        f"({percent(len(clipped) / len(factors))}), to {number(typical.median)} of its length at "
        "the median of these, so that it is the clipping and not the learning rate alone that "
        "sets the length of the step.",
        Evidence.of("gradient/used_scale", typical),
        "If clipping is to catch exceptions only, raise its bound, or lower the learning rate by "
        "that factor; if it is to normalise the step, leave it, and tune bound and learning rate "
        "together.",
    )


GRADIENT_CLIPPED = Symptom(
    "gradient-clipped",
    ("warning", "info"),
    f"used gradient {LASTING} shorter than {CLIPPED} times that of the backward pass, by a factor "
    f"that varies, while the two are parallel; a warning where its median is below {SHORT}",
    "Pascanu et al. 2013, arXiv 1211.5063, section 3.2",
    _look,
)
