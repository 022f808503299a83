"""The landscape along the gradient (paper.md section 4), for any nets: Figures 4, 10, 12 and 13."""

from landscope.figures.bands import bands_panel
from landscope.figures.curves import curve, log_panel
from landscope.figures.selection import Net
from landscope.figures.spec import Level, Panel, Place

EDGE_OF_STABILITY = Level(2.0, "2, the edge of stability")
"""Where gradient descent on a quadratic stops descending: beta = 2 / lr."""


def variation_of_loss(letter: str, place: Place, nets: list[Net]) -> Panel:
    """The band of the loss over the paper's step sizes, as multiples of the learning rate."""
    title = f"{letter} Loss along the gradient"
    return bands_panel(title, place, "loss, least to greatest", nets, "line[paper]", "loss")


def gradient_predictiveness(letter: str, place: Place, nets: list[Net]) -> Panel:
    """The band of the distance between the gradient here and there."""
    title = f"{letter} Change of the gradient"
    label = "L2 distance, least to greatest"
    return bands_panel(title, place, label, nets, "line[paper]", "gradient_change")


def effective_beta(letter: str, place: Place, nets: list[Net]) -> Panel:
    """The largest change of the gradient over the distance moved."""
    curves = [curve(each, "line[paper]", "effective_beta") for each in nets]
    return log_panel(f"{letter} Effective β-smoothness", place, "effective β", curves)


def beta_times_lr(letter: str, place: Place, nets: list[Net]) -> Panel:
    """Effective beta in units of 1 / lr, with the edge of stability at 2."""
    curves = [curve(each, "line[paper]", "beta_lr") for each in nets]
    title = f"{letter} Effective β · learning rate"
    return log_panel(title, place, "effective β · lr", curves, (EDGE_OF_STABILITY,))


def fixed_grid_beta(letter: str, place: Place, nets: list[Net]) -> Panel:
    """Effective beta over a grid of step sizes that does not depend on the learning rate."""
    curves = [curve(each, "line[fixed]", "effective_beta") for each in nets]
    title = f"{letter} Effective β, lr-independent grid"
    return log_panel(title, place, "effective β", curves)


def fixed_grid_loss(letter: str, place: Place, nets: list[Net]) -> Panel:
    """The band of the loss over the grid that does not depend on the learning rate."""
    title = f"{letter} Loss, lr-independent grid"
    return bands_panel(title, place, "loss, least to greatest", nets, "line[fixed]", "loss")


def landscape_panels(nets: list[Net]) -> tuple[Panel, ...]:
    """Panels a to f of Figures 4 and 10: the paper's three, then three that keep them honest."""
    return (
        variation_of_loss("(a)", Place(0, 0), nets),
        gradient_predictiveness("(b)", Place(0, 1), nets),
        effective_beta("(c)", Place(0, 2), nets),
        beta_times_lr("(d)", Place(1, 0), nets),
        fixed_grid_loss("(e)", Place(1, 1), nets),
        fixed_grid_beta("(f)", Place(1, 2), nets),
    )


def landscape_square(first: Panel, nets: list[Net]) -> tuple[Panel, ...]:
    """Panels of Figures 12 and 13: training, then the paper's three landscape plots."""
    return (
        first,
        variation_of_loss("(b)", Place(0, 1), nets),
        gradient_predictiveness("(c)", Place(1, 0), nets),
        effective_beta("(d)", Place(1, 1), nets),
    )
