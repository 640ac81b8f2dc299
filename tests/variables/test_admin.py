"""The plain admin: every table can be looked at, none changed, galsources is not there."""

from functools import partial

import pytest
from django.contrib import admin
from django.urls import reverse

from exposures.models import GalCheckpoint
from photometry.models import GalCoverage, GalSource
from photometry.storage import storage
from tests.builders.queries import n_queries_of
from tests.builders.survey_rows import make_image, make_sources
from tests.variables.test_light_curves import make_change

pytestmark = pytest.mark.django_db

MODELS = [
    "exposures_galexposure",
    "exposures_galimage",
    "exposures_galcheckpoint",
    "photometry_galreference",
    "variables_galvarobj",
]


def make_rows(n_epochs, name="reference"):
    reference = make_image(name, is_reference=True)
    storage.create_catalogue(reference, make_sources(n_epochs), {}, "test")
    sources = storage.reference_sources_in([reference])
    for epoch in range(n_epochs):
        search = make_image(f"{name} {epoch}")
        make_change(sources[epoch], search, failed_cuts=3)
        GalCheckpoint.objects.create(exposure=search.exposure, step="read")


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_rows_can_be_looked_at_and_not_changed(admin_client, model):
    make_rows(2)
    listed = admin_client.get(reverse(f"admin:{model}_changelist"))
    assert listed.status_code == 200
    row = listed.context["cl"].result_list[0]
    page = admin_client.get(reverse(f"admin:{model}_change", args=[row.pk]))
    assert page.status_code == 200 and b'name="_save"' not in page.content
    assert admin_client.get(reverse(f"admin:{model}_add")).status_code == 403
    assert admin_client.post(reverse(f"admin:{model}_delete", args=[row.pk])).status_code == 403


@pytest.mark.parametrize(("model", "exactly"), [*zip(MODELS, (7, 7, 5, 5, 6), strict=True)])
def test_a_list_takes_few_queries_however_long(admin_client, model, exactly):
    page, n_queries = partial(admin_client.get, reverse(f"admin:{model}_changelist")), []
    for n_epochs in (2, 20):
        make_rows(n_epochs, f"reference {n_epochs}")
        n_queries.append(n_queries_of(page))
    assert n_queries == [exactly] * 2


def test_galsources_is_not_in_the_admin():
    assert not admin.site.is_registered(GalSource)
    assert not admin.site.is_registered(GalCoverage)
