"""The list of candidates: what it shows, finds, sorts, keeps and exports."""

import io
import itertools
import re

import numpy as np
import pyarrow.parquet
import pytest
from astropy.io import ascii
from astropy.io.votable import parse_single_table
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exposures.keyset import KeysetOrder, beside, page_of
from exposures.science.positions import PositionError, read_position
from photometry.models import GalObjectSource
from tests.builders.candidates import (
    add_epoch,
    crossmatch_all,
    make_candidate,
    make_candidates,
    make_catalogue,
)
from tests.builders.people import make_person
from tests.builders.reference_catalogues import ids_at, make_reference
from variables.candidates.columns import CALIBRATED_COLUMNS, COLUMNS, OBJECT_COLUMNS
from variables.candidates.filters import CandidateFilter
from variables.candidates.listing import neighbours_in_list
from variables.candidates.positions import galactic, sexagesimal
from variables.candidates.repeat_detections import Counting, repeated
from variables.candidates.star_odds import COLUMNS as STAR_ODDS_COLUMNS
from variables.derived.refresh import refresh_candidates
from variables.models import (
    Campaign,
    CampaignObject,
    GalCandidate,
    GalDecision,
    SavedSearch,
    Taxonomy,
    TaxonomyClass,
)
from variables.votes.consensus import update_consensus

pytestmark = pytest.mark.django_db

SETTINGS = ("SAVEPOINT", "SET LOCAL", "RELEASE SAVEPOINT")


@pytest.fixture
def user():
    return make_person("annie")


@pytest.fixture
def reader(client, user):
    client.force_login(user)
    return client


def text(response):
    """A page with one blank wherever a browser shows one."""
    return " ".join(response.content.decode().split())


def found(query, user=None):
    request = RequestFactory().get("/")
    request.user = user
    return {c.pk for c in CandidateFilter(QueryDict(query), request=request).qs}


@pytest.mark.parametrize("sort", ["n_detections", "-n_detections", "max_delta_mag", "-rms_mag"])
def test_pages_show_each_candidate_once_forwards_and_backwards(sort):
    make_candidates(23)
    GalCandidate.objects.filter(ccdnum=1).filter(n_detections=1).update(max_delta_mag=None)
    GalCandidate.objects.filter(n_detections=2).update(rms_mag=None)
    rows, order = GalCandidate.objects.all(), KeysetOrder.of(GalCandidate, sort)
    seen, cursor, pages = [], None, []
    while True:
        page = page_of(rows, order, cursor, size=4)
        pages.append(page)
        seen += [row.pk for row in page.rows]
        if not (cursor := page.next):
            break
    assert sorted(seen) == sorted(rows.values_list("pk", flat=True)) and len(seen) == 23
    for earlier, later in itertools.pairwise(pages):
        back = page_of(rows, order, later.previous, size=4)
        assert [r.pk for r in back.rows] == [r.pk for r in earlier.rows]
    assert pages[0].previous is None
    values = [getattr(row, order.column) for page in pages for row in page.rows]
    known = [v for v in values if v is not None]
    assert known == sorted(known, reverse=order.descending)
    assert values[: len(known)] == known  # those without a value come last
    middle = seen[10]
    assert beside(rows, order, rows.get(pk=middle)) == (seen[9], seen[11])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abc"),
        ("detections_min=3", "bc"),
        ("detections_min=3&detections_max=3", "b"),
        ("filter=g", "c"),
        ("mag_min=16&mag_max=17.5", "ab"),
        ("change_min=1.2", "c"),
        ("change_max=1", "ab"),
        ("sigma_min=50", "c"),
        ("cause=edge", "b"),
        ("artifact=only", "d"),
        ("artifact=both", "abcd"),
        ("chip=7", "a"),
        ("position=266.0+-29.0&radius=1000", "ab"),
        ("position=17:44:00+-29:00:00&radius=1000", "ab"),
        ("position=10+10", ""),
        ("vetted=nobody", "abc"),
        ("detections_min=many", ""),
        ("position=somewhere", ""),
        ("cls=none", "abc"),
        ("cls=disputed", ""),
        ("cls=nonsense", ""),
        ("changes_min=3&changes_max=3", "b"),
        ("artifact=both&changes_max=1", "d"),
        ("position=1e9+2", ""),
        ("mag_min=1e400", ""),
        ("chip=99999999999", ""),
        ("exposure=%00", ""),
    ],
)
def test_candidates_are_found_by_what_they_are(query, expected):
    named = {
        "a": make_candidate(2, ccdnum=7, reference_mag=16.5, max_delta_mag=-0.4),
        "b": make_candidate(3, cause="edge", reference_mag=17.2, max_delta_mag=0.9),
        "c": make_candidate(
            4,
            "g",
            ra=200.0,
            dec=-40.0,
            reference_mag=20.0,
            max_delta_mag=1.5,
            max_significance=80.0,
        ),
        "d": make_candidate(1, is_flagged=True, reference_mag=14.0),
    }
    assert found(query) == {named[name].pk for name in expected}


