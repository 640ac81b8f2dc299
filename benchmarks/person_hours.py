"""How long people vet a survey of 40,000 candidates, by pages turned and keys pressed.

A survey is made up in a database of its own and served; a curator begins campaigns of all of its
candidates, and what they hold is counted: groups that are large enough for one stroke, sheets of
what is left, cards. Ends with one JSON line: ``person_hours``, and of what it is made up; and the
same without groups, and with cards for what was detected twice (``person_hours_before``), but for
looks at folded curves on other pages. No order by a model is counted. --quick: a small survey.
"""

import argparse
import json
import math
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.seeded_site import seeded_site
from benchmarks.vetters import ANSWER_SECONDS, Vetter

# As timed of a person at work: a sheet, a card, and the folded curve on the candidate's own page.
TILES, SHEET_SECONDS, CARD_SECONDS, LOOK_SECONDS = 60, 35.0, 3.8, 12.0
# Of the pages (variables/vetting/groups.py; tests/variables/test_vetting_effort.py holds them).
LEAST, EXTREMES = 20, 24
CAMPAIGN = "All of the survey"
GROUPS = """
SELECT count(*) FROM galcampaignobjects o JOIN galcampaigns c ON c.id = o.campaign_id
WHERE c.name LIKE %s AND c.lane = 'sheet' GROUP BY o."group"
"""
CARDS = """
SELECT count(*) FROM galcampaignobjects o JOIN galcampaigns c ON c.id = o.campaign_id
WHERE c.name LIKE %s AND c.lane = 'card'
"""
TWICE = """
SELECT count(*) FROM galcampaignobjects o JOIN galcampaigns c ON c.id = o.campaign_id
JOIN galcandidates a ON a.refsource_id = o.refsource_id
WHERE c.name LIKE %s AND c.lane = 'sheet' AND a.star_detections = 2
"""


@dataclass(frozen=True)
class Effort:
    """What a person does to vet campaigns: pages turned, each by one key."""

    groups: int  # of which the extremes are shown
    sheets: int
    cards: int
    looks: int = 0  # at a period on another page

    @property
    def keys(self) -> int:
        return self.groups + self.sheets + self.cards

    @property
    def hours(self) -> float:
        of_groups = self.groups * SHEET_SECONDS * EXTREMES / TILES
        of_pages = self.sheets * SHEET_SECONDS + self.cards * CARD_SECONDS
        return (of_groups + of_pages + self.looks * LOOK_SECONDS) / 3600


def effort_of(sizes, n_cards, n_tiles=TILES) -> Effort:
    """The Effort for groups of candidates of these sizes on sheets, and cards.

    Exceptions, which are decided by a key each, are not counted: they are few.
    """
    small = sum(size for size in sizes if size < LEAST)
    return Effort(len([n for n in sizes if n >= LEAST]), math.ceil(small / n_tiles), n_cards)


def begin_campaigns(site):
    """Have a curator begin campaigns of all candidates, one in each lane."""
    curator = Vetter("curator", site.url)
    curator.log_in(site.passwords["curator"])
    form = {"name": CAMPAIGN, "lane": "", "votes_wanted": 1, "n_gold": 0, **curator.token}
    made = curator.session.post(f"{site.url}/vetting/new/?list=", form, timeout=10 * ANSWER_SECONDS)
    made.raise_for_status()


def count(site):
    """Sizes of the groups, how many of their candidates were detected twice, and cards."""
    with closing(psycopg2.connect(site.database_url)) as connection, connection.cursor() as cursor:
        found = []
        for query in (GROUPS, TWICE, CARDS):
            cursor.execute(query, [f"{CAMPAIGN}%"])
            found.append(cursor.fetchall())
    sizes, ((twice,),), ((cards,),) = found
    return [n for (n,) in sizes], twice, cards


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small survey, to try it out")
    size = (2000, 40_000, 10) if parser.parse_args().quick else (40_000, 1_000_000, 10)
    with tempfile.TemporaryDirectory() as folder, seeded_site(folder, *size) as site:
        begin_campaigns(site)
        sizes, twice, cards = count(site)
    now = effort_of(sizes, cards)
    once = sum(sizes) - twice
    before = Effort(0, math.ceil(once / TILES), cards + twice)
    result = {
        "person_hours": round(now.hours, 1),
        "person_hours_before": round(before.hours, 1),
        "keys": now.keys,
        **asdict(now),
        "before": asdict(before),
        "candidates": sum(sizes) + cards,
        "in_groups": sum(size for size in sizes if size >= LEAST),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
