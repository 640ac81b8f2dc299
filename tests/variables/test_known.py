"""Whether candidates are known variables, new, or can't be told."""

import io

import numpy as np
import pytest
from astropy.io import ascii
from astropy.io.votable import parse_single_table
from django.core.management import call_command
from django.http import QueryDict
from django.test import RequestFactory
from django.urls import reverse

from exposures.models import GalPublishedCatalogue, GalPublishedStar
from photometry.matching.storage import replace_matches
from photometry.models import GalMatch, GalMatchRun
from photometry.science.matching.decisions import Matches
from photometry.science.matching.states import MatchState
from tests.builders.campaigns import make_campaign, make_voter
from tests.builders.candidates import crossmatch_all, make_candidate, make_candidates
from tests.builders.known_variables import make_known, make_variables, publish, say
from tests.builders.people import make_person
from tests.builders.published_stars import MATCHED_WITH, make_published
from tests.builders.queries import n_queries_of
from variables.candidates.filters import CandidateFilter
from variables.candidates.known import published_matches
from variables.candidates.repeat_detections import Counting, count_known, repeated
from variables.derived.known import refresh_known
from variables.derived.refresh import refresh_candidates
from variables.derived.stars import refresh_stars
from variables.models import GalCandidate, StarList
from variables.models.known import Known
from variables.planes.lists import page_of_list
from variables.science.period_agreement import PeriodAgreement, compare_periods
from variables.vetting.campaigns import NewCampaign, create_campaigns
from variables.vetting.cards import cards_of, tiles_of

pytestmark = pytest.mark.django_db
RRAB = {"var_class": "RRab", "period": 0.5432}


@pytest.fixture
def candidate():
    return make_candidate(2)


@pytest.fixture
def reader(client):
    client.force_login(make_person("annie"))
    return client


def told(candidate):
    """What is said of a candidate after its matches were stored."""
    refresh_known(candidate.catalogue_id)
    candidate.refresh_from_db()
    return candidate.known


def found(query):
    request = RequestFactory().get("/")
    request.user = None
    return {c.pk for c in CandidateFilter(QueryDict(query), request=request).qs}


def test_periods_agree_are_ratios_or_aliases_or_differ():
    day = 1 / (1 / 0.5432 + 1)
    year = 1 / (1 / 0.5432 - 1 / 365.25)
    reflected = 1 / (1 - 1 / 1.7)
    ours = [0.54321, 1.0864, 0.2716, day, year, 0.61, np.nan, 0.5, 100.0, reflected]
    errors = [1e-5] * 8 + [4.0, 1e-5]
    published = [0.5432] * 7 + [np.nan, 110.0, 1.7]
    names = ["agrees", "2:1", "1:2", "alias", "alias", "differs", "none", "none", "agrees", "alias"]
    assert compare_periods(ours, errors, published).tolist() == names


def test_random_periods_hardly_ever_agree():
    rng = np.random.default_rng(1)
    ours, published = rng.uniform(0.2, 1.0, (2, 20_000))
    said = compare_periods(ours, np.full(20_000, 1e-5), published)
    share = {one: np.mean(said == one) for one in PeriodAgreement}
    assert share["agrees"] + share["2:1"] + share["1:2"] < 0.01
    assert share["alias"] < 0.05 and share["none"] == 0


def test_nothing_is_new_where_no_catalogue_of_variables_was_asked(candidate):
    assert told(candidate) == Known.NOT_LOOKED_UP
    say(candidate, make_published("decaps2"), MatchState.NO_COUNTERPART)
    say(candidate, make_variables("gcvs"), MatchState.NOT_COVERED)
    assert told(candidate) == Known.NOT_LOOKED_UP


def test_one_catalogue_that_reaches_and_has_no_counterpart_makes_it_new(candidate):
    say(candidate, make_variables("gcvs"), MatchState.NOT_COVERED)
    say(candidate, make_variables("vsx"), MatchState.NO_COUNTERPART)
    assert told(candidate) == Known.NEW
    assert candidate.known_name is candidate.known_class is candidate.known_possible is None


def test_nothing_is_new_by_a_catalogue_of_unknown_depth(candidate):
    say(candidate, make_variables("vsx", depth=None), MatchState.NO_COUNTERPART)
    assert told(candidate) == Known.NOT_LOOKED_UP