def test_an_exposure_has_its_own_candidates():
    catalogue = make_catalogue(6)
    first = add_epoch(catalogue, 60001.0, {1: 0.7})
    add_epoch(catalogue, 60002.0, {1: 0.7, 2: 0.5})
    refresh_candidates()
    assert found(f"exposure={first.exposure.identifier}") == {catalogue.id_range[0] + 1}


def vote(candidate, user, slug="rrlyr"):
    choice, _ = TaxonomyClass.objects.get_or_create(
        taxonomy=Taxonomy.objects.get(is_current=True),
        slug=slug,
        defaults={"label": slug, "kind": "variable", "key": "!"},
    )
    GalDecision.objects.create(
        refsource_id=candidate.pk, ra=1, dec=1, filter="i", user=user, choice=choice
    )
    return choice


def test_own_votes_are_found(user):
    mine, other = make_candidate(2), make_candidate(2)
    vote(mine, user)
    vote(other, User.objects.create_user("henrietta"))
    update_consensus([mine.pk, other.pk])
    assert found("vetted=me", user) == {mine.pk}
    assert found("vetted=not-me", user) == {other.pk}


def test_the_class_is_shown_only_after_one_s_own_vote_while_a_campaign_goes_on(reader, user):
    candidate = make_candidate(2)
    other = User.objects.create_user("henrietta")
    choice = vote(candidate, other)
    GalCandidate.objects.update(consensus=choice, n_votes=1)
    campaign = Campaign.objects.create(name="c", taxonomy=choice.taxonomy, created_by=other)
    CampaignObject.objects.create(campaign=campaign, refsource_id=candidate.pk, rank=1)
    page = text(reader.get(reverse("candidates")))
    assert "blind" in page and "rrlyr</td>" not in page
    before = opinions(reader)
    found_by_class = [found("cls=rrlyr", user)]
    vote(candidate, user)
    assert "rrlyr</td>" in text(reader.get(reverse("candidates")))
    assert (before, opinions(reader)) == ([None] * 3, ["rrlyr", 1, False])
    # To find or to export the class would be to see it.
    assert [*found_by_class, found("cls=rrlyr", user)] == [set(), {candidate.pk}]


def opinions(reader):
    """What the exports of a list of one candidate tell of what others said; all tell the same."""
    columns = ["consensus", "n_votes", "is_disputed"]
    votable = parse_single_table(io.BytesIO(exported(reader, "votable"))).to_table()
    parquet = pyarrow.parquet.read_table(io.BytesIO(exported(reader, "parquet")), columns=columns)
    row = list(parquet.to_pylist()[0].values())
    assert np.ma.is_masked(votable["n_votes"][0]) == (row[1] is None)
    assert votable["consensus"][0] == (row[0] or "")
    return row


def test_a_list_asks_for_little_and_never_for_galsources(reader):
    n_queries = []
    for n_candidates in (3, 117):
        make_candidates(n_candidates)
        with CaptureQueriesContext(connection) as queries:
            page = text(reader.get(reverse("candidates"), {"sort": "-rms_mag"}))
        asked = [q for q in queries if not q["sql"].startswith(SETTINGS)]
        n_queries.append(len(asked))
    # The first asks for candidates without a value, too.
    assert n_queries == [21, 20]
    assert not any("galsources" in q["sql"] for q in queries.captured_queries)
    assert page.count("<tr") == 51 and "120" in page and 'rel="next"' in page


def test_nonsense_is_told_and_a_cut_off_address_shows_the_first_page_and_says_so(reader):
    candidate = make_candidate(2)
    answer = reader.get(reverse("candidates"), {"position": "somewhere", "mag_min": "x"})
    page = text(answer)
    assert answer.status_code == 400
    assert "“somewhere” is no position" in page and "is not a number" in page
    for broken in ("after~x", "up~1~2", "after~zzz~1", "after~1~-1", f"after~1~{10**30}"):
        answer = reader.get(reverse("candidates"), {"page": broken})
        assert answer.status_code == 400 and "is not where a page" in text(answer)
        assert str(candidate.pk) in text(answer)
    assert reader.get(reverse("candidates"), {"sort": "password"}).status_code == 200


