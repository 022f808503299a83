"""The report in a real headless Chromium."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from tests.comparison_study import Compared
from tests.figures.study_fixture import Synthetic
from tests.report.test_findings import with_findings

from landscope.figures.spec import LinesPanel
from landscope.report.content import Answer, Number
from landscope.runs import StudyRecords
from landscope.studies.publish import answers, render, specify, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
)
HOSTILE = (
    "</script><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver on the PATH"
    ),
]

Browser = webdriver.Chrome


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def show(browser: Browser, page: Path, width: int = 1280) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())


def scroll_through(browser: Browser) -> None:
    """Scrolls down the whole page until every plot is drawn, as a reader would."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        left = browser.execute_script(
            "const next = document.querySelector('.plot:not([data-drawn])');"
            "next?.scrollIntoView({behavior: 'instant', block: 'center'}); return !!next;"
        )
        if not left:
            return
        time.sleep(0.05)
    pytest.fail("some plots were not drawn within a minute")


def count(browser: Browser, selector: str) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, selector))


def requests(browser: Browser) -> list[str]:
    messages: list[dict[str, Any]] = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    sent = [
        message["params"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    # The browser's own start page asks for things of its own.
    ours = [one for one in sent if one["documentURL"] == browser.current_url]
    urls = [one["request"]["url"] for one in ours]
    return [url for url in urls if not url.startswith("data:")]


@pytest.mark.parametrize("width", [1280, 390])
def test_page_draws_everything_quietly(browser: Browser, report: Path, width: int) -> None:
    show(browser, report, width)
    plots = count(browser, ".plot")
    assert plots == 6 + 6 + 5 + 2
    assert count(browser, ".plot[data-drawn]") < plots
    scroll_through(browser)
    assert count(browser, ".plot[data-drawn] svg.main-svg") >= plots
    assert count(browser, ".failed") == 0
    assert browser.get_log("browser") == []
    assert requests(browser) == [report.as_uri()]
    page = "document.documentElement"
    over = browser.execute_script(f"return {page}.scrollWidth - {page}.clientWidth")
    assert over == 0


def test_legend_hides_and_shows_a_run(browser: Browser, report: Path) -> None:
    show(browser, report)
    scroll_through(browser)
    button = browser.find_element(By.CSS_SELECTOR, "#figure-4 button[data-key='Batch norm']")
    lines = "#figure-4 .plot .scatterlayer .trace"
    before = count(browser, lines)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    wait_for(lambda: count(browser, lines) == before / 2)
    button.send_keys(" ")
    assert button.get_attribute("aria-pressed") == "true"
    wait_for(lambda: count(browser, lines) == before)


def test_run_that_is_hidden_stays_hidden_when_drawn(browser: Browser, report: Path) -> None:
    show(browser, report, 390)
    browser.execute_script('document.querySelector("#figure-4 button").click()')
    scroll_through(browser)
    shown = browser.execute_script(
        "return [...document.querySelectorAll('#figure-4 .plot')]"
        ".map(plot => plot.data.filter(trace => trace.visible).map(trace => trace.meta))"
    )
    assert all(set(keys) == {"Batch norm"} for keys in shown)


def test_dark_page_has_dark_plots(browser: Browser, report: Path) -> None:
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    show(browser, report)
    scroll_through(browser)
    fills = browser.execute_script(
        "return [...new Set([...document.querySelectorAll('.plot .main-svg')]"
        ".map(svg => svg.style.background).filter(Boolean))]"
    )
    page = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert set(fills) == {page, "none"} or set(fills) == {page}


def test_without_scripts_the_pictures_stand(browser: Browser, report: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    show(browser, report, 390)
    pictures = browser.find_elements(By.CSS_SELECTOR, "img.still")
    assert len(pictures) == 4
    for picture in pictures:
        assert picture.is_displayed()
        assert picture.size["width"] == 390 - 2 * 16
        assert picture.size["height"] > 50
        assert int(picture.get_property("naturalWidth") or 0) > 0
    assert not browser.find_element(By.CSS_SELECTOR, ".legend").is_displayed()
    assert browser.find_element(By.CSS_SELECTOR, ".badge").text.endswith("fails")


def test_print_shows_the_pictures(browser: Browser, report: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    show(browser, report)
    assert all(each.is_displayed() for each in browser.find_elements(By.CSS_SELECTOR, "img.still"))
    assert not any(
        each.is_displayed() for each in browser.find_elements(By.CSS_SELECTOR, ".panels, nav")
    )


def test_hostile_names_do_not_run(browser: Browser, tmp_path: Path) -> None:
    layers = (HOSTILE, *(f"{HOSTILE}{at}" for at in range(8)))
    hostile = {
        "figures": [2, 8],
        "device": HOSTILE,
        "versions": {HOSTILE: HOSTILE},
        "landscope": HOSTILE,
    }
    synthetic = Synthetic(steps=20, looks=3, vgg_layers=layers, preset=HOSTILE, manifest=hostile)
    study = synthetic.write(tmp_path / "study")
    number = Number(HOSTILE, 1.0, HOSTILE, HOSTILE)
    texts = (HOSTILE, HOSTILE, "holds", HOSTILE, (HOSTILE,), (number,), HOSTILE)
    answers = [Answer(*texts)]
    page = write_report(study, answers, tmp_path / "study")
    show(browser, page)
    scroll_through(browser)
    assert browser.title == "What normalisation does to the loss landscape"
    assert count(browser, "[onerror]") == 0
    assert browser.get_log("browser") == []
    assert requests(browser) == [page.as_uri()]
    assert HOSTILE in browser.find_element(By.CSS_SELECTOR, ".answer h3").text


def test_hostile_label_in_a_plot_is_text(
    browser: Browser, study: StudyRecords, tmp_path: Path
) -> None:

    spec = specify(11, study)
    panel = spec.panels[0]
    assert isinstance(panel, LinesPanel)
    label = replace(panel.y, label="<a href='javascript:0'>x</a>" + HOSTILE)
    spec = replace(spec, title=HOSTILE, panels=(replace(panel, title=HOSTILE, y=label),))
    page = tmp_path / "page.html"
    page.write_text(render(study, [], [spec]), encoding="utf-8")
    show(browser, page)
    scroll_through(browser)
    assert count(browser, ".plot a") == 0
    assert count(browser, "[onerror]") == 0
    assert browser.title == "What normalisation does to the loss landscape"
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_comparison_is_drawn_quietly(browser: Browser, tmp_path: Path, width: int) -> None:
    study = Compared(diverged={("none", 0.1, 0): 12}, lrs=(0.1,)).write(tmp_path / "study")
    page = write_report(study, answers(study), tmp_path / "study")
    show(browser, page, width)
    scroll_through(browser)
    assert count(browser, ".plot[data-drawn] svg.main-svg") >= 1 + 2 + 2 + 2 + 2 + 2
    assert count(browser, "#figure-2 .barlayer .point") == 6
    assert count(browser, "#figure-6 .barlayer .point") == 6
    assert count(browser, ".failed") == 0
    assert browser.get_log("browser") == []
    assert requests(browser) == [page.as_uri()]
    element = "document.documentElement"
    over = browser.execute_script(f"return {element}.scrollWidth - {element}.clientWidth")
    assert over == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_findings_fit_the_page_and_their_runs_unfold(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    page = tmp_path / "page.html"
    page.write_text(render(with_findings(tmp_path / "study"), [], []), encoding="utf-8")
    show(browser, page, width)
    badges = browser.find_elements(By.CSS_SELECTOR, "#findings .badge")
    assert [badge.text for badge in badges] == ["warning", "info"]
    runs = browser.find_elements(By.CSS_SELECTOR, "#findings li")
    assert not any(run.is_displayed() for run in runs)
    browser.find_element(By.CSS_SELECTOR, "#findings summary").click()
    assert [run.text for run in runs] == ["first", "third"]
    cards = browser.find_elements(By.CSS_SELECTOR, ".finding")
    assert all(card.rect["x"] + card.rect["width"] <= width for card in cards)
    over = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.execute_script(over) == 0
    assert count(browser, "[onerror]") == 0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("the page did not change within 10 seconds")
        time.sleep(0.05)
