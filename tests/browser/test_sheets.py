"""Contact sheets: as large as the window, and marked in a batch is what somebody saw on them."""

import re
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP

SHEET = "One-offs in i"
WINDOWS = (DESKTOP, {"width": 1920, "height": 1080}, {"width": 390, "height": 844})
# The last is one of 1280 pixels that is zoomed by half.
OTHERS = (
    {"width": 820, "height": 1180},
    {"width": 844, "height": 390},
    {"width": 853, "height": 533},
)
# How many tiles, how many of them not wholly in the window, and whether anything scrolls.
ON_SCREEN = """() => {
  const tiles = [...document.querySelectorAll(".tile-button")];
  const isIn = ({top, left, bottom, right}) =>
    top >= 0 && left >= 0 && bottom <= innerHeight + 0.5 && right <= innerWidth + 0.5;
  const place = document.getElementById("sheet-place"), page = document.documentElement;
  return {
    n: tiles.length,
    outside: tiles.filter((tile) => !isIn(tile.getBoundingClientRect())).length,
    scrolls: place.scrollHeight > place.clientHeight + 1 || page.scrollHeight > innerHeight + 1 ||
      page.scrollWidth > innerWidth,
  };
}"""
FITS = f"() => {{ const seen = ({ON_SCREEN})(); return !seen.outside && !seen.scrolls; }}"
# Room below the last full row, and the height of a row.
ROOM_BELOW = """() => {
  const boxes = [...document.querySelectorAll(".cell")].map((one) => one.getBoundingClientRect());
  const place = document.getElementById("sheet-place").getBoundingClientRect();
  return [place.bottom - Math.max(...boxes.map((box) => box.bottom)), boxes[0].height];
}"""
IN_LEFT_PART = """() => [...document.querySelectorAll(".tile-button:not(:has(.no-picture))")]
  .filter((tile) => tile.getBoundingClientRect().right < 0.35 * innerWidth)
  .map((tile) => tile.getAttribute("aria-label").split(":")[0])"""
VOTES = """
SELECT d.refsource_id, d.how, d.shown
FROM galdecisions d JOIN galcampaigns c ON c.id = d.campaign_id
JOIN auth_user u ON u.id = d.user_id LEFT JOIN galdecisions x ON x.undoes_id = d.id
WHERE c.name = %s AND u.username = %s AND d.action = 'vote' AND x.id IS NULL AND d.id > %s
"""
NO_PICTURE = {"status": 200, "content_type": "image/png", "body": b""}


def query(site, statement, *values):
    with closing(psycopg2.connect(site.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@pytest.fixture
def sheet(visit):
    """Opens the sheet; ``votes()`` are those given since, ``forgive(text)`` forgets a fault.

    ``quiet()`` waits for what is fetched ahead: whoever asks meanwhile gets none of that.
    """
    opened = []

    def begin(before=None, **options):
        visitor = visit("vetter", **options)
        page = visitor.go("/vetting/")
        address = page.get_by_role("link", name=SHEET, exact=True).first.get_attribute("href")
        (last,) = query(visitor.site, "SELECT coalesce(max(id), 0) FROM galdecisions")
        opened.append((visitor, last[0]))
        if before:
            before(page)
        page = visitor.go(f"{address}vet/")
        page.wait_for_selector("body[data-ready]")
        return page

    def forgive(text):
        faults = opened[-1][0].faults
        assert any(text in fault for fault in faults)
        faults[:] = [fault for fault in faults if text not in fault]

    begin.votes = lambda: query(opened[-1][0].site, VOTES, SHEET, "vetter", opened[-1][1])
    begin.forgive = forgive
    begin.quiet = lambda: opened[-1][0].wait_until_quiet()
    return begin


def wait_until_seen(page):
    """Wait until every tile that has a picture was on the screen long enough."""
    n = page.locator(".tile-button:not(:has(.no-picture)):not(.decided)").count()
    expect(page.locator("#remaining")).to_have_text(str(n))
    return n


def saved(page):
    expect(page.locator("#unsaved")).to_be_hidden()


def take_back(page, n=1):
    for _ in range(n):
        page.keyboard.press("z")
        expect(page.locator("#said")).to_contain_text("taken back")
    saved(page)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: f"{w['width']}x{w['height']}")
def test_a_sheet_is_as_large_as_the_window_and_nothing_is_below_it(sheet, window):
    asked = []

    def watch(page):
        page.on("request", lambda r: "/vet/next/" in r.url and asked.append(r.url))

    page = sheet(watch, viewport=window)
    seen, n_left = page.evaluate(ON_SCREEN), int(page.locator("#left").inner_text().split()[0])
    assert seen["outside"] == 0 and not seen["scrolls"], seen
    n_asked = int(parse_qs(urlsplit(asked[0]).query)["n"][0])
    assert seen["n"] == min(n_asked, n_left) >= 4
    if n_left > seen["n"]:
        room, row = page.evaluate(ROOM_BELOW)
        assert room < row
    wait_until_seen(page)


def test_it_stays_so_when_the_window_changes_and_when_it_is_zoomed(sheet):
    page = sheet()
    numbers = []
    for window in (*OTHERS, *WINDOWS[1:], DESKTOP):
        page.set_viewport_size(window)
        page.wait_for_timeout(400)  # to begin with what may fit without it
        page.wait_for_function(FITS)
        seen = page.evaluate(ON_SCREEN)
        assert seen["outside"] == 0 and not seen["scrolls"], (window, seen)
        numbers.append(seen["n"])
    assert len(set(numbers)) > 3


def test_enter_marks_what_was_seen_and_nothing_that_lay_below_something_else(sheet):
    def cover(page):
        # Over the right half of the sheet, from the beginning.
        page.add_init_script("""addEventListener("DOMContentLoaded", () => {
          const cover = document.createElement("div");
          cover.style = "position:fixed;inset:0 30vw 0 35vw;background:#888";
          document.body.append(cover);
        })""")

    page = sheet(cover)
    page.wait_for_function("() => Number(document.getElementById('remaining').textContent) > 0")
    page.wait_for_timeout(700)  # in which more would be seen, if it could be
    free = page.evaluate(IN_LEFT_PART)
    expect(page.locator("#remaining")).to_have_text(str(len(free)))
    page.keyboard.press("Enter")
    saved(page)
    assert sorted(str(pk) for pk, _, _ in sheet.votes()) == sorted(free) and free
    expect(page.locator("#unseen-left")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("not on the screen")
    assert len(sheet.votes()) == len(free)
    take_back(page)


def test_what_a_magnified_page_does_not_show_is_not_seen(sheet):
    def magnify(page):
        session = page.context.new_cdp_session(page)
        page.on(
            "load", lambda _: session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 2})
        )

    page = sheet(magnify, viewport=WINDOWS[-1], has_touch=True, is_mobile=True)
    if page.evaluate("() => visualViewport.scale") < 1.5:
        pytest.fail("the page was not magnified")
    page.wait_for_timeout(1200)
    n_tiles = page.locator(".tile-button").count()
    n_seen = int(page.locator("#sheet").get_attribute("data-seen"))
    assert n_seen < n_tiles