def test_an_empty_list_says_what_to_do(reader):
    assert "process_exposure" in text(reader.get(reverse("candidates")))
    assert "show all" in text(reader.get(reverse("candidates"), {"chip": 60}))


HTMX = {"HX-Request": "true"}


def test_htmx_gets_the_table_alone_under_an_address_without_empty_fields(reader):
    asked = {"chip": "3", "filter": "", "sort": "-rms_mag"}
    response = reader.get(reverse("candidates"), asked, headers=HTMX)
    assert "<html" not in text(response) and "candidate" in text(response)
    assert response["HX-Push-Url"] == "/candidates/?chip=3&sort=-rms_mag"


def test_going_back_by_htmx_gets_the_whole_page(reader):
    back = HTMX | {"HX-History-Restore-Request": "true"}
    assert "<html" in text(reader.get(reverse("candidates"), headers=back))


def test_headings_say_how_they_sort_and_turn_it_round(reader):
    make_candidates(3)
    page = text(reader.get(reverse("candidates"), {"sort": "-rms_mag", "chip": "1"}))
    assert page.count("aria-sort") == 1 and 'aria-sort="descending"' in page
    assert "?chip=1&amp;sort=rms_mag" in page and "?chip=1&amp;sort=-last_mjd" in page
    assert 'aria-sort="ascending"' in text(reader.get("/candidates/?sort=rms_mag"))


def test_searches_are_kept_shared_and_forgotten(reader, user, client):
    reader.post(
        reverse("save_search"), {"name": "often", "query": "detections_min=3&page=after~1~2"}
    )
    search = SavedSearch.objects.get()
    assert (search.query, search.is_shared) == ("detections_min=3", False)
    reader.post(reverse("save_search"), {"name": "often", "query": "chip=3", "shared": "on"})
    assert SavedSearch.objects.get().query == "chip=3"
    other = make_person("henrietta")
    client.force_login(other)
    assert "often" in text(client.get(reverse("candidates")))
    assert client.post(reverse("delete_search", args=[search.pk])).status_code == 404
    client.force_login(user)
    client.post(reverse("delete_search", args=[search.pk]))
    assert not SavedSearch.objects.exists()


def test_a_search_without_a_name_or_with_nonsense_is_not_kept(reader):
    for name in ("", " ", "\x00", "x" * 81):
        reader.post(reverse("save_search"), {"name": name, "query": "chip=3"})
    assert not SavedSearch.objects.exists()


def test_next_and_previous_are_those_of_the_list(user):
    candidates = make_candidates(9)
    request = RequestFactory().get("/")
    request.user = user
    by_id = sorted(c.pk for c in candidates)
    middle = GalCandidate.objects.get(pk=by_id[4])
    assert neighbours_in_list("sort=refsource_id", middle, request) == (by_id[3], by_id[5])
    assert neighbours_in_list("sort=-refsource_id", middle, request) == (by_id[5], by_id[3])
    last = GalCandidate.objects.get(pk=by_id[-1])
    assert neighbours_in_list("sort=refsource_id", last, request) == (by_id[-2], None)


def exported(reader, kind, **asked):
    response = reader.get(reverse("export_candidates"), {"format": kind, **asked})
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    return response.getvalue()


def test_exports_hold_the_list_with_units(reader):
    make_candidates(7)
    GalCandidate.objects.filter(n_detections=1).update(max_delta_mag=None)
    asked = {"sort": "refsource_id", "detections_max": 2}
    rows = GalCandidate.objects.filter(n_detections__lte=2).order_by("pk")
    ids = list(rows.values_list("pk", flat=True))
    table = ascii.read(exported(reader, "csv", **asked).decode(), format="csv")
    assert table["refsource_id"].tolist() == ids
    votable = parse_single_table(io.BytesIO(exported(reader, "votable", **asked))).to_table()
    assert votable["refsource_id"].tolist() == ids
    assert str(votable["reference_mag"].unit) == "mag"
    assert np.ma.is_masked(votable["max_delta_mag"])
    parquet = pyarrow.parquet.read_table(io.BytesIO(exported(reader, "parquet", **asked)))
    assert parquet["refsource_id"].to_pylist() == ids
    assert parquet.schema.field("ra").metadata[b"unit"] == b"deg"
    assert parquet["max_delta_mag"].null_count == rows.filter(max_delta_mag=None).count() > 0
    assert len(parquet.column_names) == sum(
        map(len, (COLUMNS, OBJECT_COLUMNS, CALIBRATED_COLUMNS, STAR_ODDS_COLUMNS))
    )
    assert reader.get(reverse("export_candidates"), {"format": "xls"}).status_code == 404


