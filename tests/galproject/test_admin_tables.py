"""The tables of the admin: quick, read-only where the pipeline writes, with links and actions."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from photometry.models import GalSource
from tests.builders.candidates import make_candidate, make_candidates
from variables.models import GalCandidate, GalDecision, GalFlag, SavedSearch, TaxonomyClass

pytestmark = pytest.mark.django_db
OURS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("exposures", "photometry", "variables")
]


def member(client, group):
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client.force_login(user)
    return user


def changelist(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_the_giant_table_is_not_there():
    assert GalSource not in admin.site._registry


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_readers_see_tables_in_few_queries_and_change_nothing(model, client):
    member(client, "readers")
    words = {"q": "1"} if model is GalCandidate else {}
    n_queries = []
    for n_candidates in (3, 40):
        make_candidates(n_candidates)
        client.get(changelist(model), words)  # asks what is known from then on
        with CaptureQueriesContext(connection) as queries:
            response = client.get(changelist(model), words)
        assert response.status_code == 200
        n_queries.append(len(queries))
    assert n_queries[1] == n_queries[0] <= 15
    assert not any('FROM "galsources"' in query["sql"] for query in queries.captured_queries)
    page = response.content.decode()
    assert 'name="action"' not in page and "addlink" not in page


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_tables_are_named_in_english(model):
    one, many = model._meta.verbose_name, model._meta.verbose_name_plural
    assert not one.startswith("gal ") and not many.startswith("gal ")
    assert one != many
    assert not many.endswith(("chs", "ys", "ss"))


def test_tables_have_the_head_and_the_colours_of_the_other_pages(client):
    client.force_login(User.objects.create_superuser("root"))
    for address in ("/admin/", "/admin/variables/galcandidate/"):
        page = client.get(address).content.decode()
        assert reverse("vetting") in page and reverse("find") in page
        assert "frame.css" in page and "dark_mode.css" not in page


def test_rows_lead_to_our_pages(client):
    candidate = make_candidate(2)
    client.force_login(User.objects.create_superuser("root"))
    page = client.get("/admin/variables/galcandidate/").content.decode()
    assert f'href="/candidates/{candidate.pk}/"' in page
    image = candidate.catalogue.image
    detail = client.get(f"/admin/exposures/galimage/{image.pk}/change/").content.decode()
    assert "View on site" in detail and image.get_absolute_url() == f"/flags/images/{image.pk}/"


def act(client, table, action, *pks):
    data = {"action": action, "_selected_action": pks}
    return client.post(f"/admin/variables/{table}/", data, follow=True).content.decode()


def test_curators_flag_and_decide_on_flags(client):
    candidate = make_candidate(2)
    curator = member(client, "curators")
    assert "1 candidate flagged" in act(client, "galcandidate", "flag", candidate.pk)
    flag = GalFlag.objects.get()
    assert flag.made_by == curator
    assert "1 flag undone" in act(client, "galflag", "undo", flag.pk)
    assert "can&#x27;t become" in act(client, "galflag", "accept", flag.pk)
    proposed = GalFlag.objects.create(refsource_id=candidate.pk, artifact="edge", state="proposed")
    assert "1 flag accepted" in act(client, "galflag", "accept", proposed.pk)
    candidate.refresh_from_db()
    assert candidate.is_flagged


def test_vetters_can_t_flag_in_the_tables(client):
    candidate = make_candidate(2)
    member(client, "vetters")
    act(client, "galcandidate", "flag", candidate.pk)
    assert not GalFlag.objects.exists()


@pytest.mark.parametrize("group", ["readers", "vetters", "curators", "operators"])
def test_private_searches_of_others_are_seen_by_superusers_alone(client, group):
    owner = User.objects.create_user("owner")
    private = SavedSearch.objects.create(user=owner, name="my secret nova", query="filter=secret")
    SavedSearch.objects.create(user=owner, name="for all", is_shared=True)
    member(client, group)
    table = "/admin/variables/savedsearch/"
    queries = ("", "?q=secret", "?query__contains=secret", f"?user__id__exact={owner.pk}")
    queries += ("?is_shared__exact=0", f"{private.pk}/change/", f"{private.pk}/history/")
    for query in queries:
        page = client.get(table + query, follow=True).content.decode()
        assert "my secret" not in page and "filter=secret" not in page, query
    assert "for all" in client.get(table).content.decode()
    pages = ("/candidates/", "/api/candidates/", "/vetting/", "/")
    assert not any("my secret" in client.get(page).content.decode() for page in pages)
    assert client.post(f"/candidates/searches/{private.pk}/delete/").status_code == 404
    client.force_login(User.objects.create_superuser("root"))
    assert "my secret nova" in client.get(table).content.decode()


def test_votes_are_blind_in_the_tables_too(client):
    candidate = make_candidate(2)
    choice = TaxonomyClass.objects.get(slug="rr-lyrae")
    other = User.objects.create_user("henrietta")
    GalDecision.objects.create(
        refsource_id=candidate.pk, ra=1, dec=1, filter="i", user=other, choice=choice
    )
    GalCandidate.objects.update(consensus=choice, n_votes=1)
    member(client, "readers")
    assert "RR Lyrae" not in client.get("/admin/variables/galdecision/").content.decode()
    detail = client.get(f"/admin/variables/galcandidate/{candidate.pk}/change/")
    assert detail.status_code == 200 and "RR Lyrae" not in detail.content.decode()
