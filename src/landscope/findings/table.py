"""All rules, in the order in which findings of equal severity are listed, and their use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from landscope.findings import data, edge, gradient, layers, loss, measuring, norms, step
from landscope.findings.finding import SEVERITIES, Finding, Findings, Rule, Severity
from landscope.findings.history import History
from landscope.quantities import SCOPE
from landscope.reading import Reading

RULES: tuple[Rule, ...] = (
    loss.diverged,
    loss.stuck,
    measuring.no_updates_seen,
    gradient.loss_not_trained,
    gradient.gradient_scaled,
    layers.no_gradient,
    layers.vanishing_gradient,
    layers.dead_units,
    step.lost_updates,
    data.sorted_data,
    norms.evaluation_mode,
    norms.norms_in_evaluation,
    norms.statistics_still,
    edge.beyond_the_edge,
    step.updates_oscillate,
    step.update_too_large,
    step.vanishing_update,
    step.step_could_be_larger,
    gradient.gradient_changed,
    gradient.gradient_clipped,
    norms.running_statistics_lag,
    norms.evaluation_differs,
    norms.batch_too_small_for_norm,
    norms.dead_scales,
    layers.gradient_turns_round,
    data.noise_dominates,
    data.batch_larger_than_useful,
    data.unscaled_inputs,
    layers.not_optimised,
    gradient.accumulation_not_divided,
    measuring.probe_failed,
    measuring.not_measured,
    measuring.budget_exceeded,
)
"""Those that concern the training as a whole come first."""

_PLACES = {rule.id: place for place, rule in enumerate(RULES)}


def find(readings: Iterable[Reading], probes: Iterable[str] = ()) -> Findings:
    """Find what the readings of one training show, the most severe first.

    Args:
        readings: All readings of one training, in any order. Readings that were skipped or are not
            finite are ignored; findings that need them do not appear.
        probes: Ids of the probes that were asked to measure, so that those that never did can be
            named.

    Returns:
        At most one finding of each id; none if no problem was found, or too little was read.
    """
    history = History(readings, probes)
    several = any(value > 1 for value in history.series(SCOPE.processes).values)
    found = [rule.find(history) for rule in RULES if not (several and rule.of_mean_gradient)]
    shown = [finding for finding in found if finding is not None]
    return Findings(sorted(shown, key=_rank), history.measured, history.skipped)


@dataclass(frozen=True, slots=True)
class Across:
    """One finding over the runs of a study.

    Args:
        finding: That of the run that shows it most clearly: the most severe one, then the one with
            the most measurements or layers, then the first.
        run: That run's id.
        others: The other runs that show it, each with how severe it is there.
        of: How many runs there are.
    """

    finding: Finding
    run: str
    others: tuple[tuple[str, Severity], ...]
    of: int

    @property
    def count(self) -> int:
        """Number of runs that show it."""
        return 1 + len(self.others)


def across(runs: Mapping[str, Iterable[Reading]]) -> list[Across]:
    """Find what the runs of a study show, the most severe first.

    Args:
        runs: The readings of each, by its id.

    Returns:
        One for each id that any run has.
    """
    showing: dict[str, list[tuple[str, Finding]]] = {}
    for run, readings in runs.items():
        for finding in find(readings):
            showing.setdefault(finding.id, []).append((run, finding))
    found = [_clearest(shown, len(runs)) for shown in showing.values()]
    return sorted(found, key=lambda one: (_rank(one.finding), _PLACES[one.finding.id]))


def _clearest(shown: list[tuple[str, Finding]], of: int) -> Across:
    run, finding = min(shown, key=lambda pair: (_rank(pair[1]), -len(pair[1].evidence.steps)))
    others: list[tuple[str, Severity]] = [
        (other, also.severity) for other, also in shown if other != run
    ]
    return Across(finding, run, tuple(others), of)


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)
