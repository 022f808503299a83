"""The page's Content-Security-Policy: what the page itself brings, and nothing from anywhere."""

import base64
import hashlib

from markupsafe import Markup

from landscope.errors import UsageError


def as_script(source: str) -> Markup:
    """JavaScript that can stand inside of a script element.

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
    """CSS that can stand inside of a style element; the page's own."""
    return Markup(source.replace("\r\n", "\n"))


def policy(scripts: list[Markup]) -> str:
    """The policy that lets exactly these scripts run, and nothing be requested from anywhere.

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
