"""Conditions on columns of candidates: what each finds, and its contrary."""

import pytest
from django.db.models import F
from django.http import QueryDict
from django.test import RequestFactory

from photometry.models import GalObjectSource
from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import crossmatch_all, make_candidate
from tests.builders.many_candidates import make_many_candidates
from tests.builders.people import make_person
from variables.candidates.columns import CALIBRATED_COLUMNS, COLUMNS, OBJECT_COLUMNS
from variables.candidates.conditions import names_of
from variables.candidates.filter_columns import Asked, filter_columns
from variables.candidates.filters import CandidateFilter
from variables.models import GalCandidate, TaxonomyClass

pytestmark = pytest.mark.django_db
ALL = "per=source&undetected=both&artifact=both"
STORED_NOWHERE = ["object_kind", "object_mags", *(c.key for c in CALIBRATED_COLUMNS)]


def found(query, user=None):
    request = RequestFactory().get("/")
    request.user = user
    chosen = CandidateFilter(QueryDict(f"{ALL}&{query}"), request=request)
    assert chosen.is_valid(), chosen.errors
    return set(chosen.qs.values_list("pk", flat=True))


@pytest.fixture
def survey():
    """Candidates of which each column has several values, and none where it may have none."""
    make_candidate(2, "g")
    make_many_candidates(60)
    classes = TaxonomyClass.objects.filter(slug__in=["rr-lyrae", "flare"])
    rr_lyrae, flare = classes.order_by("-slug").values_list("pk", flat=True)
    rows = GalCandidate.objects.alias(part=F("pk") % 3)
    for part, others in enumerate(({}, *VALUES)):
        rows.filter(part=part).update(**others)
    rows.filter(part=1).update(consensus_id=rr_lyrae, n_votes=2)
    rows.filter(part=2).update(consensus_id=flare, n_votes=1, is_disputed=True)


VALUES = (
    {
        **dict.fromkeys(("mean_mag", "rms_mag", "amplitude_mag", "chi2_nu", "von_neumann"), 1.5),
        **dict.fromkeys(("skewness", "false_alarm", "excess_mag", "period_err"), 0.25),
        **dict.fromkeys(("colour_mag", "absolute_mag", "known_period", "mean_delta_mag"), -0.5),
        **dict.fromkeys(("agreed_period_days", "agreed_period_err", "period_days"), 3.5),
        **dict.fromkeys(("known_possible", "object_id", "star_changes", "star_sources"), 2),
        "known": "known",
        "known_class": "RRab",
        "known_name": "V1 % Sgr",
        "period_agreement": "agrees",
        "failed_cuts": 12,
        "has_vanished": True,
        "filter": "g",
    },
    {
        **dict.fromkeys(("mean_mag", "rms_mag", "amplitude_mag", "chi2_nu", "von_neumann"), 2.5),
        **dict.fromkeys(("skewness", "false_alarm", "excess_mag", "period_err"), 0.75),
        **dict.fromkeys(("colour_mag", "absolute_mag", "known_period", "mean_delta_mag"), 0.5),
        **dict.fromkeys(("ra", "dec"), 12.0),
        **dict.fromkeys(("period_days", "agreed_period_days", "agreed_period_err"), 9.5),
        **dict.fromkeys(("x", "y", "first_mjd", "last_mjd", "max_significance"), 77.0),
        **dict.fromkeys(("known_possible", "object_id"), 7),
        **dict.fromkeys(("n_epochs", "n_non_detections", "star_changes", "star_sources"), 7),
        "known_class": "dsct",
        "known_name": "none",
        "period_agreement": "2:1",
        "failed_cuts": 256,
        "cause": "edge",
    },
)


