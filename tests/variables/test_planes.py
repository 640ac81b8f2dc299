"""The plane of all stars: its density, the candidates on it, and lists of stars made on it."""

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from photometry.models import GalSource
from tests.builders.campaigns import make_campaign, make_voter, vote
from tests.builders.candidates import (
    add_epoch,
    crossmatch_all,
    make_candidates,
    make_catalogue,
)
from tests.builders.people import make_person
from tests.builders.statistics_rows import make_statistics, statistics_rows, store_statistics
from variables.derived.refresh import refresh_candidates
from variables.models import (
    Campaign,
    GalBinnedStatistic,
    GalCandidate,
    GalVariability,
    StarList,
)
from variables.periods.storage import PERIOD_DTYPE, replace_periods
from variables.planes import lasso
from variables.planes.density import Limits, Plane, plane_data
from variables.planes.forms import axes_in
from variables.planes.lasso import LassoError, stars_inside
from variables.variability.axes import AXES
from variables.variability.measuring import measure_variability
from variables.vetting.contents import contents_of

pytestmark = pytest.mark.django_db
MAG, EXCESS, CHI2, KURTOSIS = (
    AXES[name] for name in ("robust_mag", "excess_mag", "chi2_nu", "stetson_k")
)
REGION = np.array([[15.0, 0.03], [21.0, 0.1], [20.0, 1.0], [16.0, 0.8]])


@pytest.fixture
def catalogues():
    return [make_statistics(n, str(n), seed=n, variable=0.1) for n in (900, 400)]


@pytest.fixture
def nobody():
    return User.objects.create_user("nobody")


def ids_of(catalogues):
    return tuple(catalogue.pk for catalogue in catalogues)


def counts_of(data):
    counts = np.zeros((data["y"]["n_cells"], data["x"]["n_cells"]), int)
    counts.flat[data["cells"]] = data["counts"]
    return counts


def stored(name, catalogues):
    ids = [catalogue.pk for catalogue in catalogues]
    rows = GalVariability.objects.order_by("pk").values_list("pk", name)
    return np.array([value for pk, value in rows if pk >> 20 in ids])


def with_statistics(catalogue):
    """Statistics of all sources of a catalogue that has them."""
    ids = catalogue.id_range[0] + np.arange(catalogue.n_sources)
    store_statistics(catalogue, statistics_rows(ids))


def test_the_density_counts_every_star_that_has_both_statistics(catalogues, nobody):
    data = plane_data(Plane(ids_of(catalogues), MAG, EXCESS), nobody)
    n_known = int(np.isfinite(stored("excess_mag", catalogues)).sum())
    assert data["n_stars"] == n_known < 1300
    assert data["n_shown"] == counts_of(data).sum() >= 0.98 * n_known
    assert data["n_catalogues"] == 2


def test_a_window_has_the_stars_between_its_limits(catalogues, nobody):
    limits = {"x_limits": Limits(17.0, 19.0), "y_limits": Limits(10.0, 0.01)}
    data = plane_data(Plane(ids_of(catalogues), MAG, EXCESS, **limits), nobody)
    mag, excess = (stored(axis.name, catalogues) for axis in (MAG, EXCESS))
    inside = (mag > 17) & (mag < 19) & (excess > 0.01) & (excess < 10)
    assert abs(data["n_shown"] - inside.sum()) <= 2
    assert (data["x"]["start"], data["x"]["end"]) == pytest.approx((17, 19), abs=0.001)
    assert (data["y"]["start"], data["y"]["end"]) == pytest.approx((0.01, 10), rel=0.001)
    # Fainter stars are to the right, and larger scatter above.
    counts = counts_of(data)
    cell = (18.5 - 17) / 2 * 256, (np.log10(0.1) + 2) / 3 * 256
    above = ((mag > 18.5) & (excess > 0.1) & inside).sum()
    assert abs(counts[int(cell[1]) :, int(cell[0]) :].sum() - above) <= 2


@pytest.mark.parametrize("limits", [Limits(5, 5), Limits(1e30, 2e30), Limits(-1, 0), Limits(3.0)])
def test_limits_that_hold_nothing_are_no_error(catalogues, nobody, limits):
    data = plane_data(Plane(ids_of(catalogues), CHI2, MAG, limits, limits), nobody)
    assert counts_of(data).shape == (256, 256)


