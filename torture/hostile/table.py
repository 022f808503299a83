"""Every case, and the few of them that a short run takes."""

from torture.hostile.case import Case
from torture.hostile.cases import data_files, replaced_files
from torture.hostile.values import hostile_values


def chosen(*, short: bool) -> list[Case]:
    """All cases; a short run takes one of each seventh, so that every kind is among them."""
    cases = [*replaced_files(), *data_files(), *hostile_values()]
    return cases[::7] if short else cases
