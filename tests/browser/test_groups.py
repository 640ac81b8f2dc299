"""Whole groups on a contact sheet: a look at the extremes, and one key for all."""

import psycopg2
import pytest
from playwright.sync_api import expect

from tests.browser.test_sheets import ON_SCREEN, SHEET, query, saved, sheet, take_back

__all__ = ["sheet"]
OF_GROUP = """
SELECT d.refsource_id, d.shown ->> 'group', d.shown ? 'image'
FROM galdecisions d JOIN galcampaigns c ON c.id = d.campaign_id
LEFT JOIN galdecisions x ON x.undoes_id = d.id
WHERE c.name = %s AND d.action = 'vote' AND d.how = 'group' AND x.id IS NULL
"""
LARGE = """
WITH large AS (
    SELECT "group" FROM galcampaignobjects o JOIN galcampaigns c ON c.id = o.campaign_id
    WHERE c.name = %s AND o.n_votes = 0 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
)
UPDATE galcampaignobjects SET "group" = (SELECT "group" FROM large)
WHERE campaign_id = (SELECT id FROM galcampaigns WHERE name = %s) AND n_votes = 0
    AND rank %% 2 = 0
RETURNING "group"
"""
NAMED = """
UPDATE galcampaignobjects o SET "group" = n.name
FROM unnest(%s::bigint[], %s::text[]) AS n (id, name) WHERE n.id = o.id
"""


@pytest.fixture
def large_group(site):
    """Half of the sheet's candidates in one group; the names are put back at the end."""
    before = query(site, 'SELECT array_agg(id), array_agg("group") FROM galcampaignobjects')
    run(site, LARGE, SHEET, SHEET)
    yield
    run(site, NAMED, *before[0])


@pytest.fixture
def group(large_group, sheet):
    """Opens a sheet of which half is one group, as groups."""
    page = sheet()
    sheet.quiet()
    page.keyboard.press("w")
    expect(page.locator("#group-told")).to_be_visible()
    expect(page.locator(".tile-button").first).to_be_visible()
    return page


def run(site, statement, *values):
    with psycopg2.connect(site.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)


def n_told(page):
    return int(page.locator("#batch-act").inner_text().split()[-1])


def strike(page):
    """Vote on all of the group, the only one that is large, and wait for what comes after it."""
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("No large group is left")
    saved(page)


def wait_until_all_seen(page):
    n = page.locator(".tile-button:not(.decided)").count()
    expect(page.locator("#remaining")).to_have_text(str(n))
    return n


def test_one_key_votes_on_a_whole_group_once_its_extremes_were_seen(group, sheet, site):
    page, n = group, n_told(group)
    assert not page.evaluate(ON_SCREEN)["outside"]
    shown = wait_until_all_seen(page)
    assert shown <= n and page.locator(".tile-curve canvas").count() == shown
    strike(page)
    votes = query(site, OF_GROUP, SHEET)
    assert len(votes) == len({pk for pk, *_ in votes}) == n
    assert sum(seen for *_, seen in votes) == shown
    page.keyboard.press("z")
    expect(page.locator("#said")).to_contain_text(f"all {n} of the group taken back")
    saved(page)
    assert query(site, OF_GROUP, SHEET) == []
    assert n_told(page) == n


def test_enter_at_once_votes_on_no_group(large_group, sheet, site):
    page = sheet(lambda page: page.add_init_script("window.requestAnimationFrame = () => 0"))
    sheet.quiet()
    page.keyboard.press("w")
    expect(page.locator("#group-told")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("look first")
    assert query(site, OF_GROUP, SHEET) == []


def test_an_exception_is_decided_by_itself_and_w_goes_back_to_single_tiles(group, sheet, site):
    page, n = group, n_told(group)
    wait_until_all_seen(page)
    page.keyboard.press("r")
    saved(page)
    strike(page)
    votes = sheet.votes()
    assert sorted({how for _, how, _ in votes}) == ["group", "key"] and len(votes) == n
    take_back(page, 2)
    page.keyboard.press("w")
    expect(page.locator("#group-told")).to_be_hidden()
    expect(page.locator("[data-command=groups]")).to_have_attribute("aria-pressed", "false")