def test_every_statistic_can_be_drawn_against_every_other(catalogues, nobody):
    for axis in AXES.values():
        data = plane_data(Plane(ids_of(catalogues), axis, KURTOSIS), nobody)
        assert data["n_shown"] > 0.9 * data["n_stars"] > 1000, axis.name


def test_bins_are_replaced_with_the_statistics_and_go_with_the_catalogue(catalogues):
    first, second = catalogues
    before = GalBinnedStatistic.objects.get(catalogue=first, statistic="chi2_nu")
    rows = statistics_rows(first.id_range[0] + np.arange(5, 50))
    store_statistics(first, rows)
    after = GalBinnedStatistic.objects.get(catalogue=first, statistic="chi2_nu")
    assert (before.n_stars, after.n_stars) == (900, 45)
    bins = np.frombuffer(after.bins, "<u2")
    expected = CHI2.scale.bins(CHI2.coordinates(rows["chi2_nu"]))
    assert np.array_equal(bins[5:], expected) and (bins[:5] == 65535).all()
    second.delete()
    assert set(GalBinnedStatistic.objects.values_list("catalogue", flat=True)) == {first.pk}


def test_bins_are_of_the_statistics_that_are_measured():
    catalogue = make_catalogue(30)
    for k in range(6):
        add_epoch(catalogue, 60001.0 + k)
    catalogue.refresh_from_db()
    measure_variability(catalogue)
    ranks, values = np.array(
        [(row.pk & 0xFFFFF, row.chi2_nu) for row in GalVariability.objects.all()]
    ).T
    bins = np.frombuffer(GalBinnedStatistic.objects.get(statistic="chi2_nu").bins, "<u2")
    assert np.array_equal(bins[ranks.astype(int)], CHI2.scale.bins(CHI2.coordinates(values)))
    assert len(values) > 20


def test_without_stars_there_is_an_empty_plane(nobody):
    data = plane_data(Plane((), MAG, EXCESS), nobody)
    assert data["n_stars"] == data["n_shown"] == data["n_candidates"] == 0


def test_candidates_are_where_their_stars_are_by_class(nobody):
    candidates = make_candidates(6)
    with_statistics(candidates[0].catalogue)
    vote(make_voter(), candidates[1].pk, "flare")
    data = plane_data(Plane((candidates[0].catalogue_id,), MAG, CHI2), nobody)
    rows = {pk: (x, y) for one in data["candidates"] for pk, x, y in one["rows"]}
    assert rows.keys() == {one.pk for one in candidates}
    for row in GalVariability.objects.filter(pk__in=rows):
        assert rows[row.pk] == pytest.approx((row.robust_mag, row.chi2_nu), rel=1e-3)
    classes = {one["label"]: (one["kind"], len(one["rows"])) for one in data["candidates"]}
    assert classes == {"no class yet": ("", 5), "stellar flare": ("variable", 1)}


def test_the_class_of_a_candidate_that_others_vet_is_not_told(nobody):
    candidates = make_candidates(3)
    with_statistics(candidates[0].catalogue)
    make_campaign(candidates="those")
    vote(make_voter(), candidates[1].pk, "flare")
    data = plane_data(Plane((candidates[0].catalogue_id,), MAG, CHI2), nobody)
    assert {one["label"] for one in data["candidates"]} == {"blind until you vote"}


def test_the_lasso_takes_the_stars_whose_rows_lie_inside_on_the_drawn_plane(catalogues):
    found = stars_inside(ids_of(catalogues), MAG, EXCESS, REGION)
    x, y = stored("robust_mag", catalogues), np.log10(stored("excess_mag", catalogues))
    polygon = np.column_stack([REGION[:, 0], np.log10(REGION[:, 1])])
    ids = stored("refsource_id", catalogues)
    truth = [pk for pk, *point in zip(ids, x, y, strict=True) if winds_round(point, polygon)]
    assert found == truth and len(truth) > 5


def winds_round(point, polygon):
    """Whether a polygon goes round a point, by the angles at which its corners are seen."""
    if np.isnan(point).any():
        return False
    angles = np.arctan2(*(polygon - point).T)
    turns = (np.diff([*angles, angles[0]]) + np.pi) % (2 * np.pi) - np.pi
    return abs(turns.sum()) > 1


