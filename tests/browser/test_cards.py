"""Cards: all of a candidate at one glance, and the same epoch marked on curves and cutouts."""

import pytest
from playwright.sync_api import expect

WINDOWS = ({"width": 1280, "height": 640}, {"width": 1920, "height": 1080})
EACH_KIND = "Something of each kind"
# What of a card is not wholly within the window, or lies over something else of it.
BELOW = """() => {
  const parts = [...document.querySelectorAll("#card section, .epoch, .plot:not([hidden])")]
    .filter((part) => part.getClientRects().length);
  const outside = parts.filter((part) => {
    const {top, left, bottom, right} = part.getBoundingClientRect();
    return top < 0 || left < 0 || bottom > innerHeight + 0.5 || right > innerWidth + 0.5;
  });
  const {scrollHeight, scrollWidth} = document.documentElement;
  return {
    n: parts.length, outside: outside.map((part) => part.className),
    scrolls: scrollHeight > innerHeight || scrollWidth > innerWidth,
    side: document.querySelector(".epoch svg")?.getBoundingClientRect().width,
  };
}"""
# How many pixels of each plot are of the colour that marks an epoch.
MARKED = """() => [...document.querySelectorAll(".plot:not(.place) canvas")].map((canvas) => {
  const {width, height} = canvas, pen = canvas.getContext("2d");
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--working").trim();
  const [r, g, b] = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
  const {data} = pen.getImageData(0, 0, width, height);
  let n = 0;
  for (let k = 0; k < data.length; k += 4) {
    n += data[k] === r && data[k + 1] === g && data[k + 2] === b;
  }
  return n;
})"""


@pytest.fixture
def card(visit):
    """Opens the cards of a campaign."""

    def begin(name=EACH_KIND, **options):
        visitor = visit("vetter", **options)
        page = visitor.go("/vetting/")
        address = page.get_by_role("link", name=name, exact=True).first.get_attribute("href")
        page = visitor.go(f"{address}vet/")
        page.wait_for_selector("body[data-ready]")
        return page

    return begin


@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: f"{w['width']}x{w['height']}")
def test_nothing_of_a_card_is_below_the_window_and_cutouts_are_as_large_as_it_allows(card, window):
    page = card(viewport=window)
    page.wait_for_selector(".epoch")
    sides = []
    for _ in range(5):
        seen = page.evaluate(BELOW)
        assert seen["outside"] == [] and not seen["scrolls"] and seen["n"] >= 6, seen
        sides.append(seen["side"])
        page.keyboard.press("j")
        page.wait_for_timeout(100)
    assert min(side for side in sides if side) > window["height"] / 7


def test_the_epoch_of_a_cutout_is_ringed_on_the_curves_by_mouse_and_by_keyboard(card):
    page = card()
    page.wait_for_selector(".epoch")
    assert set(page.evaluate(MARKED)) == {0}
    page.locator(".epoch").first.hover()
    assert page.evaluate(MARKED)[0] > 20
    expect(page.locator("#light-curve .point")).to_contain_text("σ")
    page.mouse.move(5, 5)
    assert set(page.evaluate(MARKED)) == {0}
    page.keyboard.press("ArrowRight")
    expect(page.locator(".epoch").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".epoch").nth(1)).to_be_focused()
    assert page.evaluate(MARKED)[0] > 20
    # A key decides all the same.
    shown = page.locator("#card").get_attribute("data-shown")
    page.keyboard.press(" ")
    expect(page.locator("#card")).not_to_have_attribute("data-shown", shown)
    page.keyboard.press("z")
    expect(page.locator("#card")).to_have_attribute("data-shown", shown)
    expect(page.locator("#unsaved")).to_be_hidden()


def test_a_period_that_is_only_proposed_goes_with_no_vote_until_it_is_taken(card):
    page = card("Detected three times or more")
    for _ in range(30):
        if page.locator("#proposed").is_visible():
            break
        page.keyboard.press("j")
        page.wait_for_timeout(150)
    expect(page.locator(".folded-curve canvas")).to_be_visible()
    for key, days in ((None, None), (".", float(page.locator("#period").input_value()))):
        if key:
            page.keyboard.press(key)
            expect(page.locator("#proposed")).to_be_hidden()
        with page.expect_request("**/decide/") as sent:
            page.keyboard.press("v")
        (decision,) = sent.value.post_data_json["decisions"]
        assert decision["period_days"] == days
        page.keyboard.press("z")
        expect(page.locator("#unsaved")).to_be_hidden()


def test_a_vote_goes_to_the_likeliest_star_by_a_key_that_takes_that_back_as_well(card):
    page = card()
    page.route("**/decide/", lambda route: route.fulfill(json={"saved": 0}))
    with page.expect_response("**/next/*") as first:
        page.route("**/next/*", with_another_star)
        page.reload()
    assert first.value.ok
    page.wait_for_selector("body[data-ready]")
    move = page.locator("#move")
    expect(page.locator("#changed-star")).to_have_text("Most likely the star beside.")
    for is_moved in (True, False, True):
        page.keyboard.press(">")
        expect(move).to_have_attribute("aria-pressed", str(is_moved).lower())
    with page.expect_request("**/decide/") as sent:
        page.keyboard.press("v")
    (decision,) = sent.value.post_data_json["decisions"]
    assert decision["moved_to"] == "7" and decision["choice"] == "other"
    # The next card begins with its own star.
    expect(move).to_have_attribute("aria-pressed", "false")
    page.unroute_all(behavior="wait")


def with_another_star(route):
    """Cards that say that star 7 changes in place of the candidate."""
    answer = route.fetch()
    body = answer.json()
    mark = {"x": 40, "y": 60, "radius_x": 2, "radius_y": 1.5, "turned": 30}
    said = {"sentence": "Most likely the star beside.", "doubts": [], "mark": mark, "move_to": "7"}
    for one in body["objects"]:
        one["changed_star"] = said
    route.fulfill(response=answer, json=body)
