"""Every case, and the few of them that a short run takes."""

from dataclasses import replace

from torture.hostile.case import Case
from torture.hostile.cases import data_files, replaced_files
from torture.hostile.values import hostile_values

_EACH = 47  # of so many cases a short run takes one, and one of its doors


def chosen(*, short: bool) -> list[Case]:
    """All cases through all their doors, or some of each kind through one door each."""
    cases = [*hostile_values(), *data_files(), *replaced_files()]
    if not short:
        return cases
    few = cases[::_EACH]
    return [
        replace(case, doors=(case.doors[number % len(case.doors)],))
        for number, case in enumerate(few)
    ]
