"""What keys, fingers and the focus do: drawing, swiping over plots, paging through lists."""

import re
from contextlib import closing
from functools import partial

import psycopg2
import pytest
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
MANY, DRAWN = "/candidates/?detections_min=1", "body[data-ready]"
# Where the cursor of the keyboard is on the screen, and what is to be seen of the chip.
IN_SIGHT = """() => {
  const [x, y] = document.querySelector("#readout").textContent.match(/-?\\d+/g).map(Number);
  const plane = document.querySelector("#chip-map .plane").getScreenCTM();
  const at = new DOMPoint(x, y).matrixTransform(plane);
  const box = document.querySelector("#scroller").getBoundingClientRect();
  const seen = at.x >= box.left && at.x <= box.right && at.y >= box.top && at.y <= box.bottom;
  const inWindow = at.x > 0 && at.x < innerWidth && at.y > 0 && at.y < innerHeight;
  return {x: at.x, y: at.y, seen: seen && inWindow};
}"""
FIGURES = "[...Bokeh.index.roots].map(({model}) => model).filter(({type}) => type === 'Figure')"
RANGES = f"""() => {FIGURES}.flatMap(({{x_range: x, y_range: y}}) =>
  [x.start, x.end, y.start, y.end])"""
CHOOSE_PAN = f"""() => {FIGURES}.forEach(({{toolbar}}) => {{
  toolbar.tools.find((tool) => tool.type === "PanTool").active = true;
}})"""
FOCUS = "() => document.activeElement.id"


@pytest.fixture
def chip_page(visit):
    """The page of a chip with flags on it, as a curator sees it who wants no motion.

    A focus else scrolls smoothly to the chip, and places on the screen move while they are read.
    """
    curator = visit("curator", reduced_motion="reduce")
    links = curator.go("/flags/").locator("a[href^='/flags/images/']")
    return curator.go(links.first.get_attribute("href").partition("#")[0])


@pytest.mark.parametrize("zoom", ["0", "1", "4"])
def test_the_keyboard_draws_within_what_is_seen_and_as_its_arrows_say(chip_page, zoom):
    page = chip_page
    page.locator(f"[name=zoom][value='{zoom}']").check(force=True)
    page.evaluate("() => document.querySelector('#scroller').scrollBy(9999, 0)")
    page.evaluate("() => scrollTo(0, 9999)")
    page.locator("#chip-map").focus()
    page.keyboard.press("r")
    start = page.evaluate(IN_SIGHT)
    assert start["seen"]
    for key, axis, sign in (("ArrowUp", "y", -1), ("ArrowRight", "x", 1), ("ArrowDown", "y", 1)):
        before = page.evaluate(IN_SIGHT)
        page.keyboard.press(key)
        after = page.evaluate(IN_SIGHT)
        assert (after[axis] - before[axis]) * sign > 0 and after["seen"], key
    page.keyboard.press(" ")
    for key in ("Shift+ArrowLeft", "Shift+ArrowUp") * 12:
        page.keyboard.press(key)
        assert page.evaluate(IN_SIGHT)["seen"], key
    page.keyboard.press("Enter")
    corners = page.locator("#id_region").input_value()
    assert re.fullmatch(r"(-?[\d.]+,-?[\d.]+ ?){4}", corners)


def first_candidate(reader):
    """Opens the page of a candidate with all plots drawn."""
    page = reader.go("/candidates/?detections_min=3")
    page = reader.go(page.locator("#results tbody th a").first.get_attribute("href"))
    page.wait_for_selector(DRAWN)
    return page


