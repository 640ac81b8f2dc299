"""What the server does not take of a vetter is put aside, and holds up nothing that comes after."""

import json
from contextlib import closing

import psycopg2
import pytest
from playwright.sync_api import expect

from tests.browser.test_every_page import PHONE, Pages

CARDS, SHEET = "Detected three times or more", "One-offs in i"
WORDS = "Candidate 7 is gone, as its reference was made again"
SCHEMES = ("light", "dark")
# Answers that are final for what was sent, with and without the server's words.
REFUSALS = (
    *({"status": status, "json": {"error": WORDS}} for status in (400, 409, 422)),
    {"status": 403, "json": {"detail": "You may not do this."}},
    {"status": 404, "body": "<h1>Not found</h1>", "content_type": "text/html"},
    {"status": 413, "body": "", "content_type": "text/plain"},
)
SAVED = """
SELECT d.refsource_id::text FROM galdecisions d JOIN auth_user u ON u.id = d.user_id
WHERE u.username = %s AND d.action = 'vote' AND d.id > %s ORDER BY d.id
"""


@pytest.fixture
def lane(visit):
    """Opens the lane of a campaign; what goes wrong on it on purpose is no fault."""
    visits = []

    def begin(name, who="vetter", **options):
        visitor = visit(who, **options)
        page = visitor.go("/vetting/")
        address = page.get_by_role("link", name=name, exact=True).first.get_attribute("href")
        visits.append(visitor)
        (last,) = query(visitor.site, "SELECT coalesce(max(id), 0) FROM galdecisions")[0]
        page = visitor.go(f"{address}vet/")
        page.wait_for_selector("body[data-ready]")
        begin.votes = lambda: [pk for (pk,) in query(visitor.site, SAVED, who, last)]
        begin.visitor = visitor
        return page

    yield begin
    for visitor in visits:
        visitor.faults.clear()


def query(site, statement, *values):
    with closing(psycopg2.connect(site.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def refuse(page, pk, answer):
    """Answer so whatever holds a decision on a candidate; a function that ends it."""

    def handle(route):
        sent = json.loads(route.request.post_data).get("decisions", [])
        if any(one["refsource_id"] == pk for one in sent):
            route.fulfill(**answer)
        else:
            route.continue_()

    page.route("**/vet/decide/", handle)
    return lambda: page.unroute("**/vet/decide/")


def decide(page, key="u"):
    """Vote on the card that is shown; its candidate."""
    card = page.locator("#card")
    shown = card.get_attribute("data-shown")
    page.keyboard.press(key)
    expect(card).not_to_have_attribute("data-shown", shown)
    return shown


def sent(page):
    page.wait_for_function(
        "() => !document.getElementById('unsaved').textContent.includes('unsav')"
    )


def test_what_is_refused_is_put_aside_and_what_follows_is_saved_in_order(lane):
    page = lane(CARDS)
    wanted = []
    for k, answer in enumerate(REFUSALS, 1):
        end = refuse(page, page.locator("#card").get_attribute("data-shown"), answer)
        refused = decide(page)
        wanted += [decide(page, "r")]
        sent(page)
        assert lane.votes() == wanted
        expect(page.locator("#n-refused")).to_have_text(f"{k} not taken")
        expect(page.locator("#refused-list li").last).to_contain_text(refused)
        end()
    words = page.locator("#refused-list").text_content()
    assert WORDS in words and "You may not" in words and "404" in words and "413" in words
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#n-refused")).to_have_text(f"{len(REFUSALS)} not taken")


def test_where_the_server_fails_at_one_decision_again_and_again_the_rest_goes_on(lane):
    page = lane(CARDS)
    failing = page.locator("#card").get_attribute("data-shown")
    end = refuse(page, failing, {"status": 500, "body": "", "content_type": "text/html"})
    decide(page)
    following = decide(page, "r")
    expect(page.locator("#n-refused")).to_have_text("1 not taken")
    sent(page)
    assert lane.votes() == [following]
    end()
    page.locator("#n-refused").click()
    page.get_by_role("button", name=f"Try again: Uncertain: {failing}").click()
    expect(page.locator("#refused")).to_be_hidden()
    expect(page.locator("#unsaved")).to_be_hidden()
    assert lane.votes() == [following, failing]


def test_what_passes_is_waited_for_and_nothing_is_put_aside_or_sent_in_another_order(lane):
    page = lane(CARDS)
    answers = [
        {
            "status": 503,
            "json": {"detail": "The database is busy"},
            "headers": {"Retry-After": "1"},
        },
        {"status": 429, "body": ""},
        None,
        {"status": 403, "body": "csrf", "headers": {"X-Csrf-Failure": "1"}},
    ]

    def handle(route):
        if not answers:
            return route.continue_()
        answer = answers.pop(0)
        return route.fulfill(**answer) if answer else route.abort()

    page.route("**/vet/decide/", handle)
    wanted = [decide(page, key) for key in "ru"]
    expect(page.locator("#unsaved")).to_contain_text("2 unsaved: The database is busy")
    page.wait_for_function("() => document.getElementById('unsaved').hidden")
    assert lane.votes() == wanted and answers == []
    expect(page.locator("#refused")).to_be_hidden()


def test_of_a_batch_only_what_is_refused_is_undecided_and_put_aside(lane):
    page = lane(SHEET)
    n = page.locator(".tile-button:not(:has(.no-picture))").count()
    expect(page.locator("#remaining")).to_have_text(str(n))
    label = page.locator(".tile-button:not(:has(.no-picture))").nth(5).get_attribute("aria-label")
    bad = label.partition(":")[0]
    refuse(page, bad, {"status": 409, "json": {"error": WORDS}})
    # One without a picture is left, or the sheet would be turned.
    page.keyboard.press("Enter")
    expect(page.locator("#n-refused")).to_have_text("1 not taken")
    sent(page)
    assert len(lane.votes()) == n - 1 and bad not in lane.votes()
    page.keyboard.press("z")
    page.wait_for_function("() => document.getElementById('said').textContent.includes('back')")
    sent(page)  # else the other tests of sheets have nothing left to decide


@pytest.mark.parametrize("window", [{}, {"viewport": PHONE}], ids=["desktop", "phone"])
def test_what_is_put_aside_is_shown_copied_and_discarded_by_everybody(lane, window):
    page = lane(CARDS, **window)
    bad = page.locator("#card").get_attribute("data-shown")
    refuse(page, bad, {"status": 409, "json": {"error": WORDS}})
    decide(page)
    page.locator("#n-refused").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#refused-list")
    expect(panel).to_contain_text(WORDS)
    box = page.locator(".refused-panel").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
    pages = Pages(page, lane.visitor.site.url)
    pages.examine("vetter", "/vetting/", [(scheme, page.viewport_size, None) for scheme in SCHEMES])
    assert pages.told() == []
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator("#said")).to_contain_text("Copied")
    assert bad in page.evaluate("() => navigator.clipboard.readText()")
    page.get_by_role("button", name="Discard").first.click()
    expect(page.locator("#refused")).to_be_hidden()
    assert bad not in lane.votes()
