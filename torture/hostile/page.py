"""The report of a study with hostile names, opened in a real headless Chromium."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from landscope.report.content import Answer, Number
from landscope.runs import read_study
from landscope.studies.publish import publish, write_report
from torture.hostile.honest import write_honest
from torture.hostile.marks import CANARY
from torture.hostile.names import NAMES
from torture.hostile.values import rename

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync",
          "--force-prefers-reduced-motion")  # fmt: skip
_PATIENCE = 60  # seconds for the plots of a page


def try_page(*, short: bool) -> list[dict[str, Any]] | None:
    """A row for each page of hostile names; None where there is no browser.

    Args:
        short: Whether one page with all names in one is enough.
    """
    if CHROMIUM is None or DRIVER is None:
        return None
    shown = [name for name in NAMES.values() if len(name) < 1000]
    names = {"all in one": "".join(shown)} | ({} if short else dict(NAMES))
    place = Path(tempfile.mkdtemp())
    browser = open_browser(place)
    try:
        return [
            {"case": f"page: {kind}", **look(browser, _write(place / f"{at}", name))}
            for at, (kind, name) in enumerate(names.items())
        ]
    finally:
        browser.quit()
        shutil.rmtree(place, ignore_errors=True)


def _write(place: Path, name: str) -> Path:
    place.mkdir()
    folder = write_honest(place)["paper"]
    rename("paper", name, folder, place)
    publish(folder, lambda _: None)
    number = Number(name, 1.0, name, name)
    answer = Answer(name, name, "holds", name, (name,), (number,), name)
    return write_report(read_study(folder), [answer], folder)


def open_browser(place: Path) -> Any:
    """A headless browser with a profile of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*_FLAGS, f"--user-data-dir={place / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    return webdriver.Chrome(options=options, service=Service(DRIVER))


def look(browser: Any, page: Path) -> dict[str, Any]:
    """Opens a page, draws all its plots, and says what ran and what went wrong."""
    browser.get(page.as_uri())
    ran: list[str] = []
    if _has_dialog(browser):
        ran.append("a dialog")
        browser.switch_to.alert.dismiss()
    drawn = _draw_all(browser)
    if browser.execute_script(f"return window.{CANARY} !== undefined"):
        ran.append("a script")
    if browser.execute_script("return document.querySelectorAll('[onerror],.plot a').length"):
        ran.append("an element that a name made")
    broken = browser.execute_script(
        "return [...document.images].filter(image => !image.naturalWidth).length"
    )
    return {
        "scripts": ran,
        "log": [entry["message"][:200] for entry in browser.get_log("browser")],
        "drawn": drawn and not broken,
    }


def _has_dialog(browser: Any) -> bool:
    from selenium.common.exceptions import NoAlertPresentException

    try:
        _ = browser.switch_to.alert
    except NoAlertPresentException:
        return False
    return True


def _draw_all(browser: Any) -> bool:
    """Scrolls until every plot is drawn, as a reader would."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        left = browser.execute_script(
            "const next = document.querySelector('.plot:not([data-drawn])');"
            "next?.scrollIntoView({behavior: 'instant', block: 'center'}); return !!next;"
        )
        if not left:
            return True
        time.sleep(0.05)
    return False
