"""One colour and one dash for each norm and each step size, the same in every figure.

The colours are those of Okabe and Ito (2008), "Color Universal Design", in an order that keeps
the nets that share a figure apart also in print and for the colour-blind; the rest come from Tol
(2021), "Colour schemes", muted. Each has a twin for dark pages.
"""

from dataclasses import dataclass

from landscope.figures.spec import Dash


@dataclass(frozen=True, slots=True)
class NormStyle:
    """How one norm looks: colour on a white and on a dark page, dash."""

    colour: str
    dark: str
    dash: Dash


NORMS: dict[str, NormStyle] = {
    "none": NormStyle("#3a3a3a", "#d9d9d9", Dash.SOLID),
    "batch": NormStyle("#0072b2", "#4aa8e8", Dash.SOLID),
    "noisy-batch": NormStyle("#d55e00", "#ff8a3d", Dash.DASHED),
    "noise": NormStyle("#882255", "#e07ab0", Dash.DOTTED),
    "l1": NormStyle("#009e73", "#2fcc9e", Dash.DASHED),
    "l2": NormStyle("#b8569a", "#e598cb", Dash.DASH_DOT),
    "linf": NormStyle("#d48e00", "#f5bd3f", Dash.DOTTED),
    "layer": NormStyle("#332288", "#9d90f0", Dash.DASHED),
    "group": NormStyle("#7f7f20", "#c3c34e", Dash.DASH_DOT),
    "instance": NormStyle("#56b4e9", "#9ad7fb", Dash.DOTTED),
    "rms": NormStyle("#8c510a", "#d99a50", Dash.LONG),
    "as-is": NormStyle("#b2182b", "#ff8a80", Dash.SOLID),
}
"""By the norm's name; the order is that of the legend."""

LINES: dict[str, NormStyle] = {
    "line-1": NORMS["batch"],
    "line-2": NORMS["noisy-batch"],
    "line-3": NORMS["l1"],
    "rest": NORMS["none"],
}
"""Where one run has several lines in a panel, and what is drawn behind them."""

PAGE = "#ffffff"
INK = "#222222"
MUTED = "#666666"
GRID = "#e3e3e3"
DARK_PAGE = "#16191d"

SCREEN_DASHES: dict[Dash, tuple[float, ...]] = {
    Dash.SOLID: (),
    Dash.DASHED: (7, 3),
    Dash.DOTTED: (2, 2.5),
    Dash.DASH_DOT: (8, 3, 2, 3),
    Dash.LONG: (14, 3),
}
"""Lengths in pixels, by turns of the line and of the gap after it."""

_NEUTRALS = {PAGE: DARK_PAGE, INK: "#e6e6e6", MUTED: "#a8adb3", GRID: "#33383e"}
_RAMP = ("#3b4cc0", "#2a87b8", "#1fa187", "#7fb53b", "#e09a1a")
_RAMP_DARK = ("#8a96ff", "#4fb3e6", "#35cfae", "#a4d95c", "#ffc24d")

TINTS = 8
"""A run's colour comes in this many strengths, for time."""
SHADES = 24
"""A colour bar has this many colours."""


def of_norm(norm: str) -> NormStyle:
    """How a norm looks, or one of several lines.

    Args:
        norm: Key of `NORMS` or of `LINES`.
    """
    return NORMS[norm] if norm in NORMS else LINES[norm]


def tint(norm: str, strength: float) -> str:
    """The norm's colour mixed into the white page; ``strength`` in [0, 1] is rounded to TINTS."""
    return _tint(NORMS[norm].colour, PAGE, _level(strength, TINTS))


def shade(position: float) -> str:
    """The colour at ``position`` in [0, 1] on the colour bar, rounded to SHADES."""
    return _ramp(_RAMP, _level(position, SHADES))


def band_opacity(bands: int) -> float:
    """How opaque a band is, so that as many as there are can be seen through each other."""
    return 0.28 if bands <= 2 else 0.12


def dark_twins() -> dict[str, str]:
    """For each colour that a figure uses on a white page, the one for a dark page."""
    twins = dict(_NEUTRALS)
    for norm in NORMS.values():
        twins[norm.colour] = norm.dark
        for level in range(TINTS):
            strength = level / (TINTS - 1)
            twins[_tint(norm.colour, PAGE, strength)] = _tint(norm.dark, DARK_PAGE, strength)
    for level in range(SHADES):
        position = level / (SHADES - 1)
        twins[_ramp(_RAMP, position)] = _ramp(_RAMP_DARK, position)
    return twins


def _level(position: float, levels: int) -> float:
    clipped = min(1.0, max(0.0, position))
    return round(clipped * (levels - 1)) / (levels - 1)


def _tint(colour: str, page: str, strength: float) -> str:
    return _mix(page, colour, 0.3 + 0.65 * strength)


def _ramp(anchors: tuple[str, ...], position: float) -> str:
    place = position * (len(anchors) - 1)
    left = min(int(place), len(anchors) - 2)
    return _mix(anchors[left], anchors[left + 1], place - left)


def _mix(start: str, end: str, share: float) -> str:
    channels = (
        round(int(start[at : at + 2], 16) * (1 - share) + int(end[at : at + 2], 16) * share)
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)
