"""Twenty vetters at once, while web workers and database connections are killed; one JSON line.

A survey is made up in a database of its own and served as ``manage.py serve`` does. Each vetter
asks for cards and votes on them, for a minute one a second (people take some four seconds), for a
minute as fast as answers come, and sends a vote again, by its key, until it is answered; every
three seconds a process of the web server is killed with -9, or the connections of the database are
ended. The line has ``lost`` (votes that were answered for and are not there), ``doubled`` (that are
there twice), ``leased_twice`` (candidates that two people had in hand, where one vote is wanted),
``p95_ms`` and ``p95_unpaced_ms`` (from a vote to its answer, of those that were answered at once),
``votes`` and ``votes_unpaced`` in the one minute and the other, ``kills``. --quick: five vetters,
ten seconds and ten, in less than 50 s.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psycopg2
import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.contrib.auth.hashers import make_password

from benchmarks.seeded_site import seeded_site

KILL_SECONDS, AGAIN_SECONDS, ANSWER_SECONDS = 3, 0.3, 30
PAUSE = 1  # seconds before each vote of those that are paced
PASSWORD, CAMPAIGN = "of the benchmark", "All at once"
MAKE_VETTER = """
WITH made AS (
    INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active,
        first_name, last_name, email, date_joined)
    VALUES (%s, %s, false, false, true, '', '', '', now()) RETURNING id
)
INSERT INTO auth_user_groups (user_id, group_id)
SELECT made.id, g.id FROM made, auth_group g WHERE g.name = 'vetters'
"""
END_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
VOTES = "SELECT key FROM galdecisions WHERE action = 'vote' AND key <> ''"
VOTED_TWICE = """
SELECT count(*) FROM (
    SELECT FROM galdecisions d JOIN galcampaigns c ON c.id = d.campaign_id
    WHERE c.name = %s AND d.action = 'vote' GROUP BY d.refsource_id HAVING count(*) > 1
) AS twice
"""


@dataclass
class Vetter:
    """Somebody who votes until the end, and what became of it."""

    name: str
    url: str
    answered: list = field(default_factory=list)  # keys of votes that the server said are saved
    given: set = field(default_factory=set)  # candidates
    seconds: list = field(default_factory=list)  # of votes that were answered at once
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self, password=PASSWORD):
        self.session.get(f"{self.url}/login/", timeout=ANSWER_SECONDS)
        form = {"username": self.name, "password": password, **self.token}
        self.session.post(f"{self.url}/login/", form, timeout=ANSWER_SECONDS).raise_for_status()

    @property
    def token(self):
        return {"csrfmiddlewaretoken": self.session.cookies["csrftoken"]}

    def vet(self, campaign, pause, end):
        """Vote on what one is given, ``pause`` seconds each, until ``end`` by time.monotonic()."""
        after = 0
        while time.monotonic() < end:
            batch = self.ask("get", f"{campaign}vet/next/?after={after}", end)
            if not batch or not batch["objects"]:
                return
            after = batch["after"]
            ids = [card["refsource_id"] for card in batch["objects"]]
            self.given.update(ids)
            for pk in ids:
                time.sleep(pause)
                self.vote(campaign, pk, end)

    def vote(self, campaign, refsource_id, end):
        key = uuid.uuid4().hex
        vote = {"refsource_id": refsource_id, "choice": "uncertain", "how": "key", "key": key}
        if self.ask("post", f"{campaign}vet/decide/", end, json={"decisions": [vote]}):
            self.answered.append(key)

    def ask(self, method, path, end, **options):
        """The JSON of an answer, asked for until it comes; None at the end."""
        headers = {"X-CSRFToken": self.session.cookies["csrftoken"], "Accept": "application/json"}
        for attempt in range(10_000):
            begun = time.monotonic()
            with suppress(requests.RequestException):
                answer = self.session.request(
                    method, self.url + path, headers=headers, timeout=ANSWER_SECONDS, **options
                )
                if answer.ok:
                    if method == "post" and not attempt:
                        self.seconds.append(time.monotonic() - begun)
                    return answer.json()
            if time.monotonic() > end + ANSWER_SECONDS:
                return None
            time.sleep(AGAIN_SECONDS)
        return None


def make_vetters(site, n):
    with closing(psycopg2.connect(site.database_url)) as connection, connection.cursor() as cursor:
        for k in range(n):
            cursor.execute(MAKE_VETTER, [f"vetter{k}", make_password(PASSWORD)])
        connection.commit()
    return [Vetter(f"vetter{k}", site.url) for k in range(n)]


def make_campaign(site):
    """The path of a campaign of all candidates, in which one vote is wanted of each."""
    curator = Vetter("curator", site.url)
    curator.log_in(site.passwords["curator"])
    form = {"name": CAMPAIGN, "lane": "card", "votes_wanted": 1, "n_gold": 0, **curator.token}
    made = curator.session.post(f"{site.url}/vetting/new/?list=detections_min%3D1", form)
    made.raise_for_status()
    return made.url.removeprefix(site.url)


def web_workers(site):
    """Process ids of the web server's workers: those whose parent serves the same port."""
    port = site.url.rpartition(":")[2].encode()
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b":" + port + b"\0" in (folder / "cmdline").read_bytes():
                parents[int(folder.name)] = int((folder / "stat").read_text().split()[3])
    return [pid for pid, parent in parents.items() if parent in parents]


