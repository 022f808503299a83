"""What differs between the reports of different kinds of study: the words, the head, the runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from landscope.report import overview
from landscope.report.overview import Fact
from landscope.runs import StudyRecords
from landscope.studies.comparison import configuration as comparison
from landscope.studies.comparison import report as compared
from landscope.studies.santurkar2018 import experiments as santurkar2018


@dataclass(frozen=True, slots=True)
class Kind:
    """How studies of one kind are reported.

    Args:
        template: Name of the page's template, which fills the blocks of `report.html`.
        facts: For the head of the page.
        settings: What was chosen.
        layer_names: The layers of the networks, by number.
        run_rows: The table of all runs, as the template draws it.
    """

    template: str
    facts: Callable[[StudyRecords], list[Fact]]
    settings: Callable[[StudyRecords], list[Fact]]
    layer_names: Callable[[StudyRecords], list[Fact]]
    run_rows: Callable[[StudyRecords], Sequence[Any]]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        santurkar2018.STUDY: Kind(
            "santurkar2018.html",
            overview.facts,
            overview.settings,
            overview.layer_names,
            overview.run_rows,
        ),
        comparison.STUDY: Kind(
            "comparison.html",
            compared.facts,
            compared.settings,
            compared.layer_names,
            compared.run_rows,
        ),
    }
)
"""By the name of the kind in the manifest."""
