"""The report of a night: what it counts, and that each person is told of it once."""

from datetime import date
from functools import partial
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from galproject.nightly.report import first_mjd_of, latest_nights, night_of, report_of
from galproject.nightly.telling import tell_night
from galproject.queue import tasks
from tests.builders.campaigns import make_user
from tests.builders.candidates import make_candidate
from tests.builders.sessions import at_once
from tests.builders.survey_rows import make_image
from variables.models import GalCandidate, GalNotice
from variables.notices.mailing import send_notices
from variables.notices.reading import choose
from variables.watches.watching import feed_key

pytestmark = pytest.mark.django_db
NIGHT = date(2023, 2, 24)  # MJD 60000.0 is its midnight in UTC


def with_mail(name, how="once"):
    user = make_user(name=name)
    user.email = f"{name}@example.org"
    user.save()
    choose(user, {"night": how})
    return user


def test_a_night_is_named_by_its_evening_in_chile_and_lasts_from_noon_to_noon():
    assert night_of(60000.0) == night_of(60000.45) == NIGHT
    assert night_of(59999.65) == date(2023, 2, 23) and night_of(60000.7) == date(2023, 2, 25)
    assert night_of(first_mjd_of(NIGHT)) == NIGHT


def test_the_report_counts_exposures_and_chips_of_the_night_by_filter():
    columns = {"fwhm_arcsec": 1.0, "fwhm_pixels": 3.8, "zero_point": 25.0, "sky_noise": 10.0}
    make_image("a", mjd=60000.1, **columns)
    make_image("b", mjd=60000.2, is_doubted=True, **columns | {"fwhm_arcsec": 2.0})
    make_image("c", mjd=60000.3, filter="g", status="failed", error="no stars")
    make_image("d", mjd=60001.1, **columns)
    report = report_of(NIGHT)
    of_g, of_i = report.filters
    assert (of_i.n_exposures, of_i.n_done, of_i.n_failed, of_i.n_doubted) == (2, 2, 0, 1)
    assert of_i.seeing_arcsec == 1.5 and of_i.depth_mag == pytest.approx(18.86, abs=0.01)
    assert (of_g.n_failed, len(report.failed)) == (1, 1)
    assert "g: 1 exposures" in report.as_text() and "no stars" in report.as_text()
    assert [(one.date, one.n_exposures) for one in latest_nights()] == [
        (date(2023, 2, 25), 1),
        (NIGHT, 3),
    ]


def test_what_is_new_is_what_was_seen_first_in_that_night():
    here, _ = make_candidate(1), make_candidate(1, first_mjd=60003.0, last_mjd=60003.0)
    nova = make_candidate(1, ra=267.0, kind="new", mean_mag=11.0)
    hidden = make_candidate(1, ra=268.0)
    GalCandidate.objects.filter(pk=hidden.pk).update(is_flagged=True)
    night = night_of(here.first_mjd)
    report = report_of(night)
    assert {one.pk for one in report.candidates} == {here.pk, nova.pk}
    assert report.n_candidates == 2
    assert [one.pk for one in report.new_sources] == [nova.pk]
    out = StringIO()
    call_command("report_night", str(night), stdout=out)
    assert f"- {nova.pk} at 267.00000" in out.getvalue()


def test_the_report_is_on_a_page_in_a_feed_and_mailed_to_those_who_asked(settings, monkeypatch):
    settings.MAIL_IS_SET = True
    make_image("a", mjd=60000.1, fwhm_arcsec=1.1)
    ann = with_mail("ann")
    make_user(name="bob")
    monkeypatch.setattr(tasks, "night_before_last", lambda: NIGHT)
    assert tasks.report_night() == {"exposures": 1, "told": 1}
    assert tasks.report_night()["told"] == 0
    send_notices("https://gal.example.org", daily=False)
    (sent,) = mail.outbox
    assert sent.subject.startswith("galproject: The night of 2023-02-24: 1 exposure, 0 chips fail")
    assert "https://gal.example.org/nights/2023-02-24/" in sent.body
    client = Client()
    feed = client.get(reverse("nights_feed", args=[feed_key(ann)]))
    assert "Night of 2023-02-24: 1 exposure" in feed.content.decode()
    client.force_login(ann)
    assert "2023-02-24" in client.get(reverse("nights")).content.decode()
    page = client.get(reverse("night", args=["2023-02-24"])).content.decode()
    assert "seeing 1.10″" in page
    assert client.get(reverse("night", args=["2023-02-99"])).status_code == 404
    ann.user_permissions.clear()
    assert Client().get(reverse("nights_feed", args=[feed_key(ann)])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_tell_a_night_once():
    with_mail("ann")
    make_image("a", mjd=60000.1)
    report = report_of(NIGHT)
    assert sorted(at_once(*[partial(tell_night, report)] * 2)) == [0, 1]
    assert GalNotice.objects.count() == 1
