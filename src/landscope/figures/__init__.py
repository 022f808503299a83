"""Figures of studies, each written once as a specification and drawn twice: on paper, on screen.

Reads rows of records only, and raises RecordError where rows are missing. Never imports torch.
"""

from landscope.figures.spec import FigureSpec
from landscope.figures.study_figures import FIGURES, specify

__all__ = ["FIGURES", "FigureSpec", "specify"]