def test_colours_are_those_of_the_stars_in_the_other_filter(nobody):
    catalogues = {name: make_catalogue(30, name, seed=7) for name in "ig"}
    in_g = GalSource.objects.in_catalogues([catalogues["g"].pk])
    in_g.update(mag=F("mag") + 0.1 * (F("refsource_id") % 10))
    crossmatch_all()
    with_statistics(catalogues["i"])
    ids = (catalogues["i"].pk,)
    colour = axes_in("i")["colour-g"]
    assert colour.title == "g − i (mag)"
    data = plane_data(Plane(ids, colour, MAG, Limits(-0.05, 0.45), Limits(5, 30)), nobody)
    assert data["n_stars"] == 30 and data["n_shown"] == 15
    blue = np.array([[-0.05, 5], [0.15, 5], [0.15, 30], [-0.05, 30]])
    assert len(stars_inside(ids, colour, MAG, blue)) == 6


def test_periods_are_drawn_against_their_amplitudes_and_stay_with_new_statistics(nobody):
    catalogue = make_statistics(50, variable=0.2)
    assert "days" not in axes_in("i")
    rows = np.zeros(3, PERIOD_DTYPE)
    rows["refsource_id"], rows["rank"] = catalogue.id_range[0] + np.array([3, 3, 40]), [1, 2, 1]
    rows["days"], rows["amplitude_mag"] = [0.5, 1.0, 20.0], [0.3, 0.3, 0.1]
    replace_periods(catalogue, rows, None, None)
    store_statistics(catalogue, statistics_rows(catalogue.id_range[0] + np.arange(50)))
    period, amplitude = axes_in("i")["days"], axes_in("i")["amplitude_mag"]
    limits = Limits(0.1, 100), Limits(0.01, 1)
    data = plane_data(Plane((catalogue.pk,), period, amplitude, *limits), nobody)
    assert data["n_stars"] == data["n_shown"] == 2
    short = np.array([[0.4, 0.2], [0.6, 0.2], [0.6, 0.4], [0.4, 0.4]])
    assert stars_inside([catalogue.pk], period, amplitude, short) == [catalogue.id_range[0] + 3]


def test_a_lasso_round_more_stars_than_a_list_may_have_says_so(catalogues, monkeypatch):
    monkeypatch.setattr(lasso, "MOST", 3)
    with pytest.raises(LassoError, match="More than 3 stars lie inside"):
        stars_inside(ids_of(catalogues), MAG, EXCESS, REGION)


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ([[6, 0.1], [7, 0.1], [7, 1]], "No star lies inside"),
        ([[15, 0.1], [21, -0.1], [21, 1]], "no value"),
    ],
)
def test_a_lasso_round_nothing_says_so(catalogues, region, words):
    with pytest.raises(LassoError, match=words):
        stars_inside(ids_of(catalogues), MAG, EXCESS, np.array(region, float))


# --- pages


@pytest.fixture
def curator(client):
    client.force_login(make_person("curator", "curators"))
    return client


def corners(region):
    return " ".join(f"{x},{y}" for x, y in region)


ALL = corners([[5, 0.001], [34, 0.001], [34, 1e6], [5, 1e6]])


def test_the_page_asks_for_the_density_of_what_it_shows(curator, catalogues):
    page = curator.get(reverse("plane"), {"y": "von_neumann"})
    assert page.status_code == 200
    assert '<option value="von_neumann" selected>' in page.content.decode()
    data = curator.get(reverse("plane_density"), {"y": "von_neumann", "filter": "i"}).json()
    assert data["n_stars"] == 1300 and data["y"]["name"] == "von_neumann"


def test_a_field_is_a_position_and_a_radius(curator, catalogues):
    near = {"position": "266 -29", "radius": "60"}
    far = {"position": "86 29", "radius": "60"}
    assert curator.get(reverse("plane_density"), near).json()["n_catalogues"] == 2
    assert curator.get(reverse("plane_density"), far).json()["n_catalogues"] == 0
    assert "No stars there" in curator.get(reverse("plane"), far).content.decode()


def test_without_statistics_the_page_says_how_they_are_measured(curator):
    page = curator.get(reverse("plane"))
    assert page.status_code == 200 and "measure_variability" in page.content.decode()


@pytest.mark.parametrize(
    "query", [{"x": "flags"}, {"filter": "nowhere"}, {"position": "?"}, {"x_from": "NaN"}]
)
def test_a_query_that_makes_no_sense_is_refused_in_words(curator, catalogues, query):
    assert curator.get(reverse("plane"), query).status_code == 400
    answer = curator.get(reverse("plane_density"), query)
    assert answer.status_code == 400 and answer.json()["error"]