def swipe(page, x_distance, y_distance, n_steps=8):
    """Move a finger over the light curve, from its middle."""
    box = page.locator("#light-curve").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = partial(page.context.new_cdp_session(page).send, "Input.dispatchTouchEvent")
    touch({"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for k in range(1, n_steps + 1):
        at = {"x": x + k * x_distance / n_steps, "y": y + k * y_distance / n_steps}
        touch({"type": "touchMove", "touchPoints": [at]})
        page.wait_for_timeout(16)
    touch({"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(300)


def test_a_swipe_over_a_plot_scrolls_the_page_and_pans_by_its_tool_alone(visit):
    page = first_candidate(visit("reader", **PHONE))
    page.locator("#light-curve").scroll_into_view_if_needed()
    ranges, scrolled = page.evaluate(RANGES), page.evaluate("() => scrollY")
    assert len(ranges) >= 4
    swipe(page, -80, 0)
    swipe(page, 0, -150)
    assert page.evaluate(RANGES) == ranges
    assert page.evaluate("() => scrollY") > scrolled
    page.evaluate(CHOOSE_PAN)
    page.locator("#light-curve").scroll_into_view_if_needed()
    swipe(page, -80, 0)
    assert page.evaluate(RANGES) != ranges


def test_no_tick_mark_of_an_earlier_axis_stays_beside_a_light_curve(visit):
    page = first_candidate(visit("reader", reduced_motion="reduce"))
    plot, align = page.locator("#light-curve"), page.locator("#align")
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    before = plot.screenshot()
    for _ in range(2):
        align.click()
        page.wait_for_timeout(200)
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    assert plot.screenshot() == before


TRENDS = """
INSERT INTO galtrendstars SELECT %(star)s, 1, 0, 0, 0, 0;
INSERT INTO galtrends (catalogue_id, number, galimage_id, mag)
    SELECT %(star)s::bigint >> 20, 1, galimage_id, 0.25 FROM galsources
    WHERE refsource_id = %(star)s
"""
DRAWN_CURVE = f"""() => {{
  const {{left, renderers}} = {FIGURES}[0];
  return [left[0].axis_label, renderers[0].data_source.data.mag];
}}"""


def test_a_light_curve_is_drawn_without_trends_and_as_measured_again(visit):
    at_work = visit("reader")
    page = first_candidate(at_work)
    assert not page.locator("#detrend").count()
    with closing(psycopg2.connect(at_work.site.database_url)) as db, db, db.cursor() as cursor:
        cursor.execute(TRENDS, {"star": int(page.url.split("?")[0].split("/")[-2])})
    page.reload()
    page.wait_for_selector(DRAWN)
    button = page.locator("#detrend")
    drawn = [page.evaluate(DRAWN_CURVE)]
    for pressed in ("true", "false"):
        button.click()
        expect(button).to_have_attribute("aria-pressed", pressed)
        drawn.append(page.evaluate(DRAWN_CURVE))
    (label, mag), (without, brighter), again = drawn
    assert (label, without) == ("magnitude", "magnitude, detrended") and again == [label, mag]
    by = {round(a - b, 3) for a, b in zip(mag, brighter, strict=True)}
    assert 0.25 in by and by <= {0, 0.25}  # one filter alone has trends


# Two diagrams of nine cells: of magnitudes, and of absolute ones, where the candidate is a dwarf.
PUBLISHED = {
    "catalogue": "gaia_dr3 DR3",
    "x": "BP − RP (mag)",
    "diagrams": [
        {
            "kind": kind, "y": f"{kind} G (mag)", "x_range": [0.5, 2.5], "y_range": y_range,
            "n_cells": 3, "cells": [0, 4], "counts": [7, 40], "n_stars": 47, "itself": itself,
        }
        for kind, y_range, itself in (
            ("apparent", [12, 21], [[1.5, 18.0]]), ("absolute", [-3, 6], [[1.5, 9.0]]),
        )
    ],
}  # fmt: skip
# Of the plot of published stars: its axis, how faint it reaches, and the cells that are painted.
PUBLISHED_PLOT = f"""() => {{
  const plot = {FIGURES}.find(({{left}}) => left[0].axis_label.endsWith(" G (mag)"));
  const {{image: [cells]}} = plot.renderers[0].data_source.data;
  return [plot.left[0].axis_label, plot.y_range.start, [...cells].map((cell) => Number(cell > 0))];
}}"""


def test_a_candidate_is_drawn_among_published_stars_in_either_kind_of_magnitudes(visit):
    at_work = visit("reader")
    page = first_candidate(at_work)
    said = [None, PUBLISHED]

    def with_published(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"published": said.pop(0)})

    page.route("**/field.json", with_published)
    page.reload()
    page.wait_for_load_state("networkidle")
    assert not page.locator("#published").is_visible()
    page.reload()
    page.wait_for_selector(DRAWN)
    apparent, absolute = page.locator("#published .choices button").all()
    expect(absolute).to_have_attribute("aria-pressed", "true")
    label, faintest, cells = page.evaluate(PUBLISHED_PLOT)
    assert label == "absolute G (mag)" and faintest > 9 and cells == [1, 0, 0, 0, 1, 0, 0, 0, 0]
    apparent.click()
    expect(apparent).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#published .note")).to_contain_text("47 stars of its chip in gaia_dr3")
    assert page.evaluate(PUBLISHED_PLOT)[:2] == ["apparent G (mag)", 21]


PERIODOGRAM = (
    "[...Bokeh.index.roots].find(({model}) => model.x_scale && model.x_scale.type === 'LogScale')"
)
# Where a frequency is on the screen, near the upper edge of the periodogram.
PLACE_OF = f"""(frequency) => {{
  const {{el, frame}} = {PERIODOGRAM}, {{left, top}} = el.getBoundingClientRect();
  return [left + frame.x_scale.compute(frequency), top + frame.bbox.top + 20];
}}"""


def test_a_click_on_the_periodogram_folds_by_the_peak_beneath_it(visit):
    at_work = visit("vetter")
    page = at_work.go("/candidates/?period_min=0.001")
    page = at_work.go(
        page.locator("#results tbody a[href^='/candidates/']").first.get_attribute("href")
    )
    page.wait_for_selector(DRAWN)
    button, plot = page.locator("#show-periodogram"), page.locator("#periodogram")
    assert not plot.is_visible()
    # Computed when somebody asks for it, and once.
    with page.expect_response("**/periodogram.json") as answer:
        button.click()
    found = answer.value.json()
    page.wait_for_function(f"() => {PERIODOGRAM}")
    page.keyboard.press("0")
    expect(page.locator("#period")).to_have_value("")
    first = max(found["periods"], key=lambda period: period["power"])
    plot.scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(PLACE_OF, 1 / first["days"]))
    expect(page.locator("#period")).not_to_have_value("")
    folded = float(page.locator("#period").input_value())
    assert folded == pytest.approx(first["days"], rel=0.01)
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert not plot.is_visible()


def test_who_pages_by_keyboard_goes_on_in_the_new_list(visit):
    reader = visit("reader")
    page = reader.go(MANY)
    first = page.locator("#results tbody th a").first.inner_text()
    for way in ("next", "prev"):
        page.locator(f"#results nav.pages a[rel={way}]").focus()
        with page.expect_response(re.compile("/candidates/")):
            page.keyboard.press("Enter")
        reader.wait_until_quiet()
        page.wait_for_function("() => document.activeElement.id === 'results'")
    assert page.locator("#results tbody th a").first.inner_text() == first
    page.keyboard.press("Tab")
    assert page.evaluate("() => !!document.activeElement.closest('#results')")


def test_who_sorts_by_keyboard_stays_on_the_heading(visit):
    reader = visit("reader")
    page = reader.go(MANY)
    page.locator("#sort-reference_mag").focus()
    for direction in ("descending", "ascending"):
        page.keyboard.press("Enter")
        page.wait_for_selector(f"th[aria-sort={direction}] #sort-reference_mag")
        reader.wait_until_quiet()
        assert page.evaluate(FOCUS) == "sort-reference_mag"


def test_search_image_and_reference_take_turns_every_350_ms(visit):
    reader = visit("reader")
    reader.page.clock.install()
    page = first_candidate(reader)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    page.keyboard.press("b")
    seen = []
    for _ in range(4):
        page.clock.run_for(175)
        seen.append(page.locator("#epoch").inner_text().split()[0])
    assert seen == ["Search", "Reference", "Reference", "Search"]