def kill(site, end):
    """Kill a web worker and the connections of the database in turn; how often."""
    dice, n = random.Random(1), 0
    while time.monotonic() + KILL_SECONDS < end:
        time.sleep(KILL_SECONDS)
        if n % 2:
            with closing(psycopg2.connect(site.database_url)) as connection:
                connection.cursor().execute(END_CONNECTIONS)
        elif workers := web_workers(site):
            with suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
        n += 1
    return n


def vote_at_once(site, vetters, campaign, pause, seconds):
    """Have all vote beside kills: ms of the votes that were answered at once, number of kills."""
    for vetter in vetters:
        vetter.seconds.clear()
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=v.vet, args=(campaign, pause, end)) for v in vetters]
    for thread in threads:
        thread.start()
    n_kills = kill(site, end)
    for thread in threads:
        thread.join()
    return [1000 * one for vetter in vetters for one in vetter.seconds], n_kills


def measure(site, n_vetters, seconds):
    vetters, campaign = make_vetters(site, n_vetters), make_campaign(site)
    for vetter in vetters:
        vetter.log_in()
    paced, n_kills = vote_at_once(site, vetters, campaign, PAUSE, seconds)
    n_paced = sum(len(vetter.answered) for vetter in vetters)
    unpaced, n_more_kills = vote_at_once(site, vetters, campaign, 0, seconds)
    with closing(psycopg2.connect(site.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(VOTES)
        saved = [key for (key,) in cursor.fetchall()]
        cursor.execute(VOTED_TWICE, [CAMPAIGN])
        (n_twice,) = cursor.fetchone()
    answered = [key for vetter in vetters for key in vetter.answered]
    given = [pk for vetter in vetters for pk in vetter.given]
    return {
        "lost": len(set(answered) - set(saved)),
        "doubled": len(saved) - len(set(saved)) + n_twice,
        "leased_twice": len(given) - len(set(given)),
        "p95_ms": round(float(np.percentile(paced, 95)), 1),
        "p95_unpaced_ms": round(float(np.percentile(unpaced, 95)), 1),
        "votes": n_paced,
        "votes_unpaced": len(answered) - n_paced,
        "kills": n_kills + n_more_kills,
        "vetters": n_vetters,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five vetters for ten seconds")
    quick = parser.parse_args().quick
    n_vetters, seconds, n_candidates = (5, 10, 1000) if quick else (20, 60, 20_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        seeded_site(folder, n_candidates, 25 * n_candidates, 50) as site,
    ):
        result = measure(site, n_vetters, seconds)
    print(json.dumps(result))
    sys.exit(bool(result["lost"] or result["doubled"] or result["leased_twice"]))


if __name__ == "__main__":
    main()