def asked_of(column, values):
    """Queries about a column, each with what it says of a value."""
    key = column.key
    if column.is_range:
        low, high = min(values), max(values)
        yield f"{key}_min={high}", lambda v: v is not None and v >= high
        yield f"{key}_max={low}", lambda v: v is not None and v <= low
        yield f"{key}_min={low}&{key}_max={low}", lambda v: v == low
    elif column.is_text:
        begun = values[0][:2]
        yield f"{key}_begins={begun.swapcase()}", lambda v: v is not None and v.startswith(begun)
    elif key == "failed_cuts":
        yield f"{key}_in=masked&{key}_in=doubted-image", lambda v: bool(v & (4 | 256))
    elif column.asked is Asked.TRUTH:
        yield f"{key}_in=yes", bool
    elif key == "consensus":
        yield f"{key}_in=none", lambda v: v is None
        yield f"{key}_in=none&{key}_in=rr-lyrae", lambda v: v in (None, "rr-lyrae")
    else:
        one, two = values[0], values[-1]
        yield f"{key}_in={one}", lambda v: v == one
        yield f"{key}_in={one}&{key}_in={two}", lambda v: v in (one, two)
    if column.may_be_empty:
        yield f"{key}_has=no", lambda v: v is None
        yield f"{key}_has=yes", lambda v: v is not None


def test_each_column_is_found_by_its_values_and_by_the_contrary(survey):
    for key, column in filter_columns().items():
        name = column.column.name
        values = dict(GalCandidate.objects.values_list("pk", name))
        known = sorted({v for v in values.values() if v is not None})
        assert len(known) > 1, key
        for query, fits in asked_of(column, known):
            expected = {pk for pk, value in values.items() if fits(value)}
            assert found(query) == expected, query
            assert found(f"{query}&not={key}") == set(values) - expected, query


def test_all_columns_of_exports_can_be_asked_for_but_those_that_are_stored_nowhere():
    exported = [c.key for c in (*COLUMNS, *OBJECT_COLUMNS, *CALIBRATED_COLUMNS)]
    left = [key for key in exported if key not in filter_columns()]
    assert left == ["is_flagged", *STORED_NOWHERE]  # the first has a filter of its own
    names = [name for column in filter_columns().values() for name in names_of(column)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("n_epochs_min=many", "'many' is not a whole number"),
        ("ccdnum_max=99999999", "from -32,767 to 32,767"),
        ("ra_min=1e400", "too large"),
        ("cause_in=ghoul", "none of real"),
        ("period_days_has=perhaps", "yes or no"),
        (f"known_name_begins={101 * 'V'}", "at most 100 characters"),
    ],
)
def test_nonsense_is_told_and_finds_nothing(query, told, client):
    client.force_login(make_person("annie"))
    answer = client.get(f"/candidates/?{query}")
    page = answer.content.decode().replace("&#x27;", "'")
    assert answer.status_code == 400 and told in page
    assert client.get(f"/api/candidates/?{query}").status_code == 400


def test_of_a_star_no_source_may_be_what_is_excluded():
    """A star of two sources, of which one has the cause."""
    sources = [make_candidate(3, name, ra=266.0, dec=-29.0) for name in "ig"]
    crossmatch_all()
    GalCandidate.objects.filter(pk__in=[c.pk for c in sources]).update(
        object_id=GalObjectSource.objects.first().object_id, star_sources=2
    )
    GalCandidate.objects.filter(pk=sources[0].pk).update(cause="edge", n_detections=1)

    def stars(query):
        request = RequestFactory().get("/")
        request.user = None
        return set(CandidateFilter(QueryDict(query), request=request).qs)

    assert stars("cause_in=edge") == {sources[0]}
    assert stars("cause_in=edge&not=cause") == set()
    assert stars("cause_in=edge&not=cause&per=source") == {sources[1]}


def test_conditions_on_what_others_said_find_the_same_whatever_they_said():
    candidates = [make_candidate(3), make_candidate(4)]
    campaign = make_campaign(candidates="those", query="")
    other, user = make_voter("bob"), make_voter("carl")
    names = [n for c in filter_columns().values() if c.is_opinion for n in names_of(c)]
    values = {"in": ("none", "flare", "yes", "no"), "min": "1", "max": "0", "has": ("yes", "no")}
    queries = [f"{n}={v}" for n in names for v in values[n.rpartition("_")[2]]]
    queries += [f"{query}&not={query.rpartition('_')[0]}" for query in queries]

    def answers():
        return {
            query: found(query, user)
            for query in queries
            if CandidateFilter(QueryDict(query), request=None).is_valid()
        }

    before = answers()
    vote(other, candidates[0].pk, "flare", campaign)
    assert GalCandidate.objects.get(pk=candidates[0].pk).n_votes == 1
    assert answers() == before
    vote(user, candidates[0].pk, "flare", campaign)
    assert answers() != before
