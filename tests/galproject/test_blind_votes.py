"""What others said of candidates of a campaign that goes on is told by no address of the site.

The same survey is asked everything, by people who have not voted, with different hidden votes in
it: every address pattern, every filter, order and format of lists, every look-up of every table.
All answers have to be the same, so that new pages, filters and tables are covered unthought of.
"""

import re
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.db.models import BooleanField, IntegerField
from django.test import Client
from django.urls import reverse

from galproject.site.admin_site import HIDDEN_MODELS
from photometry.models import GalReference
from tests.browser.site_pages import patterns
from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import crossmatch_all, make_candidates
from variables.candidates.columns import SORTABLE
from variables.candidates.export import FORMATS
from variables.candidates.filters import CandidateFilter
from variables.models import (
    Campaign,
    CampaignObject,
    GalCandidate,
    GalDecision,
    SavedSearch,
)
from variables.vetting.campaigns import CampaignError, close, flag_agreed, follow_up
from variables.vetting.decisions import DecisionInput, VettingError, decide, undo_decisions

pytestmark = pytest.mark.django_db
# What each of two people says of the candidates of the open campaign, in its order. Where a
# candidate has all its votes is told by who is still asked to vote, and how many votes were given
# in all by the campaign's progress: these are the same.
FIRST = (("flare", "flare"), ("flare", "qso"), ("qso", "qso"), ("flare", None), (None, None))
SECOND = (("qso", "flare"), ("artifact", "artifact"), ("flare", "qso"), (None, None), (None, "qso"))
OPEN = "detections_min=2"  # the list of that campaign
# Addresses that tell how many votes were given, or which candidates have all that they need.
OF_PROGRESS = re.compile(r"^/$|^/vetting/(\d+/(vet/next/)?)?$")
# What differs without anybody's votes: tokens, times, keys of feeds, and when a strip was sent.
DIFFERING = re.compile(
    rb'value="\w{64}"|"csrfToken": "\w+"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d[:.\d]*(Z|\+00:00)?'
    rb"|\w{3}\w*\.? \d+, \d{4}, [\d:]+ [ap]\.m\.|candidates-\d+-\d+|"
    rb"\d+ \w{3} [\d:]{8}|/feeds/[\w-]{43}/|"
    rb'<script nonce="[^"]*"|"stamp": "[^"]*"'
)
HEADERS = ("Link", "X-Total-Count", "HX-Push-Url", "Location")
PLACE = re.compile(r"<(\w+)>")
# Periods take a second, and pictures are not drawn here.
LEFT_OUT = ("periods", "pictures/", "logout", "<format>", "<url>", "jsi18n")


@pytest.fixture
def survey(monkeypatch):
    """A campaign that goes on, one that is closed and vetted again, and votes outside of them."""
    monkeypatch.setattr("variables.candidates.listing.PAGE_SIZE", 4)
    monkeypatch.setattr("django.utils.log.log_response", lambda *_, **__: None)
    everything = make_candidates(9)
    crossmatch_all()
    outside, *_ = (make_voter(name) for name in ("outside", "bob", "carl"))
    vote(outside, everything[0].pk, "flare")
    earlier = make_campaign(candidates="those", query="detections_max=1", votes_wanted=2)
    again = earlier.objects_in.exclude(refsource_id=everything[0].pk).first().refsource_id
    for choice in ("flare", "qso"):
        vote(make_voter(), again, choice, earlier)
    close(earlier)
    follow_up(earlier, outside)
    campaign = make_campaign(candidates="those", query=OPEN, votes_wanted=2)
    SavedSearch.objects.create(user=outside, name="s", query="cls=none&sort=-n_votes")
    assert campaign.objects_in.count() > len(FIRST)
    return campaign