def test_it_is_not_new_where_another_catalogue_may_have_it(candidate):
    say(candidate, make_variables("ogle_ocvs"), MatchState.NO_COUNTERPART)
    vsx = make_variables("vsx")
    star = publish(vsx, candidate, "V1", **RRAB)
    say(candidate, vsx, MatchState.CANT_BE_TOLD, star, n_possible=3, probability=0.4)
    assert told(candidate) == Known.CANT_BE_TOLD
    assert candidate.known_possible == 3 and candidate.known_class is None


def test_a_match_gives_class_name_and_period_and_how_that_agrees(candidate):
    make_known(candidate, make_variables(), **RRAB)
    GalCandidate.objects.filter(pk=candidate.pk).update(period_days=1.08641, period_err=1e-4)
    assert told(candidate) == Known.KNOWN
    shown = candidate.known_class, candidate.known_name, candidate.known_period
    assert shown == ("RRab", "OGLE-BLG-RRLYR-00001", 0.5432)
    assert candidate.period_agreement == PeriodAgreement.DOUBLE
    GalCandidate.objects.filter(pk=candidate.pk).update(period_days=None)
    told(candidate)
    assert candidate.period_agreement == PeriodAgreement.NONE


def test_of_catalogues_that_disagree_the_more_specific_and_then_the_more_probable_counts(
    candidate,
):
    gcvs, ogle, vsx = map(make_variables, ("gcvs", "ogle_ocvs", "vsx"))
    say(candidate, gcvs, star_id=publish(gcvs, candidate, "A", var_class="E"), probability=1.0)
    say(candidate, ogle, star_id=publish(ogle, candidate, "B", **RRAB), probability=0.96)
    told(candidate)
    assert (candidate.known_name, candidate.known_class) == ("B", "RRab")
    star = publish(vsx, candidate, "C", var_class="EW", period=0.3)
    say(candidate, vsx, star_id=star, probability=0.97)
    told(candidate)
    assert (candidate.known_name, candidate.known_class, candidate.known_period) == ("C", "EW", 0.3)


def test_a_variable_of_gaia_is_known_though_its_catalogue_is_of_all_stars(candidate):
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    star = make_known(candidate, gaia, "4062")
    assert told(candidate) == Known.NOT_LOOKED_UP and candidate.known_name is None
    GalPublishedStar.objects.filter(pk=star).update(var_class="RR")
    assert told(candidate) == Known.KNOWN
    assert (candidate.known_name, candidate.known_class) == ("gaia dr3 4062", "RR")


def test_a_variable_that_is_probably_a_part_of_it_leaves_it_untold(candidate):
    gaia = make_published("gaia_dr3", "astrometric", ("G", "BP", "RP"))
    make_known(candidate, gaia, "1")
    other = publish(gaia, candidate, "2", var_class="RR")
    say(candidate, make_variables("vsx"), MatchState.NO_COUNTERPART)
    say(candidate, gaia, star_id=other, rank=2, probability=0.8)
    assert told(candidate) == Known.CANT_BE_TOLD and candidate.known_possible == 2
    GalMatch.objects.filter(rank=2).update(probability=0.01)
    assert told(candidate) == Known.NEW


def test_an_object_gives_its_name_but_makes_nothing_known(candidate):
    make_known(candidate, make_published("simbad", "objects", ("V",)), "HD 1", var_class="RR*")
    assert told(candidate) == Known.NOT_LOOKED_UP
    assert (candidate.known_name, candidate.known_class) == ("HD 1", None)
    make_known(candidate, make_variables(), "V1", **RRAB)
    assert told(candidate) == Known.KNOWN and candidate.known_name == "V1"


def test_candidates_that_are_derived_again_keep_what_is_known(candidate):
    make_known(candidate, make_variables(), **RRAB)
    for asked in ({"catalogue_ids": [candidate.catalogue_id]}, {"refsource_ids": [candidate.pk]}):
        GalCandidate.objects.update(known=Known.NEW)
        refresh_candidates(**asked)
        candidate.refresh_from_db()
        assert candidate.known == Known.KNOWN


def test_renewed_matches_change_a_candidate_and_a_catalogue_that_goes_takes_them(
    candidate, django_capture_on_commit_callbacks
):
    ogle = make_variables()
    star = publish(ogle, candidate, **RRAB)
    run = GalMatchRun(reference=candidate.catalogue, published=ogle, **MATCHED_WITH)
    for state, best in ((MatchState.NO_COUNTERPART, -1), (MatchState.MATCHED, 0)):
        matches = Matches(
            star=np.array([[best, -1]]),
            probability=np.array([[0.99, np.nan]]),
            separation=np.array([[0.1, np.nan]]),
            n_possible=np.array([1]),
            state=np.array([state]),
        )
        GalMatchRun.objects.all().delete()
        with django_capture_on_commit_callbacks(execute=True):
            replace_matches(run, np.array([candidate.pk]), np.array([star]), matches)
        candidate.refresh_from_db()
        assert candidate.known == {-1: Known.NEW, 0: Known.KNOWN}[best]
    with django_capture_on_commit_callbacks(execute=True):
        GalPublishedCatalogue.objects.get(pk=ogle.pk).delete()
    candidate.refresh_from_db()
    assert candidate.known == Known.NOT_LOOKED_UP and candidate.known_name is None


