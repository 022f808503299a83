"""The edge of stability: learning rate times curvature, as far as it was read."""

from landscope.findings.history import History, Series

EDGE = 2.0
"""On a quadratic, a step along the update raises the loss exactly where lr x curvature is above 2:
L(theta - u) - L(theta) = -u.g (1 - lr x curvature / 2)."""

ALONG_UPDATE = "step_size/sharpness_lr"
ALONG_GRADIENT = "line[paper]/beta_lr"


def sharpness(history: History) -> tuple[str, Series]:
    """Key and series of learning rate times curvature.

    Along the update, which is what the optimiser does; along the gradient where no probe looked
    along the update, as in the study of the paper.
    """
    along_update = history.series(*ALONG_UPDATE.split("/"))
    if along_update.steps:
        return ALONG_UPDATE, along_update
    return ALONG_GRADIENT, history.series(*ALONG_GRADIENT.split("/"))
