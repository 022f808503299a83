"""The table of symptoms, in the order in which findings of one severity are told."""

from collections.abc import Iterable

from landscope.findings.batch_larger_than_useful import BATCH_LARGER_THAN_USEFUL
from landscope.findings.batch_too_small_for_norm import BATCH_TOO_SMALL_FOR_NORM
from landscope.findings.beyond_the_edge import BEYOND_THE_EDGE
from landscope.findings.budget_exceeded import BUDGET_EXCEEDED
from landscope.findings.data import SORTED_DATA, UNSCALED_INPUTS
from landscope.findings.dead import DEAD_UNITS, NO_GRADIENT, VANISHING_GRADIENT
from landscope.findings.dead_scales import DEAD_SCALES
from landscope.findings.diverged import DIVERGED
from landscope.findings.evaluation_differs import EVALUATION_DIFFERS
from landscope.findings.finding import SEVERITIES
from landscope.findings.findings import Findings
from landscope.findings.gradient_changed import GRADIENT_CHANGED
from landscope.findings.gradient_clipped import GRADIENT_CLIPPED
from landscope.findings.gradient_scaled import GRADIENT_SCALED
from landscope.findings.gradient_turns_round import GRADIENT_TURNS_ROUND
from landscope.findings.history import History
from landscope.findings.loss_not_trained import LOSS_NOT_TRAINED
from landscope.findings.lost_updates import ACCUMULATION_NOT_DIVIDED, LOST_UPDATES, NOT_OPTIMISED
from landscope.findings.no_updates_seen import NO_UPDATES_SEEN
from landscope.findings.noise_dominates import NOISE_DOMINATES
from landscope.findings.norm_modes import EVALUATION_MODE, NORMS_IN_EVALUATION, STATISTICS_STILL
from landscope.findings.not_measured import NOT_MEASURED
from landscope.findings.probe_failed import PROBE_FAILED
from landscope.findings.running_statistics_lag import RUNNING_STATISTICS_LAG
from landscope.findings.step_could_be_larger import STEP_COULD_BE_LARGER
from landscope.findings.stuck import STUCK
from landscope.findings.symptom import Symptom
from landscope.findings.update_too_large import UPDATE_TOO_LARGE
from landscope.findings.updates_oscillate import UPDATES_OSCILLATE
from landscope.findings.vanishing_update import VANISHING_UPDATE
from landscope.reading import Reading

SYMPTOMS: tuple[Symptom, ...] = (
    DIVERGED,
    STUCK,
    NO_UPDATES_SEEN,
    LOSS_NOT_TRAINED,
    GRADIENT_SCALED,
    NO_GRADIENT,
    VANISHING_GRADIENT,
    DEAD_UNITS,
    LOST_UPDATES,
    SORTED_DATA,
    EVALUATION_MODE,
    NORMS_IN_EVALUATION,
    STATISTICS_STILL,
    BEYOND_THE_EDGE,
    UPDATES_OSCILLATE,
    UPDATE_TOO_LARGE,
    VANISHING_UPDATE,
    STEP_COULD_BE_LARGER,
    GRADIENT_CHANGED,
    GRADIENT_CLIPPED,
    RUNNING_STATISTICS_LAG,
    EVALUATION_DIFFERS,
    BATCH_TOO_SMALL_FOR_NORM,
    DEAD_SCALES,
    GRADIENT_TURNS_ROUND,
    NOISE_DOMINATES,
    BATCH_LARGER_THAN_USEFUL,
    UNSCALED_INPUTS,
    NOT_OPTIMISED,
    ACCUMULATION_NOT_DIVIDED,
    PROBE_FAILED,
    NOT_MEASURED,
    BUDGET_EXCEEDED,
)
"""Each speaks for itself; whether it concerns the training as a whole decides its place."""


_OF_THE_MEAN_GRADIENT = {
    symptom.id
    for symptom in (
        BATCH_LARGER_THAN_USEFUL,
        BEYOND_THE_EDGE,
        GRADIENT_CHANGED,
        GRADIENT_CLIPPED,
        NOISE_DOMINATES,
        STEP_COULD_BE_LARGER,
    )
}
"""Nothing of these can be told of several processes, of which one measures its own batch."""


def find(readings: Iterable[Reading], probes: Iterable[str] = ()) -> Findings:
    """What the readings of one training show, the most severe first.

    Args:
        readings: All of one training, in any order. What is missing, was skipped or is not finite
            is left out; a finding that rests on it does not appear.
        probes: Ids of the probes that were to measure, so that one that never did can be named.

    Returns:
        At most one finding of each id; none where no problem was found, or too little was read.
    """
    history = History(readings, probes)
    several = any(value > 1 for value in history.series("scope", "processes").values)
    found = [
        symptom.find(history)
        for symptom in SYMPTOMS
        if not (several and symptom.id in _OF_THE_MEAN_GRADIENT)
    ]
    shown = [finding for finding in found if finding is not None]
    ordered = sorted(shown, key=lambda finding: SEVERITIES.index(finding.severity))
    return Findings(ordered, history.measured)
