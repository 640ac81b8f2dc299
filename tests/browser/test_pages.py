"""Every page: nothing from elsewhere, no error, light and dark, on tablets and by keyboard."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP

TABLETS = ({"width": 1024, "height": 768}, {"width": 820, "height": 1180})
FIXED = ("/", "/candidates/", "/candidates/repeated/", "/vetting/", "/references/", "/flags/")
LINKS = """(links) => links.map((link) => {
  const url = new URL(link.getAttribute("href"), location);
  return url.origin === location.origin ? url.pathname + url.search : "";
})"""
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def addresses_of(visit):
    """Of every page that has one address, and of one or two of those that have many."""
    known = [*FIXED, "/working-status/"]
    known += paths_of(visit.go("/candidates/?detections_min=3"), r"/candidates/\d+/.*")[:1]
    known += paths_of(visit.go(known[-1]), r"/flags/images/\d+/")[:2]
    known += paths_of(visit.go("/vetting/"), r"/vetting/\d+/(vet/)?")
    known += paths_of(visit.go("/references/"), r"/references/\?.*")[:1]
    known += paths_of(visit.go(known[-1]), r"/(references|exposures)/\d+/")[:4]
    known += paths_of(visit.go("/candidates/"), r"/vetting/new/.*")[:1]
    assert len(known) >= 18
    return known


def paths_of(page, pattern):
    """Addresses that a page links to."""
    paths = page.locator("main a[href]").evaluate_all(LINKS)
    return list(dict.fromkeys(path for path in paths if re.fullmatch(pattern, path)))


@dataclass
class Look:
    """What one who may do most found of a page in the dark, and on tablets."""

    n_headings: int
    title: str
    background: str
    excess_widths: dict  # {width of the tablet: pixels that the page is wider}


@pytest.fixture(scope="package")
def looks():
    """{address: Look} of every page, filled by the first test that wants them."""
    return {}


def looks_of(visit, known):
    """Open every page once, whichever tests ask for it."""
    if not known:
        curator = visit("curator", color_scheme="dark")
        for address in addresses_of(curator):
            known[address] = look_at(curator.go(address))
    return known


def look_at(page):
    n_headings, background = page.locator("main h1").count(), page.evaluate(BACKGROUND)
    excess_widths = {}
    for viewport in TABLETS:
        page.set_viewport_size(viewport)
        page.wait_for_timeout(50)  # for what scripts draw anew
        needed, given = page.evaluate(WIDTHS)
        excess_widths[given] = needed - given
    page.set_viewport_size(DESKTOP)
    return Look(n_headings, page.title(), background, excess_widths)


def test_every_page_works_in_the_dark_with_every_other_host_refused(visit, looks):
    for address, look in looks_of(visit, looks).items():
        assert look.n_headings == 1, address
        assert look.title.endswith("galproject"), address
        assert look.background == "rgb(17, 22, 31)", address


def test_no_page_scrolls_sideways_on_a_tablet(visit, looks):
    found = {address: look.excess_widths for address, look in looks_of(visit, looks).items()}
    assert all(len(excess) == len(TABLETS) for excess in found.values())
    assert {address: one for address, one in found.items() if max(one.values()) > 0} == {}


def test_a_request_to_another_host_would_be_noticed(visit):
    reader = visit("reader")
    reader.go("/").evaluate("() => fetch('https://example.org/').catch(() => {})")
    assert any("example.org" in fault for fault in reader.faults)
    reader.faults.clear()


def focused(page):
    """What the focus is on: its role or tag, and its name."""
    return page.evaluate(
        "() => [document.activeElement.tagName, document.activeElement.textContent.trim()]"
    )


def tab_to(page, text, limit=80):
    """Press Tab until the focus is on what says ``text``."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if text in focused(page)[1]:
            return
    raise AssertionError(f"{text!r} is not reached by Tab")


def test_the_first_tab_skips_to_the_content(visit):
    page = visit("reader").go("/candidates/")
    page.keyboard.press("Tab")
    assert "Skip" in focused(page)[1]
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


@pytest.mark.parametrize(
    ("address", "controls"),
    [
        ("/", ["Candidates", "Go on", "Fields as a table"]),
        ("/candidates/", ["Show", "CSV"]),
        ("/flags/", ["Undo"]),
        ("/references/", ["of Baade"]),
    ],
)
def test_main_controls_are_reached_by_keyboard(visit, address, controls):
    page = visit("curator").go(address)
    for text in controls:
        tab_to(page, text)


def test_what_is_chosen_by_keyboard_is_seen_to_have_the_focus(visit):
    page = visit("reader").go("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    style = "() => getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(style) != "none"
    expect(page.locator(":focus-visible")).to_have_count(1)
