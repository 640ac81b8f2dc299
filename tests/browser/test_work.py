"""What people do here in a day, by mouse and keyboard: choose, flag, find, vet, close, export."""

import csv
import io
import re

from playwright.sync_api import expect

CARDS, PILOT = "Detected three times or more", "Pilot"


def heading(page, text):
    return page.get_by_role("heading", name=text)


def campaign_address(visit, name):
    page = visit.go("/vetting/")
    return page.get_by_role("link", name=name, exact=True).first.get_attribute("href")


def first_candidate(page):
    """The link to the first candidate of a list."""
    return page.locator("#results a[href^='/candidates/']:not([href*='?sort'])").filter(
        has_text=re.compile(r"\d")
    )


def test_one_logs_in_and_goes_on_where_one_left(visit):
    page = visit("vetter", is_new=True).page
    expect(heading(page, "The survey")).to_be_visible()
    expect(page.get_by_text("Galactic centre")).to_be_visible()
    page.get_by_role("link", name=f"Go on with {CARDS}").click()
    page.wait_for_url("**/vet/")
    page.wait_for_selector("body[data-ready]")


def test_a_field_of_the_sky_map_leads_to_its_candidates(visit):
    page = visit("reader").go("/")
    page.get_by_role("link", name=re.compile("Candidates in Baade")).click()
    expect(heading(page, "Candidates")).to_be_visible()
    assert first_candidate(page).count() > 20


def test_a_reference_is_chosen_after_a_look_at_what_that_implies(visit):
    curator = visit("curator")
    page = curator.go("/references/")
    page.get_by_role("link", name="g of Plane at 7").click()
    page.get_by_role("link", name="See what choosing it implies").first.click()
    expect(heading(page, re.compile("What choosing .* implies"))).to_be_visible()
    page.get_by_label("Keep it as a further reference").check()
    page.get_by_label("Why").fill("sharper")
    page.get_by_role("button", name=re.compile("reference.* queue the work")).click()
    expect(page.locator(".messages .success, .messages .info").first).to_be_visible()
    expect(page.get_by_text("sharper").first).to_be_visible()


def test_a_candidate_is_flagged_as_an_artifact_and_the_flag_undone(visit):
    curator = visit("curator")
    page = curator.go("/candidates/?detections_min=1&detections_max=1&filter=r")
    first_candidate(page).nth(3).click()
    page.wait_for_url(re.compile(r"/candidates/\d+/"))
    address = page.url.removeprefix(curator.site.url)
    form = page.locator("form[action^='/flags/sources/']")
    form.locator("select").select_option("cosmic")
    form.locator("input[name=reason]").fill("one pixel")
    form.get_by_role("button").click()
    expect(page.locator(".messages")).to_be_visible()
    page = curator.go(address)
    expect(page.get_by_text("hidden as an artifact")).to_be_visible()
    page.get_by_role("button", name=re.compile("Undo flag")).click()
    page = curator.go(address)
    expect(page.get_by_text("hidden as an artifact")).to_have_count(0)


def test_a_list_is_filtered_shared_by_its_address_and_opened(visit):
    reader = visit("reader")
    page = reader.go("/candidates/")
    page.locator("#id_detections_min").fill("4")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**detections_min=4*")
    n_shown = first_candidate(page).count()
    again = reader.go(page.url.removeprefix(reader.site.url))
    assert first_candidate(again).count() == n_shown > 0
    first_candidate(again).first.click()
    page.wait_for_url(re.compile(r"/candidates/\d+/"))
    expect(heading(page, re.compile(r"Candidate \d+"))).to_be_visible()
    expect(page.locator("#light-curve canvas").first).to_be_visible()


def test_a_list_is_exported_as_csv(visit):
    reader = visit("reader")
    page = reader.go("/candidates/?detections_min=3")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert len(rows) > 20 and all(int(row["star_detections"]) >= 3 for row in rows)


def test_twenty_candidates_are_vetted_by_keyboard_and_one_taken_back(visit):
    vetter = visit("vetter")
    page = vetter.go(campaign_address(vetter, CARDS) + "vet/")
    page.wait_for_selector("body[data-ready]")
    card, seen = page.locator("#card"), []
    for k in range(20):
        seen.append(card.get_attribute("data-shown"))
        for key in ("a", "e") if k == 7 else "reclu"[k % 5]:
            page.keyboard.press(key)
        expect(card).not_to_have_attribute("data-shown", seen[-1])
    assert len(set(seen)) == 20
    page.keyboard.press("z")
    expect(card).to_have_attribute("data-shown", seen[-1])
    page.keyboard.press("u")
    expect(card).not_to_have_attribute("data-shown", seen[-1])
    expect(page.locator("#unsaved")).to_be_hidden()
    with vetter.page.context.expect_page() as opened:
        page.locator("#source").click()
    opened.value.close()


def test_help_and_comment_are_at_hand_while_vetting(visit):
    vetter = visit("curator")
    page = vetter.go(campaign_address(vetter, CARDS) + "vet/")
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("red")
    page.keyboard.press("Enter")
    expect(page.locator("#unsaved")).to_be_hidden()


def test_a_period_is_found_by_its_aliases_and_goes_with_the_vote(visit):
    at_work = visit("vetter")
    page = at_work.go(campaign_address(at_work, CARDS) + "vet/")
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("f")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    period = page.locator("#period")
    for key, days in (("[", "1"), ("]", "2"), ("+", "0.66666667"), ("-", "2"), ("-", "2")):
        page.keyboard.press(key)
        expect(period).to_have_value(days)
    expect(page.locator(".folded-curve canvas").first).to_be_visible()
    with page.expect_request("**/decide/") as sent:
        page.keyboard.press("r")
    (decision,) = sent.value.post_data_json["decisions"]
    assert (decision["choice"], decision["period_days"]) == ("rr-lyrae", 2)
    expect(page.locator("#said")).to_contain_text("RR Lyrae")
    page.keyboard.press("0")
    expect(page.locator(".folded-curve")).to_be_hidden()
    page.keyboard.press("z")


def test_the_exceptions_on_a_contact_sheet_are_decided_and_the_rest_marked(visit):
    vetter = visit("vetter")
    page = vetter.go(campaign_address(vetter, "One-offs in i") + "vet/")
    page.wait_for_selector("body[data-ready]")
    n_tiles = page.locator(".tile-button:not(:has(.no-picture))").count()
    expect(page.locator("#remaining")).to_have_text(str(n_tiles))
    page.keyboard.press("r")
    expect(page.locator(".tile-button.decided")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("u")
    expect(page.locator("#remaining")).to_have_text(str(n_tiles - 2))
    page.keyboard.press("Enter")
    expect(page.locator("#unsaved")).to_be_hidden()
    page.keyboard.press("z")
    expect(page.locator("#said")).to_contain_text("taken back")


def test_a_campaign_is_closed_and_its_people_compared(visit):
    curator = visit("curator")
    page = curator.go(campaign_address(curator, PILOT))
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Closed: the classes are what people agreed on.")).to_be_visible()
    expect(page.get_by_text("curator and vetter")).to_be_visible()
