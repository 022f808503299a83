"""The report: one self-contained page that opens offline and requests nothing."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from landscope.errors import UsageError
from landscope.figures import interactive, static
from landscope.figures.spec import FigureSpec, LegendItem, Panel, RidgesPanel
from landscope.figures.style import NORMS, SCREEN_DASHES, dark_twins
from landscope.figures.summary import SummaryRow, summarize
from landscope.findings import across
from landscope.report.content import Answer, StudyPage, probe_rows, versions
from landscope.runs import StudyRecords
from landscope.text import number_text


@dataclass(frozen=True, slots=True)
class LegendButton:
    """A button of the legend: it switches what carries the key; ``dash`` is an SVG dash array."""

    key: str
    label: str
    norm: str
    dash: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure of the page.

    Args:
        number: The figure's number.
        title: What is measured.
        caption: What to look for.
        description: The figure in words.
        source: The still picture as a data URL.
        legend: The runs that can be switched.
        plots: For each panel its title, notes, place and Plotly figure.
        columns: Of the grid.
        row_height: Of the grid, in twelfths of the width.
        numbers: The figure in numbers.
    """

    number: int
    title: str
    caption: str
    description: str
    source: str
    legend: tuple[LegendButton, ...]
    plots: list[dict[str, Any]]
    columns: int
    row_height: float
    numbers: tuple[SummaryRow, ...]


def render_page(
    study: StudyRecords,
    page: StudyPage,
    answers: Sequence[Answer],
    figures: Sequence[FigureSpec],
) -> str:
    """The page as text.

    Every text of the study is escaped; only the page's own code runs, by its hash.

    Args:
        study: The records.
        page: What the page says besides.
        answers: The study's verdicts, in the order in which they are shown.
        figures: The figures to show.
    """
    environment = Environment(
        loader=PackageLoader("landscope.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number_text
    style = as_style(
        environment.from_string(_part("report.css")).render(norm_colours=norm_colours())
    )
    scripts = [
        as_script(source) for source in (_part("first.js"), get_plotlyjs(), _part("report.js"))
    ]
    return environment.from_string(page.words).render(
        policy=policy(scripts),
        style=style,
        first_script=scripts[0],
        plotly=scripts[1],
        script=scripts[2],
        answers=answers,
        findings=across({run.id: run.all_readings for run in study.runs.values()}),
        pictures=[picture(figure) for figure in figures],
        dark_twins=dark_twins(),
        facts=page.facts,
        versions=versions(study),
        settings=page.settings,
        layer_names=page.layer_names,
        columns=page.columns,
        names=page.names,
        runs=page.runs,
        probes=probe_rows(study),
    )


def picture(spec: FigureSpec) -> Picture:
    """The figure as the page needs it."""
    still = base64.b64encode(static.draw(spec)[static.Format.SVG]).decode()
    return Picture(
        number=spec.number,
        title=spec.title,
        caption=spec.caption,
        description=spec.description,
        source=f"data:image/svg+xml;base64,{still}",
        legend=tuple(_button(item) for item in spec.legend),
        plots=[_plot(panel) for panel in spec.panels],
        columns=spec.columns,
        row_height=spec.row_height,
        numbers=summarize(spec),
    )


def _button(item: LegendItem) -> LegendButton:
    dash = " ".join(f"{length:g}" for length in SCREEN_DASHES[item.dash])
    return LegendButton(item.label, item.full_label, item.norm, dash)


def _plot(panel: Panel) -> dict[str, Any]:
    place = panel.place
    return {
        "title": panel.title,
        "notes": "; ".join(panel.notes),
        "kind": "ridges" if isinstance(panel, RidgesPanel) else "curves",
        "row": f"{place.row + 1} / span {place.rows}",
        "column": f"{place.column + 1} / span {place.columns}",
        "plot": interactive.draw(panel),
    }


def norm_colours() -> dict[str, tuple[str, str]]:
    """For each norm its colour on a white and on a dark page, for the page's style sheet."""
    return {norm: (style.colour, style.dark) for norm, style in NORMS.items()}


def as_script(source: str) -> Markup:
    """JavaScript that can be written inside of a script element.

    Args:
        source: Trusted code: the page's own, or Plotly's.

    Raises:
        UsageError: The code would end its element; that is a fault of the code, not of the study.
    """
    # An HTML comment's opening inside of a script changes how its end is found; "\\!" is "!".
    code = source.replace("\r\n", "\n").replace("<!--", "<\\!--")
    if "</script" in code.lower():
        raise UsageError(
            "a script with '</script' in it",
            "the text of a script does not hold its own end",
            "install the version of plotly in the constraints",
        )
    return Markup(code)


def as_style(source: str) -> Markup:
    """CSS that can be written inside of a style element; the page's own."""
    return Markup(source.replace("\r\n", "\n"))


def policy(scripts: list[Markup]) -> str:
    """The page's Content-Security-Policy: these scripts alone run, and nothing is requested.

    Args:
        scripts: Text of each script element.
    """
    # Plotly brings style sheets of its own, and sets style attributes. Styles run no code, and
    # as nothing can be requested they can send nothing either.
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(_hash(script) for script in scripts)}",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _part(name: str) -> str:
    return resources.files("landscope.report").joinpath("page", name).read_text(encoding="utf-8")
