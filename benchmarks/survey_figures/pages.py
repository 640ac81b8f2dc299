"""What pages cost, asked for as a collaborator and as a superuser."""

from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from benchmarks.survey_rows.people import SUPERUSER, VETTERS
from exposures.keyset import AFTER, KeysetOrder
from exposures.models import GalExposure, GalImage
from variables.candidates.columns import SORTABLE
from variables.models import GalCandidate, GalDecision

LATE = 1000  # pages before a late one
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
    api_lists = {name: reverse(f"api-{name}-list") for name in API}
    for kind, client, addresses, cost in (
        ("other_pages", collaborator, _others(), _cost_when_warm),
        ("exports", collaborator, _exports(), _cost),
        ("api_lists", collaborator, api_lists, _cost_when_warm),
        ("api_cones", collaborator, _cones(), _cost_when_warm),
        ("late_pages", collaborator, _late_pages(), _cost),
        ("tables", superuser, _tables(), _cost_when_warm),
    ):
        figures.store_worst(
            kind,
            {name: cost(figures, name, client, address) for name, address in addresses.items()},
        )


def _cost(figures, name, client, address):
    return figures.cost(name, look, client, address)


def _cost_when_warm(figures, name, client, address):
    """Seconds of the second look, as the first one loads templates."""
    _cost(figures, name, client, address)
    return _cost(figures, name, client, address)


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
        "quality": reverse("quality"),
        "focal_plane": reverse("focal_plane", args=[GalExposure.objects.first().pk]),
        "find": f"{reverse('find')}?q=V99",
        "coverage": reverse("coverage_exposures"),
        "diagram": f"{reverse('diagram_points')}?diagram=absolute",
        "gallery": reverse("gallery"),
        "completeness": reverse("completeness"),
    }


def _exports():
    """Exports of candidates in every order, and tables of the API, of which one piece is had."""
    export = reverse("export_candidates")
    orders = [("-" if i % 2 else "") + name for i, name in enumerate(sorted(SORTABLE))]
    return {sort: f"{export}?{urlencode({'format': 'csv', 'sort': sort})}" for sort in orders} | {
        name: reverse(f"api-{name}-list") + "?format=csv" for name in API
    }


def _cones():
    """Cones of the API: of sources with light curves, and of candidates."""
    candidate = GalCandidate.objects.filter(n_detections__gt=1).first()
    place = {"ra": candidate.ra, "dec": candidate.dec}
    position = {"position": f"{candidate.ra:.4f} {candidate.dec:.4f}"}
    candidates = reverse("api-candidate-list")
    return {
        f"{reverse('api-cone')} of {radius}″": f"{reverse('api-cone')}?"
        + urlencode(place | {"radius_arcsec": radius})
        for radius in (1, 10, 60)
    } | {
        f"{candidates} of {radius}″": f"{candidates}?{urlencode(position | {'radius': radius})}"
        for radius in (10, 600, 3600)
    }


def _late_pages():
    """Page 1,000 of lists of candidates in some orders, and of tables of the API."""
    rows, candidates = GalCandidate.objects, reverse("candidates")
    lists = {
        # By star, as lists are.
        f"{candidates} {sort}": f"{candidates}?"
        + urlencode({"sort": sort, "page": _cursor(rows, column, 50 * LATE)})
        for sort, column in (
            ("-n_detections", "-star_detections"),
            ("n_changes", "star_changes"),
            ("-reference_mag", "-reference_mag"),
            ("period_days", "period_days"),
            ("known", "known"),
        )
    }
    own = GalDecision.objects.votes_standing().filter(user__username=VETTERS[0])
    tables = {"candidate": rows, "image": GalImage.objects, "vote": own}
    return lists | {
        (name := reverse(f"api-{table}-list")): f"{name}?"
        + urlencode({"cursor": _cursor(of, "pk", min(100 * LATE, of.count() // 2))})
        for table, of in tables.items()
    }


def _cursor(rows, sort, n):
    """Where a page begins before which there are ``n`` rows, or half of those with a value."""
    order = KeysetOrder(sort.removeprefix("-"), sort.startswith("-"))
    stretch = order.stretches(rows.all())[0].rows
    return order.cursor(stretch[min(n, stretch.count() // 2)], AFTER)


def _tables():
    """The tables of the admin of this project's applications."""
    models = [m for m in admin.site._registry if m._meta.app_label in APPLICATIONS]
    return {
        m._meta.db_table: reverse(f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist")
        for m in models
    }
