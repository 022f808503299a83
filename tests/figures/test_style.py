import itertools
import re
from typing import get_args

import pytest

from landscope.figures import style
from landscope.figures.style import NORMS, dark_twins
from landscope.norms.names import NORM_LABELS, NormName
from landscope.studies.comparison.configuration import AS_IS


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_norm_has_a_look_and_a_label() -> None:
    assert list(NORMS) == list(NORM_LABELS) == [*get_args(NormName), AS_IS]


def test_looks_and_labels_differ() -> None:
    assert len(set(NORM_LABELS.values())) == len(NORM_LABELS)
    for field in ("colour", "dark"):
        assert len({getattr(look, field) for look in NORMS.values()}) == len(NORMS)


@pytest.mark.parametrize("norm", ["none", "batch", "noisy-batch", "noise", "l1", "l2"])
def test_lines_stand_out_from_either_page(norm: str) -> None:
    assert contrast(NORMS[norm].colour, style.PAGE) > 3
    assert contrast(NORMS[norm].dark, style.DARK_PAGE) > 3


def test_nets_that_share_a_figure_differ_by_dash_where_lightness_is_close() -> None:
    shared = ("none", "batch", "l1", "l2", "linf")
    for one, other in itertools.combinations((NORMS[norm] for norm in shared), 2):
        assert one.dash != other.dash or contrast(one.colour, other.colour) > 2


def test_every_colour_has_its_own_dark_twin() -> None:
    twins = dark_twins()
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for pair in twins.items() for colour in pair)
    assert len(set(twins.values())) == len(twins)
    used = {style.tint(norm, at / 20) for norm in NORMS for at in range(21)}
    used |= {style.shade(at / 100) for at in range(101)}
    assert used <= set(twins)


def test_tints_grow_stronger_with_time() -> None:
    strengths = [contrast(style.tint("batch", at / 7), style.PAGE) for at in range(8)]
    assert strengths == sorted(strengths)
    assert strengths[0] < 2 < strengths[-1]
