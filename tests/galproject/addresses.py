"""Every address of the site, found by its pattern, and of things that are there."""

import re
from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import URLPattern, get_resolver

from galproject.models import InjectionSummary
from photometry.models import GalObject
from tests.builders.candidates import crossmatch_all, make_candidate
from variables.models import (
    Campaign,
    CampaignObject,
    GalComment,
    GalFlag,
    GalTag,
    GalTagging,
    GalWatch,
    SavedSearch,
    StarList,
    Taxonomy,
    UploadedList,
)

PLACE = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")
# What the first place in an address is filled with, by how the address begins.
THINGS = {
    "exposures/": "exposure",
    "completeness/": "injection",
    "images/": "image",
    "candidates/searches/": "search",
    "candidates/uploads/": "upload",
    "candidates/": "candidate",
    "vetting/candidates/": "candidate",
    "vetting/": "campaign",
    "plane/lists/": "star_list",
    "pictures/cutouts/": "candidate",
    "pictures/images/": "image",
    "flags/sources/": "candidate",
    "flags/images/": "image",
    "flags/": "flag",
    "references/": "exposure",
    "api/tokens/": "token",
    "api/sources/": "candidate",
    "api/exposures/": "exposure",
    "api/images/": "image",
    "api/references/": "reference",
    "api/candidates/": "candidate",
    "api/objects/": "object",
    "api/flags/": "flag",
    "api/votes/": "vote",
    "api/comments/": "comment",
    "comments/": "comment",
    "invitation/": "invitation",
    "notices/unsubscribe/": "unsubscribe",
    "watches/": "watch",
    "nights/": "night",
    "feeds/<str:key>/watches/": "watch",
    "tags/": "tag",
    "taggings/": "tagging",
    "help/page/": "help",
    "practice/": "practice",
    "vo/": "cone_search",
}
OTHER_PLACES = {"image_id": "image", "key": "feed", "app_label": "app_label", "url": "url"}


def make_injection():
    """The summary of a run of artificial stars, of which only some are found."""
    row = {"quantity": "completeness", "value": 0.8, "low": 0.7, "high": 0.9, "n": 20}
    row |= {"magnitude": [18.0, 19.0], "crowding": "all", "amplitude": None, "sigma": [None, None]}
    numbers = {"n_searches": 1, "seed": 1, "n_rounds": 1, "n_stars": 20, "n_measurements": 20}
    return InjectionSummary.objects.create(reference="e1", filter="i", rows=[row], **numbers)


@dataclass(frozen=True)
class Address:
    """A pattern of addresses: its name with the namespace, and how it is written."""

    name: str
    route: str
    pattern: URLPattern

    @property
    def key(self):
        """The name; of those without one, how it is written."""
        return self.name if self.name.split(":")[-1] else self.route

    @property
    def is_api(self):
        return hasattr(self.pattern.callback, "cls")

    def path(self, things) -> str:
        """An address of this pattern, of things that are there."""
        return "/" + PLACE.sub(lambda place: str(things[self._thing(place)]), self.route)

    def _thing(self, place):
        name = place[1] or place[2]
        if name in OTHER_PLACES:
            return OTHER_PLACES[name]
        if self.route.startswith("admin/"):
            return ".".join(self.route.split("/")[1:3])
        begun = [begin for begin in THINGS if self.route.startswith(begin)]
        assert begun, f"Say in THINGS what fills the place <{name}> in {self.route}"
        return THINGS[max(begun, key=len)]


def addresses(patterns=None, route="", namespaces=()):
    """An Address of each pattern of the site, the administration's and the API's included."""
    for one in patterns or get_resolver().url_patterns:
        written = route + str(one.pattern).removeprefix("^").removesuffix("$").replace("\\Z", "")
        if isinstance(one, URLPattern):
            yield Address(":".join([*namespaces, one.name or ""]), written, one)
        else:
            within = [one.namespace] if one.namespace else []
            yield from addresses(one.url_patterns, written, (*namespaces, *within))


class Things(dict):
    """The id of a thing of each kind, by what it is called in THINGS; of tables their first row."""

    def __missing__(self, name):
        app, _, model = name.partition(".")
        tables = {(m._meta.app_label, m._meta.model_name): m for m in admin.site._registry}
        table = tables.get((app, model))
        return (table and table._default_manager.values_list("pk", flat=True).first()) or 1


def make_things(**owned) -> Things:
    """One of each thing that an address can name, and what ``owned`` says besides."""
    candidate = make_candidate(2)
    crossmatch_all()
    maker = User.objects.create_user("maker")
    taxonomy = Taxonomy.objects.get(is_current=True)
    campaign = Campaign.objects.create(name="c", taxonomy=taxonomy, created_by=maker)
    CampaignObject.objects.create(campaign=campaign, refsource_id=candidate.pk, rank=1)
    image = candidate.catalogue.image
    tag = GalTag.objects.create(name="shared")
    search = SavedSearch.objects.create(user=maker, name="of the maker")
    return Things(
        candidate=candidate.pk,
        exposure=image.exposure_id,
        image=image.pk,
        reference=candidate.catalogue_id,
        injection=make_injection().pk,
        object=GalObject.objects.first().pk,
        campaign=campaign.pk,
        search=search.pk,
        watch=GalWatch.objects.create(user=maker, search=search).pk,
        feed="no-such-key",
        night="2017-02-18",
        star_list=StarList.objects.create(
            user=maker, name="of the maker", refsource_ids=[candidate.pk]
        ).pk,
        comment=GalComment.objects.create(user=maker, refsource_id=candidate.pk, text="hm").pk,
        tag=tag.pk,
        unsubscribe="no-such-link",
        cone_search="sources",
        tagging=GalTagging.objects.create(tag=tag, refsource_id=candidate.pk, user=maker).pk,
        upload=UploadedList.objects.create(
            user=maker,
            name="of the maker",
            radius_arcsec=1,
            n_lines=1,
            refsource_ids=[candidate.pk],
            unmatched=[],
            n_unmatched=0,
        ).pk,
        flag=GalFlag.objects.create(
            refsource_id=candidate.pk, artifact="ghost", state="proposed"
        ).pk,
        **{
            "token": 1,
            "vote": 1,
            "app_label": "variables",
            "url": "no/such/table",
        }
        | owned,
    )