def test_exports_hold_the_object_of_each_candidate_and_its_other_filters(reader):
    g = make_reference("g", "g", [0.0, 9.0, 18.0, 27.0], [0.0] * 4, 18.5)
    make_reference("r", "r", [0.0, 17.7, 18.3], [0.0] * 3, 17.25)
    make_reference("i", "i", [0.02], [0.0], 16.0)
    crossmatch_all()
    # What is not cross-matched yet, too.
    GalObjectSource.objects.filter(pk=(late := ids_at(g, [27.0], [0.0])[0])).delete()
    add_epoch(g, 60001.0, dict.fromkeys(range(4), 0.6))
    refresh_candidates([g.pk])
    star, alone, blend = ids_at(g, [0.0, 9.0, 18.0], [0.0] * 3)
    expected = {
        star: ("one-to-one", "i 16.000 r 17.250"),
        alone: ("single", ""),
        blend: ("blend", "r 17.250 r 17.250"),
        late: ("", ""),
    }
    objects = dict(GalObjectSource.objects.values_list("pk", "object_id"))
    votable = parse_single_table(io.BytesIO(exported(reader, "votable"))).to_table()
    parquet = pyarrow.parquet.read_table(io.BytesIO(exported(reader, "parquet")))
    csv = ascii.read(exported(reader, "csv").decode(), format="csv", fill_values=[("", "")])
    for table in (votable, parquet.to_pylist(), csv):
        rows = {int(row["refsource_id"]): row for row in table}
        assert set(rows) == set(expected)
        for pk, said in expected.items():
            assert (rows[pk]["object_kind"] or "", rows[pk]["object_mags"] or "") == said
            if pk in objects:
                assert int(rows[pk]["object_id"]) == objects[pk]
    assert np.ma.is_masked(votable["object_id"]) and parquet["object_id"].null_count == 1


def test_an_empty_list_is_exported_as_one(reader):
    for kind in ("csv", "votable", "parquet"):
        assert exported(reader, kind)


def test_each_count_of_repeated_detections_leads_to_its_candidates(reader):
    make_candidates(9)
    page = text(reader.get(reverse("repeat_detections"), {"filter": "i"}))
    assert "detections_min=2&amp;detections_max=2&amp;filter=i" in page
    assert len(found("detections_min=2&detections_max=2&filter=i")) == 3
    assert "No detections" in text(reader.get(reverse("repeat_detections"), {"filter": "g"}))
    for nonsense in ("\x00", "a" * 99):
        refused = reader.get(reverse("repeat_detections"), {"filter": nonsense})
        assert refused.status_code == 400 and "filter" in text(refused)


@pytest.mark.parametrize("accepted_only", [True, False])
def test_a_list_is_as_long_as_its_count_says(reader, accepted_only):
    make_candidates(9)
    make_candidate(2, is_flagged=True)
    catalogue = make_catalogue(5)
    add_epoch(catalogue, 60001.0, {1: 0.7}, failed_cuts=4)
    refresh_candidates([catalogue.pk])
    table = repeated(Counting(accepted_only=accepted_only))
    assert table.total == (9 if accepted_only else 11)
    assert [len(found(row.query)) for row in table.rows] == [row.count for row in table.rows]
    asked = {} if accepted_only else {"all": "on"}
    page = text(reader.get(reverse("repeat_detections"), asked))
    assert all(row.query.replace("&", "&amp;") in page for row in table.rows)


@pytest.mark.parametrize(
    ("words", "ra", "dec"),
    [
        ("266.4168 -29.0078", 266.4168, -29.0078),
        ("17:45:40.0 -29:00:28", 266.416667, -29.007778),
        ("17h45m40s, -29d00m28s", 266.416667, -29.007778),
        ("17 45 40 -29 00 28", 266.416667, -29.007778),
        ("17:45:40.0-29:00:28", 266.416667, -29.007778),
        ("266.4168 -29:00:28", 266.4168, -29.007778),
        ("266d25m00s -29.0", 266.416667, -29.0),
        ("0.0 0.0 gal", 266.404988, -28.936178),
    ],
)
def test_positions_are_read_as_people_type_them(words, ra, dec):
    assert read_position(words) == pytest.approx((ra, dec), abs=2e-5)


