"""Pages: who may see and do what, what they say, and that nothing is fetched from elsewhere."""

import re
from functools import partial

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from exposures.errors import GalprojectError
from exposures.models import GalCheckpoint, GalImage, Status
from tests.builders.exposures_in_work import make_chip, make_exposure, make_line
from tests.builders.people import make_person
from tests.builders.queries import n_queries_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def exposure():
    exposure = make_exposure(
        "610792", [Status.DONE, Status.FAILED, Status.PENDING], closed=5, requested_by="night"
    )
    make_line(exposure, 0, "asked")
    make_line(exposure, 2, "failed", level=GalCheckpoint.Level.ERROR, note="<b>cut</b> short")
    return exposure


@pytest.fixture
def visitor(client):
    client.force_login(make_person("visitor"))
    return client


@pytest.fixture
def operator(client):
    user = make_person("operator")
    user.user_permissions.add(Permission.objects.get(codename="add_galjob"))
    client.force_login(user)
    return client


def pages(exposure):
    return [reverse("working_status"), reverse("exposure", args=[exposure.pk])]


def actions(exposure):
    return [reverse("run_failed"), reverse("run_failed_of_exposure", args=[exposure.pk])]


def text(response):
    """A page with one blank wherever a browser shows one."""
    return " ".join(response.content.decode().split())


def test_strangers_are_sent_to_log_in_and_then_back(client, exposure):
    for url in pages(exposure):
        assert client.get(url).url == f"/login/?next={url}"
    for url in actions(exposure):
        assert client.post(url).url == f"/login/?next={url}"
    assert GalImage.objects.filter(status=Status.QUEUED).count() == 0


def test_a_page_whose_reader_was_logged_out_goes_to_the_login_whole(client, exposure):
    for url in pages(exposure):
        response = client.get(url, headers=HTMX)
        assert response.headers["HX-Refresh"] == "true" and not response.content


def test_logging_in_and_out(client):
    make_person("visitor", password="a long one")
    wrong = client.post("/login/", {"username": "visitor", "password": "another"})
    assert "correct username and password" in text(wrong)
    right = client.post("/login/?next=/", {"username": "visitor", "password": "a long one"})
    assert right.status_code == 302
    assert client.get("/login/").url == reverse("home")
    assert client.post("/logout/").url == "/login/"
    assert client.get(reverse("working_status")).status_code == 302


def test_a_login_does_not_lead_away_from_here(client):
    make_person("visitor", password="a long one")
    known = {"username": "visitor", "password": "a long one", "next": "https://elsewhere.example"}
    assert client.post("/login/", known).url == reverse("home")


def test_visitors_see_and_have_no_buttons(visitor, exposure, sent):
    for url in pages(exposure):
        page = text(visitor.get(url))
        assert "610792" in page and "Run again" not in page
    for url in actions(exposure):
        assert visitor.post(url).status_code == 403
    assert exposure.jobs.count() == 1 and sent == []


def test_operators_run_again_what_failed_of_an_exposure_and_only_that(
    operator,
    exposure,
    sent,
    django_capture_on_commit_callbacks,
):
    other = make_exposure("2", [Status.FAILED], closed=5)
    page, action = pages(exposure)[1], actions(exposure)[1]
    assert "Run again what failed" in text(operator.get(page))
    with django_capture_on_commit_callbacks(execute=True):
        response = operator.post(action, follow=True)
    assert response.redirect_chain[-1][0] == page
    assert "Asked again for 2 chips of 1 exposure." in text(response)
    failed = exposure.images.exclude(ccdnum=1)
    assert {pk for pk, _ in sent} == set(failed.values_list("pk", flat=True))
    assert exposure.images.get(ccdnum=1).status == Status.DONE
    assert exposure.jobs.first().requested_by == "operator"
    assert other.images.get().status == Status.FAILED
    assert "Run again what failed" not in text(operator.get(page))
    assert "nothing was asked for" in text(operator.post(action, follow=True))


def test_all_shown_are_run_again_and_no_others(
    operator,
    exposure,
    sent,
    django_capture_on_commit_callbacks,
):
    other = make_exposure("2", [Status.FAILED], closed=5)
    page = text(operator.get(f"{pages(exposure)[0]}?exposure=6107"))
    assert 'action="/working-status/run-failed/?exposure=6107"' in page
    with django_capture_on_commit_callbacks(execute=True):
        response = operator.post(f"{actions(exposure)[0]}?exposure=6107", follow=True)
    assert response.redirect_chain[-1][0] == f"{pages(exposure)[0]}?exposure=6107"
    assert len(sent) == 2 and other.images.get().status == Status.FAILED


def test_nothing_is_run_where_what_is_shown_is_not_understood(operator, exposure, sent):
    operator.post(f"{actions(exposure)[0]}?since=then")
    assert sent == [] and exposure.jobs.count() == 1


