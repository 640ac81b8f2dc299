"""What watched searches cost after a job, and how soon their mail is there."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from benchmarks.processor_time import Stopwatch
from exposures.models import GalJob
from galproject.queue.sending import send_tasks
from tests.builders.many_candidates import make_many_candidates
from variables.models import GalCandidate, GalWatchNews, SavedSearch
from variables.watches.telling import tell_watches
from variables.watches.watching import watch

PROJECT = Path(__file__).resolve().parents[2]
QUERIES = (
    *("detections_min=3", "change_min=0.5&cause=real", "sigma_min=20", "alarm_max=0.001"),
    *("period_min=0.2&period_max=0.9", "cls=rr-lyrae", "known=new&mag_max=17", "kind=new"),
    *("position=266+-29&radius=600", "vetted=nobody&detections_min=2"),
)
TOUCH = """
UPDATE galcandidates SET n_detections = n_detections + 1, star_detections = star_detections + 1,
    n_changes = n_changes + 1, max_delta_mag = 1.5 * max_delta_mag
WHERE refsource_id IN (SELECT refsource_id FROM galcandidates ORDER BY refsource_id LIMIT %s)
"""
MAIL_WITHIN = 120  # seconds; later it counts as not come


def measure_watches(figures, n_candidates, n_watches=100, n_touched=2000):
    """The processor time of telling watches after a job that touched so many candidates."""
    make_many_candidates(n_candidates)
    for number in range(n_watches):
        user = _person(f"watcher{number}")
        query = QUERIES[number % len(QUERIES)]
        watch(user, SavedSearch.objects.create(user=user, name="s", query=query), "page")
    with connection.cursor() as cursor, Stopwatch() as touching:
        cursor.execute(TOUCH, [n_touched])
    with Stopwatch() as telling:
        n_told = tell_watches()
    figures.store("watched_candidates", n_candidates)
    figures.store("touching_seconds", touching.seconds)
    figures.store("watches_seconds", telling.seconds)
    figures.store("watches_client_share", telling.client / telling.seconds)
    figures.store("watches_told", n_told)


def _person(name, **columns):
    user = User.objects.create_user(name, **columns)
    user.groups.add(Group.objects.get(name="readers"))
    return user


def measure_mail(figures, url):
    """Seconds on the clock from a stored exposure, whose job is closed, to the mail of a watch.

    By a cluster of workers and a mail server of their own. Until the job is closed it has no other
    work; what its sources' candidates become is stored with the exposure.
    """
    user = _person("reader", email="reader@example.org")
    watched = watch(user, SavedSearch.objects.create(user=user, name="all", query=""), "once")
    candidate = GalCandidate.objects.order_by("pk").last()
    job = GalJob.objects.create(exposure=candidate.catalogue.image.exposure)
    # What is due each minute may come at once or in a minute: it isn't what is measured.
    Schedule.objects.update(next_run=timezone.now() + timedelta(days=1))
    with mail_sink() as (address, has_mail), cluster(url, address):
        GalCandidate.objects.filter(pk=candidate.pk).update(max_delta_mag=9.0)
        stored = time.monotonic()
        send_tasks("close_job", [(job.pk,)])
        came = has_mail.wait(MAIL_WITHIN)
        figures.store("exposure_to_mail_seconds", time.monotonic() - stored if came else None)
    figures.store("mailed_news", GalWatchNews.objects.filter(watch=watched).count())
    figures.store("left_on_queue", OrmQ.objects.count())


class _Mail(StreamRequestHandler):
    """As much of SMTP as takes a mail and tells that it came."""

    def handle(self):
        self._say("220 here")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"QUIT":
                self._say("221 bye")
                return
            if word == b"DATA":
                self._say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.has_mail.set()
            self._say("250 ok")

    def _say(self, words):
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def mail_sink():
    """A mail server that keeps nothing: its address, and an Event that is set by a mail."""
    with ThreadingTCPServer(("127.0.0.1", 0), _Mail) as server:
        server.daemon_threads = True
        server.has_mail = Event()
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}", server.has_mail
        finally:
            server.shutdown()


@contextmanager
def cluster(url, mail_server):
    """A running cluster of one worker on the database at ``url``, stopped at the end."""
    environment = {**os.environ, "DATABASE_URL": url, "GALPROJECT_EMAIL_URL": mail_server}
    environment |= {"GALPROJECT_WORKERS": "1", "GALPROJECT_OPTIONS": ""}
    words = [sys.executable, PROJECT / "manage.py", "qcluster"]
    process = subprocess.Popen(words, env=environment, stdout=sys.stderr, start_new_session=True)
    try:
        time.sleep(5)  # until it has begun
        yield
    finally:
        process.terminate()
        process.wait(60)
