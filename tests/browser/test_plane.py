"""The plane of all stars: looked at, drawn on by mouse and by keyboard, and made a list of."""

import re

import pytest
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DRAWN = "body[data-ready]"
ADDRESS = "/plane/?x=robust_mag&y=range_mag&filter=i"
FIGURE = "[...Bokeh.index.roots].map(({model}) => model).find(({type}) => type === 'Figure')"
RANGES = f"""() => {{
  const {{x_range: x, y_range: y}} = {FIGURE};
  return [x.start, x.end, y.start, y.end];
}}"""
# The part of the page that the axes enclose.
FRAME = f"""() => {{
  const {{x, y, width, height}} = Bokeh.index.get_by_id({FIGURE}.id).frame.bbox;
  const canvas = document.querySelector("#plane").getBoundingClientRect();
  return {{x: canvas.x + x, y: canvas.y + y, width, height}};
}}"""


@pytest.fixture
def plane(visit):
    page = visit("curator").go(ADDRESS)
    page.wait_for_selector(DRAWN)
    return page


def corners_of(page):
    """The corners in the field, as pairs of numbers."""
    words = page.locator("#corners").input_value().split()
    return [tuple(map(float, word.split(","))) for word in words]


def test_a_lasso_fills_in_the_corners_and_says_how_many_stars_are_inside(plane):
    frame = plane.evaluate(FRAME)
    at = [
        (frame["x"] + frame["width"] * u, frame["y"] + frame["height"] * v)
        for u, v in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.12))
    ]
    plane.mouse.move(*at[0])
    plane.mouse.down()
    for place in at[1:]:
        plane.mouse.move(*place, steps=5)
    plane.mouse.up()
    expect(plane.locator("#inside")).to_contain_text(re.compile(r"About [1-9][\d,]* of the stars"))
    found, (left, right, bottom, top) = corners_of(plane), plane.evaluate(RANGES)
    assert len(found) > 8
    assert all(left < x < right and bottom < y < top for x, y in found)


def test_the_keyboard_draws_what_becomes_a_list(plane):
    plane.locator("#plane").focus()
    for keys in (
        ("Shift+ArrowUp",) * 4 + ("Shift+ArrowLeft",) * 4,
        ("Shift+ArrowRight",) * 8,
        ("Shift+ArrowDown",) * 8,
        ("Shift+ArrowLeft",) * 8,
    ):
        for key in keys:
            plane.keyboard.press(key)
        plane.keyboard.press("Enter")
    plane.keyboard.press("Enter")
    plane.keyboard.press("Backspace")
    first, second, third, fourth = corners_of(plane)
    assert first[1] == second[1] > third[1] == fourth[1]
    assert first[0] == fourth[0] < second[0] == third[0]
    plane.get_by_label("Name", exact=True).fill("by keyboard")
    plane.get_by_role("button", name="Make the list").click()
    expect(plane.locator("h1")).to_contain_text("by keyboard")
    assert plane.locator("table.stars tbody tr").count() > 5
    plane.get_by_role("link", name="Its candidates", exact=True).click()
    expect(plane.locator("#results tbody tr").nth(5)).to_be_visible()


def test_who_looks_closer_sees_the_stars_of_that_part_alone(plane):
    note = plane.locator("#plane-note")
    whole = note.inner_text()
    plane.locator("#plane").focus()
    for _ in range(4):
        plane.keyboard.press("+")
    expect(note).to_contain_text(re.compile(r"\d of [\d,]+ stars"))
    assert note.inner_text() != whole


def test_escape_and_the_field_begin_anew(plane):
    plane.locator("#corners").fill("15,0.01 18,0.01 18,2")
    expect(plane.locator("#inside")).to_contain_text("About")
    plane.locator("#plane").focus()
    plane.keyboard.press("Escape")
    expect(plane.locator("#inside")).to_contain_text("Nothing is drawn")
    assert corners_of(plane) == []


def test_on_a_phone_the_plane_is_as_wide_as_the_page_and_scrolls_by_a_finger(visit):
    page = visit("reader", **PHONE).go(ADDRESS)
    page.wait_for_selector(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#list-form").count() == 0  # readers make none
    assert 250 < page.evaluate(FRAME)["width"] < 390
