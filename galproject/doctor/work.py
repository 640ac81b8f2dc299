"""Examinations of what is being done: workers, failures, pictures, people who can log in."""

from datetime import timedelta

import redis
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Max, Min, Sum
from django.utils import timezone
from django_q.models import Failure, Schedule

from exposures.models import GalImage, GalImageCount, Status
from galproject.doctor.findings import fails, ok, warning
from variables.models import CandidateBefore
from variables.pictures.paths import picture_path

# Any cluster of workers does it each minute, on whichever host.
EACH_MINUTE = "galproject.queue.tasks.recover_lost_work"
TELLS_WATCHES = "galproject.queue.tasks.mail_notices"  # each minute, too
LATE = timedelta(minutes=5)
DAY = timedelta(days=1)
OPEN = (Status.QUEUED, Status.WAITING, Status.WORKING)
MANY = 1000  # failures, up to which they are counted
MANY_CHANGES = 500_000  # that wait to be told to watches: ten minutes' work, 0.9 GB
N_LOOKED_AT = 50  # chips that were done last, of which pictures are looked for
N_NAMED = 3  # of those who can log in


def workers():
    """A finding on whether any cluster of workers does what is to be done each minute."""
    due = Schedule.objects.filter(func=EACH_MINUTE).values_list("next_run", flat=True).first()
    if due is None:
        words = "nothing looks for lost work: its schedule is missing"
        return fails("workers", words, "Run manage.py migrate; else restore the table of schedules")
    late = timezone.now() - due
    if late < LATE:
        return ok("workers", "a cluster of workers does what is due each minute")
    words = f"none did what has been due for {late.total_seconds() / 60:,.0f} minutes"
    advice = "Start one (manage.py qcluster, systemctl start galproject-workers); see its log"
    counts = GalImageCount.objects.filter(status__in=OPEN)
    n_open = counts.aggregate(n=Sum("n_chips"))["n"] or 0
    if not n_open:
        return warning("workers", words, advice)
    return fails("workers", f"{words}, and {n_open:,} chips wait", advice)


def failures():
    """Findings on chips and tasks that failed within a day."""
    since = timezone.now() - DAY
    failed = GalImage.objects.filter(status=Status.FAILED, finished__gte=since)
    n_chips = len(failed.values_list("pk")[:MANY])
    tasks = Failure.objects.filter(stopped__gte=since).order_by("-stopped")
    names = tasks.values_list("func", flat=True)[:MANY]
    if n_chips:
        words = f"{_number(n_chips)} chips failed within a day"
        advice = "manage.py working_status --state failed says why; --run-failed runs them again"
        yield warning("chips", words, advice)
    else:
        yield ok("chips", "none failed within a day")
    if names:
        words = f"{_number(len(names))} failed within a day, {names[0]} last"
        yield warning("tasks", words, "The tables have why: Django Q, Failed tasks")
    else:
        yield ok("tasks", "none failed within a day")


def pictures():
    """A finding on pictures of the chips that were done last."""
    done = GalImage.objects.filter(status=Status.DONE, finished__lt=timezone.now() - LATE)
    ids = done.order_by("-finished", "-pk").values_list("pk", flat=True)[:N_LOOKED_AT]
    missing = [pk for pk in ids if not picture_path(pk).is_file()]
    if not missing:
        return ok("pictures", f"those of the {len(ids)} chips done last are there")
    words = f"{len(missing)} of the {len(ids)} chips done last have none in "
    advice = "Mount the folder that all hosts share, or draw them: manage.py render_pictures"
    return warning("pictures", f"{words}{settings.GALPROJECT_PICTURES}", advice)


def watches():
    """A finding on changes of candidates that are kept until watches are told of them.

    By both ends of their index: to count them could mean to read millions.
    """
    ends = CandidateBefore.objects.aggregate(first=Min("pk"), last=Max("pk"))
    n = 0 if ends["first"] is None else ends["last"] - ends["first"] + 1
    words = f"up to {n:,} changes of candidates wait to be told" if n else "nothing waits for them"
    due = Schedule.objects.filter(func=TELLS_WATCHES).values_list("next_run", flat=True).first()
    is_late = due is None or timezone.now() - due > LATE
    if n < MANY_CHANGES and not (n and is_late):
        return ok("watches", words)
    late = "and nobody tells them" if is_late else "more than workers tell in ten minutes"
    return warning(
        "watches",
        f"{words}, {late}: each takes 1.7 kB until then",
        "Start workers (manage.py qcluster), or see why mail_notices fails (the tables: Django Q, "
        "Failed tasks); TRUNCATE galcandidatesbefore in psql drops all that waits, untold",
    )


def redis_queue():
    """Findings on the queue's Redis, where there is one."""
    if not settings.REDIS_URL:
        return
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5).ping()
    except redis.RedisError as error:
        advice = "Start it, or mend GALPROJECT_REDIS_URL; until then nothing is queued"
        yield fails("redis", str(error).rstrip("."), advice)
    else:
        yield ok("redis", "answers")


def people():
    """A finding on whether somebody can log in who may do everything."""
    who = get_user_model().objects.filter(is_active=True, is_superuser=True)
    who = who.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    names = list(who.order_by("pk").values_list("username", flat=True)[:N_NAMED])
    if names:
        return ok("people", f"{', '.join(names)} can log in and give others their groups")
    words = "no superuser can log in"
    return warning("people", words, "Make one: manage.py createsuperuser")


def _number(n):
    return f"{n:,}" if n < MANY else f"{n:,} or more"
