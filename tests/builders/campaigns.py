"""Made-up people, campaigns and votes."""

import json
from importlib import import_module
from itertools import count

from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from tests.builders.candidates import make_candidates
from variables.models import GalCandidate, Taxonomy
from variables.vetting.campaigns import NewCampaign, create_campaigns
from variables.vetting.decisions import DecisionInput, decide

numbers = count(1)
RUNS = ("add_galdecision", "add_campaign", "add_galflag")


def make_user(*permissions, name=None):
    user = User.objects.create_user(name or f"person{next(numbers)}")
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_survey", *permissions]))
    return user


def make_voter(name=None):
    return make_user("add_galdecision", name=name)


def make_taxonomy():
    """The first taxonomy, where a test with transactions of its own has emptied all tables."""
    if not Taxonomy.objects.exists():
        import_module("variables.migrations.0006_first_taxonomy").make(apps, None)


def make_campaign(n=6, lane="card", candidates=None, **columns):
    """A campaign of ``n`` candidates made for it, or of all that there are."""
    if candidates is None:
        make_candidates(n)
    if lane == "sheet":
        GalCandidate.objects.update(n_detections=1, star_detections=1)  # what sheets are for
    make_taxonomy()
    new = NewCampaign(f"campaign {next(numbers)}", lane=lane, **columns)
    (campaign,) = create_campaigns(new, make_user(*RUNS))
    return campaign


def ids_of(campaign):
    return list(campaign.objects_in.order_by("rank").values_list("refsource_id", flat=True))


def vote(user, refsource_id, choice="rr-lyrae", campaign=None, **said):
    return decide(user, DecisionInput(refsource_id, choice=choice, **said), campaign)


def candidate(refsource_id):
    return GalCandidate.objects.select_related("consensus").get(pk=refsource_id)


def copy_candidates(n, **columns):
    """Many candidates like one that is there, with ids after its own; without measurements."""
    one = GalCandidate.objects.order_by("pk").last()
    first, values = one.pk + 1, {f.attname: getattr(one, f.attname) for f in one._meta.fields}
    rows = (GalCandidate(**values | columns | {"refsource_id": first + k}) for k in range(n))
    return GalCandidate.objects.bulk_create(rows, batch_size=5000)


def post_json(client, name, campaign, **body):
    address = reverse(name, args=[campaign.pk])
    return client.post(address, json.dumps(body), content_type="application/json")
