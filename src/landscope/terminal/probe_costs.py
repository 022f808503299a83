"""What the probes of a study will cost, as a table that is shown before anything runs."""

from collections.abc import Mapping

from rich import box
from rich.table import Table

from landscope.cost import ProbeCost


def costs_table(costs: Mapping[str, list[ProbeCost]]) -> Table:
    """A line for each probe of each kind of network, and what they come to.

    Args:
        costs: By the name of the network.
    """
    table = Table(
        title="What the probes will cost, in arithmetic",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    table.add_column("network")
    table.add_column("probe")
    for heading in ("a look, in steps", "looks", "of training"):
        table.add_column(heading, justify="right")
    for network, probes in costs.items():
        for number, cost in enumerate(probes):
            table.add_row(
                "" if number else network,
                cost.probe.replace("[", r"\["),
                f"{cost.look:.1f}",
                f"{cost.looks}",
                f"{cost.share:.0%}",
            )
        table.add_row("", "together", "", "", f"{sum(cost.share for cost in probes):.0%}")
        table.add_section()
    return table