@pytest.fixture
def people(survey):
    """{name: client} of those who have not voted, or took their votes back."""
    root = User.objects.create_superuser("root")
    made = {"root": root}
    for name in ("readers", "vetters", "curators"):
        made[name] = User.objects.create_user(name, is_staff=True)
        made[name].groups.add(Group.objects.get(name=name))
    made["undone"] = User.objects.create_user("undone", is_staff=True)
    made["undone"].groups.add(Group.objects.get(name="vetters"))
    for one in survey.objects_in.all():
        vote(made["undone"], one.refsource_id, "cepheid", survey)
        undo_decisions(made["undone"], survey)
    return {name: logged_in(user) for name, user in made.items()}


def logged_in(user):
    client = Client()
    client.force_login(User.objects.get(pk=user.pk))
    return client


@contextmanager
def hidden_votes(campaign, said):
    """Others' votes in a campaign, gone at the end."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Numbers that were given and rolled back are given again.
            cursor.execute("SELECT setval('galdecisions_id_seq', max(id) + 99) FROM galdecisions")
        for name, votes in zip(("bob", "carl"), zip(*said, strict=True), strict=True):
            voter = User.objects.get(username=name)
            objects = campaign.objects_in.order_by("rank")
            for one, choice in zip(objects, votes, strict=False):
                if choice is not None:
                    vote(voter, one.refsource_id, choice, campaign, comment="as it rises fast")
        yield
        transaction.set_rollback(True)


def queries_of_lists():
    """Every filter with values that make sense for it, every order."""
    for name, one in CandidateFilter(None).form.fields.items():
        choices = [value for value, _ in getattr(one, "choices", ()) if value]
        known = [value for value in ("none", "disputed", "nobody", "flare") if value in choices]
        for value in known or choices[:2] or ("1",):
            yield {name: value}
    for name in sorted(SORTABLE):
        yield {"sort": f"-{name}"}


def addresses_of_lists():
    for query in queries_of_lists():
        yield f"{reverse('export_candidates')}?{urlencode(query | {'format': 'csv'})}"
    for query in ({"sort": "n_votes"}, {"sort": "-n_votes"}, {"vetted": "nobody"}, {"cls": "none"}):
        asked = urlencode(query)
        yield f"{reverse('candidates')}?{asked}"
        for name in ("vet_list", "new_campaign"):
            yield f"{reverse(name)}?{urlencode({'list': asked})}"
        for pk in blind_candidates():
            yield f"{reverse('candidate', args=[pk])}?{urlencode({'list': asked})}"
        yield f"/api/candidates/?{asked}"
    for name in FORMATS:
        yield f"{reverse('export_candidates')}?format={name}"
    for kind in ("csv", "parquet"):
        yield from (f"/api/{table}/?format={kind}" for table in ("candidates", "votes"))
    for word in ("consensus", "n_votes", "is_disputed", "choice", "user"):
        yield from (f"/api/{t}/?{k}={word}" for t in ("candidates", "votes") for k in ("ordering",))


def addresses_of_patterns():
    """Each address pattern, filled in with what there is."""
    for pattern in dict.fromkeys(patterns()):
        if any(word in pattern for word in LEFT_OUT) or pattern.startswith("admin/"):
            continue
        for key in keys_of(pattern):
            yield "/" + PLACE.sub(str(key), pattern)
    for pk in blind_candidates():
        yield f"/api/votes/?refsource_id={pk}"


def blind_candidates():
    """One whose votes differ in class, and one on which one alone has the vote of somebody."""
    objects = CampaignObject.objects.filter(campaign__query=OPEN).order_by("rank")
    return objects.values_list("refsource_id", flat=True)[:4:3]


def keys_of(pattern):
    if "<" not in pattern:
        return [""]
    if "candidates/" in pattern or "sources/" in pattern:
        return blind_candidates()
    if pattern.startswith("vetting/"):
        return CampaignObject.objects.order_by().values_list("campaign", flat=True).distinct()
    if "object" in pattern:
        return GalCandidate.objects.values_list("object_id", flat=True)[:1]
    return [GalReference.objects.first().image_id]


def addresses_of_tables():
    """Lists of every table by every look-up and order, and pages of a row."""
    for model, table in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        address = reverse(f"{name}_changelist")
        yield address
        if model._meta.app_label != "variables":
            continue
        orders = (f"o={number}" for number in range(1, len(table.list_display) + 1))
        yield from (f"{address}?{asked}" for asked in orders)
        if model in (GalCandidate, GalDecision, Campaign):
            yield from (f"{address}?{asked}" for asked in lookups(model))
        row = model._default_manager.first()
        if row is not None:
            yield from (reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history"))
    # What hangs on somebody is told before they are deleted.
    yield reverse("admin:auth_user_delete", args=[User.objects.get(username="bob").pk])


def lookups(model):
    """Look-ups of what is counted or chosen in a row, or of rows that hang on it."""
    for field in model._meta.get_fields():
        if field.is_relation:
            yield f"{field.name}=1"
        elif isinstance(field, (IntegerField, BooleanField)):
            yield f"{field.name}__gte=1"


def body_of(response):
    content = b"".join(response) if response.streaming else response.content
    told = [response.headers.get(name, "") for name in HEADERS]
    return response.status_code, DIFFERING.sub(b"", content), told


def asked_alone(client, address):
    """What an address answers, without what an earlier one left to be said on the next page."""
    client.cookies.pop("messages", None)
    return client.get(address)


def ask(people, addresses):
    """{(who, address): what is answered}."""
    return {
        (who, address): body_of(asked_alone(client, address))
        for who, client in people.items()
        for address in (addresses[who] if isinstance(addresses, dict) else addresses)
    }


def told_apart(one, other):
    return sorted(key for key in one if one[key] != other[key])


def test_no_address_filter_order_or_format_tells_of_others_votes(known_people, survey, people):
    lists, pages = list(addresses_of_lists()), list(addresses_of_patterns())
    tables = list(addresses_of_tables())
    # Pages differ by what people may do, and what is hidden hardly by that: of each a part.
    addresses = {who: [*pages[k::6], *lists[k::20]] for k, who in enumerate(people)}
    addresses["root"] = [*pages, *lists, *tables]
    answers = {}
    for state, said in {"first": FIRST, "second": SECOND}.items():
        with hidden_votes(survey, said):
            answers[state] = ask(people, addresses)
    assert told_apart(answers["first"], answers["second"]) == []
    assert len(answers["first"]) > 300
    ok = {address for (_, address), (status, *_) in answers["first"].items() if status == 200}
    assert {"/", "/candidates/", "/api/candidates/", f"/vetting/{survey.pk}/"} <= ok
    # Whether anybody voted at all is told by how far campaigns are, and by nothing else.
    some = [address for address in (*pages[::2], *lists[::9]) if not OF_PROGRESS.match(address)]
    unvoted = ask({"root": people["root"]}, some)
    voted = {key: answers["first"][key] for key in unvoted}
    assert told_apart(voted, unvoted) == []


def test_who_has_voted_sees_what_others_said_and_who_took_it_back_sees_no_more(survey):
    """The same questions tell votes apart where they may: they would notice."""
    ann = make_voter("ann")
    client = {"ann": logged_in(ann)}
    words = ("cls=", "vetted=", "n_votes")
    addresses = [one for one in addresses_of_lists() if any(word in one for word in words)]
    addresses = [one for one in addresses if not one.startswith("/vetting/")]
    seen, before, after = {}, {}, {}
    for state, said in {"first": FIRST, "second": SECOND}.items():
        with hidden_votes(survey, said):
            before[state] = ask(client, addresses)
            for one in survey.objects_in.all():
                vote(ann, one.refsource_id, "cepheid", survey)
            seen[state] = ask(client, addresses)
            while undo_decisions(ann, survey):
                pass
            after[state] = ask(client, addresses)
    assert len(told_apart(seen["first"], seen["second"])) > len(addresses) / 2
    assert told_apart(before["first"], before["second"]) == []
    assert told_apart(after["first"], after["second"]) == []
    assert told_apart(before["first"], after["first"]) == []


def test_who_has_read_others_votes_takes_their_own_back_and_gives_no_other(survey):
    ann, bob = make_voter("ann"), User.objects.get(username="bob")
    read, unread, alone = survey.objects_in.values_list("refsource_id", flat=True)[:3]
    for pk in (read, unread):
        vote(bob, pk, "qso", survey)
    client, votes = logged_in(ann), f"/api/votes/?refsource_id={read}"
    before = client.get(votes).content
    for pk in (read, unread, alone):
        vote(ann, pk, "flare", survey)
    client.get(f"/api/votes/?refsource_id={alone}")
    assert b"bob" in client.get(votes).content
    for _ in range(3):
        undo_decisions(ann, survey)
    assert client.get(votes).content == before
    for pk in (unread, alone):
        vote(ann, pk, "qso", survey)
    with pytest.raises(VettingError, match="You have seen what others said"):
        vote(ann, read, "qso", survey)
    body = {"refsource_id": read, "choice": "qso"}
    answer = client.post("/api/votes/", body, content_type="application/json")
    assert answer.status_code == 409 and "take that vote back" in answer.json()["detail"]
    offered = client.get(reverse("vet_next", args=[survey.pk])).json()["objects"]
    assert read not in [int(card["refsource_id"]) for card in offered]
    decide(ann, DecisionInput(read, action="comment", comment="hm"), survey)
    close(survey)
    assert vote(ann, read, "qso") is not None


@pytest.mark.parametrize("address", ["{list}", "{list}?cls=qso", "{page}", "{csv}", "{api}"])
def test_a_vote_is_final_after_others_were_seen_in_a_list_a_page_or_a_file(survey, address):
    ann, bob = make_voter("ann"), User.objects.get(username="bob")
    pk = survey.objects_in.first().refsource_id
    for voter in (ann, bob):
        vote(voter, pk, "qso", survey)
    names = {"list": reverse("candidates"), "csv": reverse("export_candidates")}
    names |= {"page": reverse("candidate", args=[pk]), "api": f"/api/candidates/{pk}/"}
    assert b"qso" in logged_in(ann).get(address.format(**names)).getvalue().lower()
    with pytest.raises(VettingError, match="You have seen"):
        vote(ann, pk, "flare", survey)


def test_a_vote_of_before_a_campaign_opens_nothing_in_it(survey):
    ann = make_voter("ann")
    pk = survey.objects_in.first().refsource_id
    vote(ann, pk, "qso", survey)
    close(survey)
    again = make_campaign(candidates="those", query="detections_min=2")
    vote(User.objects.get(username="bob"), pk, "flare", again)
    votes = logged_in(ann).get(f"/api/votes/?refsource_id={pk}").json()["results"]
    assert [row["user"] for row in votes] == ["ann"]


def test_gold_disputes_and_artifacts_come_of_settled_votes_alone(survey):
    for name in ("bob", "carl"):
        for one in survey.objects_in.all():
            vote(User.objects.get(username=name), one.refsource_id, "artifact", survey)
    chosen = make_campaign(candidates="those", query="detections_max=1", n_gold=50)
    gold = chosen.objects_in.exclude(gold=None).values_list("refsource_id", flat=True)
    assert not set(gold) & set(survey.objects_in.values_list("refsource_id", flat=True))
    for act in (flag_agreed, follow_up):
        with pytest.raises(CampaignError, match="close it first"):
            act(survey, User.objects.get(username="bob"))


def test_no_table_finds_rows_by_what_hangs_on_votes():
    for model, table in admin.site._registry.items():
        own = model._meta.label_lower in HIDDEN_MODELS
        for path in paths_to_votes(model):
            assert own or not table.lookup_allowed(path, "1", None), (model, path)
    assert len(list(paths_to_votes(User))) > 10


def paths_to_votes(model, depth=3, prefix="", is_hidden=False):
    """Look-ups from a model that end at or go through what others said."""
    for field in model._meta.get_fields():
        path, related = f"{prefix}{field.name}", field.related_model
        hides = is_hidden or field.name in ("consensus", "n_votes", "is_disputed")
        hides = hides or related in (GalDecision, CampaignObject)
        if hides:
            yield path
        if related and depth > 1:
            yield from paths_to_votes(related, depth - 1, f"{path}__", hides)
