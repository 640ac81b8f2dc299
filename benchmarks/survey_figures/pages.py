"""What pages cost, asked for as a collaborator and as a superuser."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from benchmarks.survey_rows.people import SUPERUSER, VETTERS
from exposures.models import GalExposure
from variables.models import GalCandidate

REPEATS = 3
APPLICATIONS = ("exposures", "photometry", "variables")
API = ("exposure", "image", "reference", "candidate", "flag", "vote")


def logged_in(name):
    """A browser in which somebody is logged in."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(get_user_model().objects.get(username=name))
    return client


def look(client, address):
    """Have a page; raises RuntimeError where there is none."""
    response = client.get(address)
    if response.streaming:
        next(iter(response.streaming_content))
        response.close()
    if response.status_code != 200:
        raise RuntimeError(f"{address}: {response.status_code}")


def measure_pages(figures):
    """The pages of the survey's state, and the worst of all others by their kinds."""
    collaborator, superuser = logged_in(VETTERS[0]), logged_in(SUPERUSER)
    for name, address in _pages().items():
        seconds = [
            _cost_when_warm(figures, name, client, address) for client in (collaborator, superuser)
        ]
        figures.store(f"{name}_seconds", max(seconds))
    for kind, client, addresses in (
        ("other_pages", collaborator, _others()),
        ("api_lists", collaborator, {name: reverse(f"api-{name}-list") for name in API}),
        ("tables", superuser, _tables()),
    ):
        figures.store_worst(
            kind,
            {
                name: _cost_when_warm(figures, name, client, address)
                for name, address in addresses.items()
            },
        )


def _cost_when_warm(figures, name, client, address):
    """Seconds of the second look, as the first one loads templates."""
    figures.cost(name, look, client, address)
    return figures.cost(name, look, client, address)


def _pages():
    reference = GalExposure.objects.order_by("pk").first()
    around = f"?position={reference.ra:.4f}+{reference.dec:.4f}&filter={reference.filter}"
    return {
        "home": reverse("home"),
        "repeat_detections": reverse("repeat_detections"),
        "repeat_detections_in_filter": reverse("repeat_detections") + "?filter=i",
        "working_status": reverse("working_status"),
        "exposure": reverse("exposure", args=[reference.pk]),
        "references": reverse("references"),
        "references_of_patch": reverse("references") + around,
        "reference": reverse("references_preview", args=[reference.pk]),
    }


def _others():
    """Other pages by name, of things in the middle of the survey."""
    candidate = GalCandidate.objects.filter(n_detections__gt=1).first().pk
    image = GalExposure.objects.order_by("pk").first().images.first().pk
    return {
        "candidate": reverse("candidate", args=[candidate]),
        "candidate_data": reverse("candidate_data", args=[candidate]),
        "candidate_field": reverse("candidate_field", args=[candidate]),
        "vetting": reverse("vetting"),
        "campaign": reverse("campaign", args=[1]),
        "closed_campaign": reverse("campaign", args=[2]),
        "vet": reverse("vet", args=[1]),
        "vet_next": reverse("vet_next", args=[1]),
        "plane": reverse("plane"),
        "flags": reverse("flags"),
        "image": reverse("image", args=[image]),
        "export_candidates": reverse("export_candidates") + "?format=csv",
    }


def _tables():
    """The tables of the admin of this project's applications."""
    models = [m for m in admin.site._registry if m._meta.app_label in APPLICATIONS]
    return {
        m._meta.db_table: reverse(f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist")
        for m in models
    }
