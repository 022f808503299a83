"""Finding: blocks pass, and the optimiser that was given does not step in them."""

from landscope.findings.finding import Case, Evidence
from landscope.findings.history import History
from landscope.findings.phrase import counted
from landscope.findings.symptom import Symptom

_QUANTITY = "blocks_without_update"


def _look(history: History) -> Case | None:
    counts = history.readings("scope", _QUANTITY)
    if not counts:
        return None
    # A later count takes the place of an earlier one of the same step; 0 is the step itself.
    step = counts[-1].step
    of_step = [float(c.value) for c in counts if c.step == step and isinstance(c.value, float)]
    if not of_step or 0.0 in of_step:
        return None
    blocks = max(of_step)
    began = f" since step {step}" if step else ""
    seen = f"No step of the given optimiser was seen in {counted(int(blocks), 'block')}{began}"
    inside, outside = (
        1.0 in history.series("scope", f"weights_changed_{where}").values
        for where in ("inside", "outside")
    )
    if inside:
        sentence = (
            f"{seen}, though the weights changed: another optimiser stepped, and nothing of it "
            "was measured."
        )
        remedy = (
            "Give Scope the optimiser whose step() the loop calls: make the scope after an "
            "optimiser that is made anew, as when a checkpoint is loaded; give the inner one where "
            "one wraps another, as SAM does; optimizer=None where the loop updates by hand."
        )
    else:
        where = ", and the weights changed outside of the blocks" if outside else ""
        sentence = f"{seen}{where}, so nothing was measured of them."
        remedy = (
            "Call optimizer.step() inside of `with scope.step(...)`, on the optimiser that Scope "
            "was given."
        )
    return Case("serious", sentence, Evidence(f"scope/{_QUANTITY}", (step,), (blocks,)), remedy)


NO_UPDATES_SEEN = Symptom(
    "no-updates-seen",
    ("serious",),
    "100 blocks without a step of the given optimiser, and more than 4 times as many as ever made "
    "an update; or a training that ends without any",
    "landscope.Scope, argument `optimizer`",
    _look,
)