def test_enter_at_once_marks_nothing(sheet):
    page = sheet(lambda page: page.add_init_script("window.requestAnimationFrame = () => 0"))
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("look first")
    assert sheet.votes() == []


def test_tiles_without_a_picture_are_left_and_say_what_to_do(sheet):
    broken = []

    def breaks(page):
        def answer(route):
            if len(broken) < 3 or route.request.url in broken:
                broken.append(route.request.url)
                return route.fulfill(**NO_PICTURE)
            return route.continue_()

        page.route(re.compile(r"/pictures/cutouts/\d+/\d+\.png"), answer)

    page = sheet(breaks)
    n_seen = wait_until_seen(page)
    without = page.locator(".tile-button:has(.no-picture)")
    assert without.count() >= 3
    expect(without.first).to_have_accessible_name(re.compile("no picture; undecided"))
    page.keyboard.press("Enter")
    saved(page)
    votes = {pk for pk, *_ in sheet.votes()}
    assert len(votes) == n_seen
    assert not votes & {int(url.split("/")[-2]) for url in broken}
    # The sheet stays until those are decided by themselves, or skipped.
    expect(page.locator("#without")).to_contain_text("Decide one by one")
    n_without = without.count()
    first = page.locator(".tile-button.at").get_attribute("aria-label").split(":")[0]
    assert first == without.first.get_attribute("aria-label").split(":")[0]
    page.keyboard.press("u")
    saved(page)
    assert int(first) in {pk for pk, how, _ in sheet.votes() if how == "key"}
    page.get_by_role("button", name="skip them").click()
    saved(page)
    assert len(sheet.votes()) == n_seen + 1
    take_back(page, 2 if n_without == 1 else 3)


def test_only_what_a_tile_shows_is_sent_and_its_decision_is_told(sheet):
    sizes = []

    def weigh(page):
        page.on("response", lambda r: "/pictures/" in r.url and sizes.append((r.url, r.headers)))

    page = sheet(weigh)
    n_seen = wait_until_seen(page)
    lengths = [int(headers["content-length"]) for _, headers in sizes]
    assert n_seen >= 30 and max(lengths) < 12_000
    assert all(re.search(r"/cutouts/\d+/\d+\.png\?v=", url) for url, _ in sizes)
    assert "immutable" in sizes[0][1]["cache-control"]
    tile = page.locator(".tile-button.at")
    expect(tile).to_have_accessible_name(re.compile("sigma.*; undecided"))
    first = tile.element_handle()
    page.keyboard.press("u")
    assert "; decided: uncertain" in first.get_attribute("aria-label")
    take_back(page)


def test_a_batch_that_the_server_refuses_leaves_its_tiles_undecided(sheet):
    page = sheet()
    n_seen = wait_until_seen(page)
    refuse = {"status": 409, "json": {"error": "Candidate 7 was not shown to you"}}
    page.route("**/vet/decide/", lambda route: route.fulfill(**refuse))
    page.keyboard.press("r")
    expect(page.locator("#unsaved")).to_contain_text("not shown to you")
    expect(page.locator(".tile-button.decided")).to_have_count(0)
    expect(page.locator("#remaining")).to_have_text(str(n_seen))
    assert sheet.votes() == []
    sheet.forgive("409")
