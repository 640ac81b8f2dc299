"""Help on a page, and an address that says how a light curve is folded."""

from tests.browser.test_by_hand import DRAWN, first_candidate

FOLD = "#period=1.25&epoch=2457755.5&harmonics=2&filters=i"


def test_an_address_folds_follows_the_fold_and_help_opens_beside_it(visit):
    reader = visit("reader")
    page = first_candidate(reader)
    here = page.url.partition("#")[0]
    page.goto("about:blank")
    page.goto(here + FOLD)
    page.wait_for_selector(DRAWN)
    assert page.locator("#period").input_value() == "1.25"
    assert page.locator("#phase-zero").input_value() == "2457755.5"
    assert page.locator("#harmonics").input_value() == "2"
    page.get_by_role("button", name="Twice the period").click()
    page.locator("#harmonics").fill("0")
    page.locator("#harmonics").press("Enter")
    page.keyboard.press("Tab")
    shown = page.evaluate("() => new URLSearchParams(location.hash.slice(1)).toString()")
    assert shown.startswith("period=2.5&epoch=2457755.5") and "harmonics" not in shown
    page.locator("h1").click()
    page.keyboard.press("?")
    told = page.get_by_role("dialog", name="Help for this page")
    told.get_by_text("All that is known of one candidate").wait_for()
    told.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Unfold").click()
    assert "period" not in page.url
