"""Numbers on pages that the database keeps are those of the rows, whoever changes them at once."""

from contextlib import contextmanager
from io import StringIO
from multiprocessing import get_context

import numpy as np
import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from exposures.kept_counts import OF_IMAGES
from exposures.models import GalImage, GalImageCount, Status
from galproject.backup.sessions import parameters_of
from galproject.processing.removal import remove
from photometry.models import GalReference
from tests.builders.candidates import (
    add_epoch,
    crossmatch_all,
    make_candidate,
    make_candidates,
    make_catalogue,
)
from tests.builders.random_writer import change_at_random
from tests.builders.survey_rows import make_image
from variables.candidates.repeat_detections import Counting, count_known, count_repeat_detections
from variables.derived.counts import OF_CANDIDATES
from variables.derived.refresh import refresh_candidates
from variables.derived.stars import refresh_stars
from variables.models import GalCandidate, GalCandidateCount
from variables.models.known import SURER, Known

pytestmark = pytest.mark.django_db
KEPT = OF_IMAGES, OF_CANDIDATES


@contextmanager
def session():
    """A cursor of another session of the same database, in a transaction."""
    opened = psycopg2.connect(**parameters_of(connection.settings_dict["NAME"]))
    try:
        yield opened.cursor()
    finally:
        opened.close()


def assert_kept():
    for kept in KEPT:
        assert kept.differences() == [], kept.counted


def fold():
    with connection.cursor() as cursor:
        cursor.execute("SELECT galimagecounts_fold(), galcandidatecounts_fold()")


def counted_one_by_one(counting):
    """What the table of repeated detections says, counted from the candidates."""
    candidates = GalCandidate.objects
    candidates = candidates.accepted() if counting.accepted_only else candidates.current()
    if counting.filter:
        candidates = candidates.in_filter(counting.filter)
    name = "detections" if counting.accepted_only else "changes"
    column = f"star_{name}" + ("_in_filter" if counting.filter else "")
    column = f"n_{name}" if counting.per_source else column
    stars = candidates if counting.per_source else candidates.one_a_star()
    numbers = np.unique([n for n in stars.values_list(column, flat=True) if n], return_counts=True)
    known = {}
    for one in (Known.KNOWN, Known.NEW, Known.CANT_BE_TOLD):
        found = candidates.filter(known=one)
        if not counting.per_source:
            others = GalCandidate.objects.filter(known__in=SURER[one])
            found = found.of_stars_without(others).one_a_star()
        if n := found.count():
            known[one] = n
    return list(zip(*map(np.ndarray.tolist, numbers), strict=True)), known


def test_numbers_of_stars_are_those_that_are_counted_one_by_one():
    """Stars on several references and in several filters, flagged, known, and not accepted."""
    rng = np.random.default_rng(3)
    catalogues = [make_catalogue(30, name, ra=266.0) for name in "ggri"]
    for number, catalogue in enumerate(catalogues):
        for epoch in range(3):
            changed = rng.choice(30, 12, replace=False).tolist()
            changes = {rank: 0.5 + 0.01 * rank for rank in changed}
            cuts = {"failed_cuts": int(epoch == 2)}
            add_epoch(catalogue, 60001.0 + epoch + 0.1 * number, changes, **cuts)
    refresh_candidates()
    crossmatch_all()
    for name, values in (("known", Known.values), ("varies", (True, False, False))):
        for candidate in GalCandidate.objects.order_by("pk"):
            value = values[int(rng.integers(len(values)))]
            GalCandidate.objects.filter(pk=candidate.pk).update(**{name: value})
    GalReference.objects.filter(pk=catalogues[0].pk).update(active=False)
    refresh_stars(list(GalCandidate.objects.values_list("pk", flat=True)))
    assert GalCandidate.objects.filter(star_sources__gt=1).count() > 20
    for name in (None, "g", "r"):
        for accepted_only in (True, False):
            for per_source in (True, False):
                counting = Counting(name, accepted_only, per_source)
                shown = count_repeat_detections(counting), count_known(counting)
                assert shown == counted_one_by_one(counting), counting
    assert_kept()


def test_numbers_stay_true_whatever_becomes_of_the_rows():
    first, *_ = make_candidates(6)
    make_candidate(2, is_flagged=True)
    image = make_image("searched", status=Status.QUEUED, n_sources=7)
    assert_kept()
    GalCandidate.objects.filter(pk=first.pk).update(n_detections=0, known="known")
    GalImage.objects.filter(pk=image.pk).update(status=Status.FAILED, n_sources=None)
    refresh_candidates()
    assert_kept()
    fold()
    assert_kept()
    remove(image.exposure)
    remove(first.image.exposure, cascade=True)
    assert_kept()
    assert GalCandidate.objects.count() == 1 and count_repeat_detections() == [(2, 1)]


def test_numbers_are_put_together_now_and_then():
    images = [make_image(f"{n}") for n in range(5)]
    for status in (Status.QUEUED, Status.WORKING, Status.DONE):
        for image in images:
            GalImage.objects.filter(pk=image.pk).update(status=status)
    fold()
    assert GalImageCount.objects.count() == len(images)
    assert_kept()


def test_wrong_numbers_are_found_and_mended():
    make_candidates(4)
    GalCandidateCount.objects.filter(of="star detections").delete()
    GalImageCount.objects.update(n_chips=9)
    out = StringIO()
    with pytest.raises(CommandError, match="--mend counts them anew"):
        call_command("check_counts", stdout=out)
    call_command("check_counts", mend=True, stdout=out)
    assert "wrong, counted anew" in out.getvalue()
    assert_kept()
    call_command("check_counts", stdout=out)
    assert out.getvalue().endswith("Numbers of galcandidates: right.\n")


@pytest.mark.django_db(transaction=True)
def test_who_changes_other_rows_or_puts_numbers_together_waits_for_nobody():
    one, other, *_ = make_candidates(4)
    vanish = "UPDATE galcandidates SET n_detections = 0 WHERE refsource_id = %s"
    with session() as slow, session() as quick:
        slow.execute(vanish, [one.pk])
        slow.execute("SELECT galcandidatecounts_fold()")
        quick.execute("SET lock_timeout = '1s'")
        quick.execute(vanish, [other.pk])
        quick.execute("SELECT galcandidatecounts_fold()")
        quick.connection.commit()
        slow.connection.commit()
    assert_kept()
    assert dict(count_repeat_detections(Counting(per_source=True))) != {}


@pytest.mark.django_db(transaction=True)
def test_numbers_stay_true_while_two_processes_write_at_once():
    make_candidates(40)
    for number in range(6):
        make_image(f"{number}", n_sources=3)
    parameters = parameters_of(connection.settings_dict["NAME"])
    context = get_context("spawn")
    writers = [context.Process(target=change_at_random, args=(parameters, n)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert_kept()