@pytest.mark.parametrize(
    "words", ["", "here", "400 -29", "10 -95", "1 2 3", "nan nan", "1 gal", "1 2 3 gal"]
)
def test_what_is_no_position_is_refused(words):
    with pytest.raises(PositionError, match="is no position"):
        read_position(words)


def test_positions_are_written_both_ways():
    assert sexagesimal(266.416667, -29.007778) == "17:45:40.00 -29:00:28.00"
    longitude, latitude = galactic(266.404988, -28.936178)
    assert (longitude + 180) % 360 - 180 == pytest.approx(0, abs=1e-4)
    assert latitude == pytest.approx(0, abs=1e-4)


CONE = "position=266.0+-29.0&radius=3600"


def distances_listed(response):
    cells = re.findall(r'data-label="distance">([\d.,]+)″', text(response))
    return [float(cell.replace(",", "")) for cell in cells]


def test_a_list_round_a_position_is_sorted_by_distance_and_shows_it(reader):
    make_candidates(60, ra=266.0, dec=-29.0)
    GalCandidate.objects.filter(n_detections=1).update(ra=266.01, dec=-29.0)  # many as far away
    rows = GalCandidate.objects.cone(266.0, -29.0, 3600)
    expected = [(row.distance_arcsec, row.pk) for row in rows]
    seen, query = [], CONE
    while query:
        response = reader.get(f"{reverse('candidates')}?{query}")
        found = distances_listed(response)
        assert found == sorted(found) and len(found) == len(response.context["listing"].rows)
        seen += [
            (row.distance_arcsec, row.candidate.pk) for row in response.context["listing"].rows
        ]
        query = response.context["next"]
    assert seen == sorted(expected) and len(seen) == 60
    middle = GalCandidate.objects.get(pk=seen[30][1])
    beside = neighbours_in_list(CONE, middle, RequestFactory().get("/"))
    assert beside == (seen[29][1], seen[31][1])


def test_another_sort_of_a_cone_is_kept_and_its_distances_shown(reader):
    make_candidates(9, ra=266.0, dec=-29.0)
    page = reader.get(f"{reverse('candidates')}?{CONE}&sort=-n_detections")
    shown = [row.candidate.n_detections for row in page.context["listing"].rows]
    assert shown == sorted(shown, reverse=True) and len(distances_listed(page)) == 9
    assert "sort=-n_detections" in page.context["listing"].query
    backwards = reader.get(f"{reverse('candidates')}?{CONE}&sort=-distance_arcsec")
    found = distances_listed(backwards)
    assert found == sorted(found, reverse=True)


def test_a_list_without_a_position_or_with_a_wrong_one_has_no_distance(reader):
    make_candidates(3)
    for query in ("", "sort=distance_arcsec", "position=nowhere&sort=distance_arcsec"):
        page = reader.get(f"{reverse('candidates')}?{query}")
        assert page.status_code == (400 if "nowhere" in query else 200)
        assert distances_listed(page) == []
        assert page.context["listing"].sort == "-n_detections"


def test_a_form_sends_no_sort_that_goes_without_saying(reader):
    make_candidates(3, ra=266.0, dec=-29.0)
    for query, sort in (("", ""), ("sort=reference_mag", "reference_mag"), (CONE, "")):
        page = text(reader.get(f"{reverse('candidates')}?{query}"))
        assert f'name="sort" value="{sort}"' in page


def test_the_api_gives_a_cone_nearest_first_page_by_page(reader):
    make_candidates(25, ra=266.0, dec=-29.0)
    expected = list(GalCandidate.objects.cone(266.0, -29.0, 3600).values_list("pk", flat=True))
    url, found = f"{reverse('api-candidate-list')}?{CONE}&page_size=7", []
    while url:
        answer = reader.get(url).json()
        found += answer["results"]
        url = answer["next"]
    assert [row["refsource_id"] for row in found] == expected
    far = [row["distance_arcsec"] for row in found]
    assert far == sorted(far) and far[0] > 0
    plain = reader.get(reverse("api-candidate-list")).json()["results"]
    assert {row["distance_arcsec"] for row in plain} == {None}
