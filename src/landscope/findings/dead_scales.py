"""Finding: a norm has switched features off."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.lasting import LASTING, lasting_largest
from landscope.findings.phrase import named, percent
from landscope.findings.symptom import Symptom

DEAD = 0.1
"""Share of a layer's scales from which on it is told: one that dies here or there is usual."""

MOST = 0.5
"""Share above which it is a warning: such a layer is less than half as wide as it was built."""


def _look(history: History) -> Case | None:
    stretches = lasting_largest(history, "norm_health", "dead_scales", lambda value: value > DEAD)
    if not stretches:
        return None
    return Case(
        "warning" if stretches[0].median > MOST else "info",
        f"Scales (gamma) of norms are dead in {named(stretches, percent)}: these features pass on "
        "a constant, and the layer is as much narrower as they are many.",
        Evidence.of_layers("norm_health/dead_scales", stretches),
        "If it is not wanted, take gamma and beta out of weight decay, or lower the learning rate; "
        "scales that start at 0 in residual branches need a warm-up to grow. If it is, prune "
        "these features: nothing changes.",
    )


DEAD_SCALES = Symptom(
    "dead-scales",
    ("warning", "info"),
    f"more than {DEAD:.0%} of a layer's scales next to nothing {LASTING}; a warning above "
    f"{MOST:.0%}",
    "Liu et al. 2017, arXiv 1708.06519, section 3; on how weight decay brings it about Mehta et "
    "al. 2019, arXiv 1811.12495",
    _look,
)