def test_what_changes_something_takes_a_post_and_a_token(operator, exposure):
    for url in actions(exposure):
        assert operator.get(url).status_code == 405
    operator.handler.enforce_csrf_checks = True
    for url in actions(exposure):
        assert operator.post(url).status_code == 403


def test_an_error_of_the_queue_is_said_and_not_raised(operator, exposure, monkeypatch):
    def refuse(*_, **__):
        raise GalprojectError("the queue is full. Wait")

    monkeypatch.setattr("galproject.status.views.ask_failed", refuse)
    assert "the queue is full. Wait" in text(operator.post(actions(exposure)[1], follow=True))


def test_filters_are_in_the_address(visitor, exposure):
    make_exposure("2", [Status.QUEUED])
    url = pages(exposure)[0]
    page = text(visitor.get(url, {"state": ["failed", "lost"], "since": "1d", "exposure": "61"}))
    assert "610792" in page and "decam 2 i" not in page
    assert re.search(r'value="failed"[^>]*checked', page) and 'value="1d"' in page
    assert "No exposure to show" in text(visitor.get(url, {"until": "1d"}))


@pytest.mark.parametrize("query", ["since=then", "state=asleep", "before=x", "until=2026-13-40"])
def test_a_filter_that_makes_no_sense_is_explained(visitor, exposure, query):
    response = visitor.get(f"{pages(exposure)[0]}?{query}")
    assert response.status_code == 200 and 'role="alert"' in text(response)
    assert "610792" not in text(response)


def test_empty_pages_say_what_to_do(visitor):
    assert "process_exposure" in text(visitor.get(reverse("working_status")))
    exposure = make_exposure("1")
    exposure.jobs.all().delete()
    page = text(visitor.get(reverse("exposure", args=[exposure.pk])))
    assert "Nobody has asked for it" in page and "Nothing has happened yet" in page


def test_there_is_no_such_exposure(visitor):
    response = visitor.get(reverse("exposure", args=[987654]))
    assert response.status_code == 404 and "Not found" in text(response)


def test_a_poll_gets_the_part_and_not_the_page(visitor, exposure):
    status, one = pages(exposure)
    for url in (status, f"{one}?part=status", f"{one}?part=log"):
        part = text(visitor.get(url, headers=HTMX))
        assert "<html" not in part and "hx-trigger" in part
    # Typed as an address, the same is a page.
    assert "<html" in text(visitor.get(f"{one}?part=log"))


def test_a_log_is_sent_again_only_when_it_has_changed(visitor, exposure):
    page = text(visitor.get(pages(exposure)[1]))
    url = re.search(r'hx-get="([^"]*part=log[^"]*)"', page)[1].replace("&amp;", "&")
    assert visitor.get(url, headers=HTMX).status_code == 204
    make_line(exposure, 1, "stored")
    assert "stored" in text(visitor.get(url, headers=HTMX))


def test_updating_can_be_stopped(visitor, exposure):
    for url in pages(exposure):
        page = text(visitor.get(f"{url}?paused=1"))
        assert "hx-trigger" not in page and "Update live" in page


@pytest.mark.parametrize("order", ["chip", "time"])
def test_every_jump_has_its_place(visitor, exposure, order):
    page = text(visitor.get(f"{pages(exposure)[1]}?order={order}"))
    jumps = set(re.findall(r'href="#([\w-]+)"', page))
    assert jumps <= set(re.findall(r'id="([\w-]+)"', page))
    if order == "chip":
        assert {"chip-1", "chip-2", "chip-3"} <= jumps


def test_ids_are_unique_and_notes_are_text(visitor, exposure):
    for url in pages(exposure):
        ids = re.findall(r' id="([^"]+)"', text(visitor.get(url)))
        assert len(ids) == len(set(ids))
    page = text(visitor.get(pages(exposure)[1]))
    assert "&lt;b&gt;cut&lt;/b&gt; short" in page and "<b>cut" not in page


def test_pages_need_nothing_from_elsewhere_and_nothing_inline(operator, exposure):
    for url in [*pages(exposure), "/login/"]:
        page = text(operator.get(url, follow=True))
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_a_page_takes_as_many_queries_for_many_exposures_chips_and_lines(operator, exposure):
    n_queries = []
    for numbers in (range(4, 6), range(6, 26)):
        for number in numbers:
            make_exposure(str(number), [Status.DONE, Status.FAILED])
            make_chip(exposure, number, Status.FAILED, exposure.jobs.get())
            make_line(exposure, number, "failed", level=GalCheckpoint.Level.ERROR)
        n_queries.append([n_queries_of(partial(operator.get, url)) for url in pages(exposure)])
    # The session, the user, two for the permissions, one for notices and one for comments besides.
    assert n_queries == [[18, 23]] * 2