def test_lists_are_filtered_by_what_is_known():
    known, new, untold, other = make_candidates(4)
    ogle = make_variables()
    make_known(known, ogle, **RRAB)
    say(new, ogle, MatchState.NO_COUNTERPART)
    star = publish(ogle, untold, "V2")
    say(untold, ogle, MatchState.CANT_BE_TOLD, star, n_possible=2)
    GalCandidate.objects.filter(pk=known.pk).update(period_days=0.2716, period_err=1e-5)
    refresh_known(known.catalogue_id)
    one_each = {
        "known=known": known,
        "known=new": new,
        "known=cant-be-told": untold,
        "known=not-looked-up": other,
        "known_class=rr": known,
        "agreement=1:2": known,
    }
    assert {query: found(query) for query in one_each} == {
        query: {one.pk} for query, one in one_each.items()
    }
    assert found("agreement=alias") == found("known_class=E") == found("known=nonsense") == set()


@pytest.mark.parametrize(
    ("days", "agreement"),
    [
        (0.5432, "agrees"),
        (1.0864, "2:1"),
        (1 / (1 / 0.5432 - 1 / 0.99727), "alias"),
        (7, "differs"),
    ],
)
def test_lists_are_filtered_by_how_periods_agree(candidate, days, agreement):
    make_known(candidate, make_variables(), **RRAB)
    GalCandidate.objects.filter(pk=candidate.pk).update(period_days=days, period_err=1e-6)
    refresh_known(candidate.catalogue_id)
    others = {"agrees", "2:1", "1:2", "alias", "differs", "none"} - {agreement}
    assert found(f"agreement={agreement}") == {candidate.pk}
    assert all(found(f"agreement={other}") == set() for other in others)


def test_contact_sheets_and_lists_of_stars_say_what_is_known(candidate):
    make_known(candidate, make_variables(), **RRAB)
    told(candidate)
    campaign = make_campaign(candidates=[candidate])
    (tile,) = tiles_of(campaign.objects_in.all(), lambda *_: "")
    assert (tile["known"], tile["known_text"]) == (
        "RRab",
        "known: RRab, 0.5432 d, OGLE-BLG-RRLYR-00001",
    )
    stars = StarList.objects.create(
        user=make_voter(), name="mine", refsource_ids=[candidate.pk, candidate.pk + 1]
    )
    assert [row.known for row in page_of_list(stars, 1).rows] == ["RRab", ""]


def test_a_star_is_not_new_where_its_source_in_another_filter_is_known():
    i, g = make_candidate(3, "i"), make_candidate(2, "g")
    crossmatch_all()
    refresh_candidates()
    ogle = make_variables()
    say(i, ogle, MatchState.NO_COUNTERPART)
    refresh_known(i.catalogue_id)
    assert found("known=new") == {i.pk}
    make_known(g, ogle, **RRAB)
    refresh_known(g.catalogue_id)
    i.refresh_from_db()
    assert i.star_sources == 2
    assert found("known=new") == set()
    assert found("known=new&per=source") == {i.pk}


def test_counts_are_of_stars_and_lead_to_lists_as_long(reader, capsys):
    i, g = make_candidate(3, "i"), make_candidate(2, "g")
    crossmatch_all()
    refresh_candidates()
    assert count_known() == {}
    ogle = make_variables()
    say(i, ogle, MatchState.NO_COUNTERPART)
    make_known(g, ogle, **RRAB)
    for one in (i, g):
        refresh_known(one.catalogue_id)
    refresh_stars([i.pk, g.pk])
    assert count_known() == {Known.KNOWN: 1} and count_known(Counting("i")) == {}
    assert count_known(Counting(per_source=True)) == {Known.KNOWN: 1, Known.NEW: 1}
    for counting in (Counting(), Counting("g"), Counting(per_source=True)):
        for one in repeated(counting).known:
            assert len(found(one.query)) == one.count
    page = " ".join(reader.get(reverse("repeat_detections"), {"per": "source"}).text.split())
    assert "1 known</a>," in page and "1 new</a>." in page
    call_command("repeat_detections", "--per-source")
    assert "variable stars: 1 known, 1 new\n" in capsys.readouterr().out


