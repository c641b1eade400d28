"""The page of a report in a real browser: ``python3 run.py browser`` runs this, the tests do not.

Needs Chromium and playwright.  Pictures of the page in light and dark, narrow, printed and without JavaScript go into
the folder ``out/browser``, to be looked at.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

import dynakit as dk

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--no-first-run"]
OPTIONS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PICTURES = Path(os.environ.get("DYNAKIT_PICTURES", "out/browser"))
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 420, "height": 800}


def network(n: int) -> dk.models.Elman:
    """x' = tanh(2 x + 3 u), unit by unit: 3 ** n fixed points, 2 ** n of them stable."""
    model = dk.models.Elman(n, n, n)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.rnn.weight_hh_l0.copy_(2 * torch.eye(n))
        model.rnn.weight_ih_l0.copy_(3 * torch.eye(n))
        model.readout.weight.copy_(torch.eye(n))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The report of three bits, with its page beside the library and with all of it inside."""
    place = tmp_path_factory.mktemp("page")
    report = dk.analyze(network(3), dk.tasks.FlipFlop(n_bits=3, n_steps=60))
    report.save(place / "report")
    report.save(place / "one.html", single_file=True)
    return place


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        started.close()


class Opened:
    """A page in a tab of its own, and what its console said."""

    def __init__(self, browser, path: Path, **settings) -> None:
        self.context = browser.new_context(**{"viewport": WIDE, **settings})
        self.tab = self.context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.tab.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(path.as_uri())
        if settings.get("java_script_enabled", True):
            self.tab.wait_for_selector("#points button")

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.tab.wait_for_timeout(500)
        self.tab.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    @property
    def data(self):
        return json.loads(self.tab.locator("#linked-data").text_content())


@pytest.fixture(params=["report/report.html", "one.html"])
def opened(request, browser, folder):
    page = Opened(browser, folder / request.param)
    yield page
    assert page.errors == []
    assert all(url.startswith(("file:", "blob:", "data:")) for url in page.asked)
    page.context.close()


def shown(tab) -> str:
    return tab.locator("#detail").inner_text()


def test_a_click_on_a_point_shows_its_numbers(opened):
    tab, points = opened.tab, opened.data["drives"][0]["points"]
    assert len(points) == tab.locator("#points button").count() == 27
    for k in (0, 8, 26):
        tab.locator("#points button").nth(k).click()
        said = shown(tab)
        assert points[k]["kind"] in said
        assert points[k]["certificate"] in said
        for mode in points[k]["modes"]:
            assert all(cell in said for cell in mode)
        drawn = tab.locator("#detail .spectrum circle[data-re]")
        assert drawn.count() == len(points[k]["eigenvalues"]) == 3
        assert sorted(float(drawn.nth(i).get_attribute("data-re")) for i in range(3)) == sorted(
            value for value, _ in points[k]["eigenvalues"]
        )


def test_a_click_in_the_portrait_chooses_the_point_under_it(opened):
    tab = opened.tab
    tab.wait_for_selector("#portrait canvas")
    chosen = """k => new Promise(done => {
        const place = document.getElementById('portrait');
        place.emit('plotly_click', { points: [{ customdata: k }] });
        done(document.getElementById('detail').dataset.point);
    })"""
    assert tab.evaluate(chosen, 5) == "5"
    assert tab.locator("#points button").nth(5).get_attribute("aria-pressed") == "true"
    assert opened.data["drives"][0]["points"][5]["certificate"] in shown(tab)


def test_points_are_reached_by_tab_and_chosen_by_enter(opened):
    tab = opened.tab
    tab.locator("#points button").first.focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.locator("#points button").nth(1).get_attribute("aria-pressed") == "true"
    assert shown(tab).startswith("Point 2")


def test_a_headline_number_says_what_it_means_by_keyboard(opened):
    number = opened.tab.locator(".numbers li").first
    meaning = number.locator(".meaning")
    assert not meaning.is_visible()
    number.focus()
    assert meaning.is_visible()


def test_the_slider_moves_the_trial_and_lights_the_attractor_it_is_at(opened):
    tab, data = opened.tab, opened.data
    trial = data["trials"][0]
    names = [node["name"] for node in data["graph"]["nodes"]]
    for t in (0, len(trial["steps"]) // 2, len(trial["steps"]) - 1):
        tab.locator("#time").fill(str(t))
        lit = tab.locator("#graph circle.on")
        node = trial["node"][t]
        assert lit.count() == (node >= 0)
        if node >= 0:
            assert lit.get_attribute("data-node") == str(node)
            assert names[node] in tab.locator("#at").inner_text()
        assert tab.locator("#step").inner_text() == str(trial["steps"][t])


def test_another_drive_has_its_own_points(opened):
    tab, drives = opened.tab, opened.data["drives"]
    tab.locator("#drive").select_option("1")
    assert tab.locator("#points button").count() == len(drives[1]["points"])
    assert drives[1]["points"][0]["certificate"] in shown(tab)
    tab.locator("#drive").select_option("0")
    assert tab.locator("#points button").count() == 27


def test_an_attractor_of_the_graph_chooses_its_point(opened):
    tab, data = opened.tab, opened.data
    tab.locator("#graph [role=button]").nth(2).focus()
    tab.keyboard.press("Enter")
    assert f"stands for “{data['graph']['nodes'][2]['name']}”" in shown(tab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_light_and_in_dark(browser, folder, scheme):
    page = Opened(browser, folder / "report/report.html", color_scheme=scheme)
    page.picture(f"{scheme}-before")
    background = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[scheme]
    page.tab.locator("#points button").nth(9).click()
    page.tab.locator("#time").fill("40")
    page.picture(f"{scheme}-after")
    assert page.errors == []


def test_on_a_telephone_nothing_is_wider_than_the_screen(browser, folder):
    page = Opened(browser, folder / "report/report.html", viewport=NARROW)
    page.picture("narrow")
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert page.errors == []


def test_without_javascript_the_answer_the_figures_and_the_tables_are_read(browser, folder):
    page = Opened(browser, folder / "report/report.html", java_script_enabled=False)
    page.picture("without-javascript")
    tab = page.tab
    assert tab.locator(".verdict").is_visible()
    assert tab.locator("figure img").first.is_visible()
    assert not tab.locator("#explore").is_visible()
    tab.locator("summary").first.click()
    assert tab.locator("details table").first.is_visible()


def test_printed_it_shows_the_tables_and_leaves_out_what_is_to_be_clicked(browser, folder):
    page = Opened(browser, folder / "report/report.html")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.tab.pdf(path=PICTURES / "printed.pdf", format="A4")
    page.tab.emulate_media(media="print")
    assert not page.tab.locator("#explore").is_visible()
    assert page.tab.locator(".meaning").first.is_visible()


def test_without_plotly_the_page_says_so_and_the_rest_is_there(browser, tmp_path, monkeypatch):
    monkeypatch.setattr("dynakit.report.page.can_turn", lambda: False)
    dk.analyze(network(1), dk.tasks.FlipFlop(n_bits=1, n_steps=40), include=["transitions", "flow"]).save(tmp_path)
    page = Opened(browser, tmp_path / "report.html")
    assert "pip install 'dynakit[interactive]'" in page.tab.locator("#without").inner_text()
    page.tab.locator("#points button").nth(2).click()
    assert page.data["drives"][0]["points"][2]["certificate"] in shown(page.tab)
    page.tab.locator("#time").fill("10")
    assert page.tab.locator("#step").inner_text() == "10"
    assert page.errors == []


def test_pages_are_small_enough_to_mail(folder):
    assert (folder / "one.html").stat().st_size < 6e6
    page = folder / "report" / "report.html"
    assert page.stat().st_size + (folder / "report" / "plotly.min.js").stat().st_size < 6e6