def test_stars_of_a_list_are_candidates_and_stay_while_people_vote_on_them(curator):
    catalogue = make_catalogue(8)
    add_epoch(catalogue, 60001.0)
    with_statistics(catalogue)
    address = f"{reverse('new_star_list')}?x=robust_mag&y=chi2_nu"
    curator.post(address, {"name": "n", "corners": ALL})
    candidates = GalCandidate.objects.with_ids(StarList.objects.get().refsource_ids)
    assert set(candidates.values_list("kind", "n_changes")) == {("varies", 0)}
    assert candidates.count() == 8
    ids = list(candidates.order_by("pk").values_list("pk", flat=True))
    query = f"star_list={StarList.objects.get().pk}&undetected=both"
    assert contents_of(query).lanes == ["card"]
    make_campaign(candidates="those", query=query)
    vote(make_voter(), ids[0])
    StarList.objects.all().delete()
    refresh_candidates()
    assert GalCandidate.objects.count() == 8
    Campaign.objects.update(closed=timezone.now())
    for _ in range(2):
        refresh_candidates()
        assert GalCandidate.objects.get().pk == ids[0]


def test_a_lasso_makes_a_list_and_its_candidates_a_campaign(curator):
    candidates = make_candidates(6)
    with_statistics(candidates[0].catalogue)
    address = f"{reverse('new_star_list')}?x=robust_mag&y=chi2_nu"
    made = curator.post(address, {"name": "all of them", "corners": ALL}, follow=True)
    stars = StarList.objects.get()
    assert stars.refsource_ids == [one.pk for one in candidates]
    assert stars.query == "x=robust_mag&y=chi2_nu&filter=i"
    page = made.content.decode()
    assert "<strong>6</strong> stars" in " ".join(page.split()) and "New" in page
    StarList.objects.update(refsource_ids=stars.refsource_ids[:2])
    query = {"list": f"star_list={stars.pk}&undetected=both&per=source"}
    asked = {"name": "c", "lane": "card", "votes_wanted": 1, "n_gold": 0}
    curator.post(f"{reverse('new_campaign')}?list={query['list'].replace('&', '%26')}", asked)
    objects = Campaign.objects.get().objects_in.values_list("refsource_id", flat=True)
    assert set(objects) == {one.pk for one in candidates[:2]}


@pytest.mark.parametrize(
    "wrong",
    [{"corners": "1,2 3"}, {"corners": "1,2 3,4"}, {"corners": "1,2 3,x 4,5"}, {"name": " "}],
)
def test_a_region_that_is_none_makes_no_list_and_says_why(curator, catalogues, wrong):
    made = curator.post(
        reverse("new_star_list"), {"name": "n", "corners": ALL} | wrong, follow=True
    )
    assert 'class="error"' in made.content.decode() and not StarList.objects.exists()


def test_a_name_is_taken_once_by_each_person(curator, catalogues):
    region = {"name": "n", "corners": corners(REGION)}
    for _ in range(2):
        made = curator.post(reverse("new_star_list"), region, follow=True)
    assert "already" in made.content.decode() and StarList.objects.count() == 1


def test_a_list_is_deleted_by_its_maker_alone(curator, catalogues):
    curator.post(reverse("new_star_list"), {"name": "n", "corners": corners(REGION)})
    address = reverse("delete_star_list", args=[StarList.objects.get().pk])
    other = Client()
    other.force_login(make_person("other", "curators"))
    assert other.post(address).status_code == 404
    curator.post(address)
    assert not StarList.objects.exists()


def test_a_list_of_stars_that_are_no_more_can_still_be_looked_at(curator):
    stars = StarList.objects.create(
        name="old", user=User.objects.get(), query="", refsource_ids=[1 << 40, 2 << 40]
    )
    page = curator.get(stars.get_absolute_url())
    assert page.status_code == 200 and page.content.decode().count("–") >= 2


def test_a_list_with_a_source_that_is_gone_stops_no_candidate(curator):
    (candidate,) = make_candidates(1)
    StarList.objects.create(
        name="old", user=User.objects.get(), query="", refsource_ids=[candidate.pk + 5]
    )
    refresh_candidates()
    assert GalCandidate.objects.get() == candidate