def test_lists_exports_and_the_api_say_what_is_known(reader, candidate):
    make_known(candidate, make_variables(), **RRAB)
    GalCandidate.objects.filter(pk=candidate.pk).update(period_days=0.2716, period_err=1e-5)
    told(candidate)
    page = reader.get(reverse("candidates"), {"known": "known", "sort": "known"}).text
    said = "known: RRab, 0.5432 d, 1:2, OGLE-BLG-RRLYR-00001"
    assert f'<span title="{said}">RRab, 1:2</span>' in page
    assert f'title="{said}">OGLE-BLG-RRLYR-00001, 0.5432 d</small>' in page
    csv = reader.get(reverse("export_candidates"), {"format": "csv"}).getvalue().decode()
    (row,) = ascii.read(csv, format="csv")
    names = ("known", "known_class", "known_name", "known_period", "period_agreement")
    values = ["known", "RRab", "OGLE-BLG-RRLYR-00001", 0.5432, "1:2"]
    assert [row[name] for name in names] == values
    votable = reader.get(reverse("export_candidates"), {"format": "votable"}).getvalue()
    table = parse_single_table(io.BytesIO(votable)).to_table()
    assert [table[name][0] for name in names] == values
    assert str(table["known_period"].unit) == "d" and np.ma.is_masked(table["known_possible"][0])
    (given,) = reader.get("/api/candidates/", {"known_class": "RR"}).json()["results"]
    assert [given[name] for name in names] == values and given["known_possible"] is None
    assert reader.get("/api/candidates/", {"known": "new"}).json()["results"] == []


def test_a_campaign_takes_over_a_list_of_what_is_new():
    new, known = make_candidates(2)
    ogle = make_variables()
    say(new, ogle, MatchState.NO_COUNTERPART)
    make_known(known, ogle, **RRAB)
    refresh_known(new.catalogue_id)
    (campaign,) = create_campaigns(NewCampaign("New ones", "known=new", lane="card"), make_voter())
    assert [one.refsource_id for one in campaign.objects_in.all()] == [new.pk]


def test_cards_say_what_is_known(candidate):
    make_known(candidate, make_variables(), **RRAB)
    told(candidate)
    (card,) = cards_of(make_campaign(candidates=[candidate]).objects_in.all())
    assert card["known"] == "RRab"
    assert card["known_text"] == "known: RRab, 0.5432 d, OGLE-BLG-RRLYR-00001"


def test_a_page_has_a_table_of_matches_those_of_variables_first(reader, candidate):
    gaia, vsx = make_published("gaia_dr3", "astrometric"), make_variables("vsx")
    make_known(candidate, gaia, "4062")
    stars = [publish(vsx, candidate, name, **RRAB) for name in ("V1 Sgr", "V2 Sgr")]
    say(candidate, vsx, MatchState.CANT_BE_TOLD, stars[0], n_possible=3, probability=0.6)
    say(candidate, vsx, MatchState.CANT_BE_TOLD, stars[1], rank=2, n_possible=3, probability=0.3)
    say(candidate, make_variables("gcvs"), MatchState.NOT_COVERED)
    GalCandidate.objects.filter(pk=candidate.pk).update(period_days=0.5432, period_err=1e-5)
    told(candidate)
    matches = published_matches(candidate)
    assert [match.catalogue.name for match in matches] == ["vsx", "gcvs", "gaia_dr3"]
    assert [match.agreement for match in matches] == ["agrees", "none", "none"]
    page = " ".join(reader.get(reverse("candidate", args=[candidate.pk])).text.split())
    for said in (
        "<dd>could be one of 3</dd>",
        "V1 Sgr <small>could be one of 3</small>",
        "V2 Sgr</span> <small>30.0%</small>",
        "not covered",
        "gaia dr3 4062",
    ):
        assert said in page
    assert n_queries_of(lambda: published_matches(candidate)) == 3


def test_a_catalogue_out_of_use_says_nothing(reader, candidate):
    ogle = make_variables()
    make_known(candidate, ogle, **RRAB)
    assert told(candidate) == Known.KNOWN
    GalPublishedCatalogue.objects.filter(pk=ogle.pk).update(in_use=False)
    assert told(candidate) == Known.NOT_LOOKED_UP
    assert published_matches(candidate) == ()
    assert "Not matched with published" in reader.get(candidate.get_absolute_url()).text
