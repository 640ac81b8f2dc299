"""Published colours and absolute magnitudes of candidates, and their diagram."""

import csv
from io import StringIO

import numpy as np
import pytest
from django.urls import reverse

from exposures.models import GalPublishedCatalogue, GalPublishedStar
from galproject.references.tasks import measure_motions
from photometry.matching.colours import all_published_colours, colour_catalogue
from photometry.science.parallaxes import absolute_magnitudes
from photometry.storage import storage
from tests.builders.candidates import add_epoch, make_catalogue
from tests.builders.people import make_person, token_header
from tests.builders.published_stars import add_stars, make_published, match
from tests.builders.statistics_rows import statistics_rows, store_statistics
from variables.candidates.filters import CandidateFilter
from variables.derived.published import refresh_published
from variables.derived.refresh import refresh_candidates
from variables.models import GalBinnedStatistic, GalCandidate, GalPublishedDiagram
from variables.models.known import Known
from variables.planes.density import Limits, Plane, plane_data
from variables.planes.forms import axes_in
from variables.planes.lasso import stars_inside
from variables.variability.binned_statistics import replace_published_bins

GAIA = "gaia_dr3", "astrometric", ("G", "BP", "RP")
NEAR, FAR, UNMATCHED = range(3)  # sources


@pytest.fixture
def reference(db):
    """A reference of forty sources, of which the first three change, and are candidates."""
    catalogue = make_catalogue(40)
    catalogue.refresh_from_db()
    add_epoch(catalogue, catalogue.mjd + 1, dict.fromkeys((NEAR, FAR, UNMATCHED), -0.9))
    refresh_candidates()
    return catalogue


@pytest.fixture
def gaia(reference):
    """Gaia's stars of BP - RP = 1.5 at 200 pc, but for the second, which is nobody knows where."""
    published = make_published(*GAIA)
    rows = storage.catalogue_sources(reference)
    mags = [[15.0 + k / 10, 15.9 + k / 10, 14.4 + k / 10] for k in range(len(rows))]
    stars = add_stars(published, rows["ra"].tolist(), rows["dec"].tolist(), mags)
    of_stars = GalPublishedStar.objects.filter(pk__in=stars)
    of_stars.update(parallax=5.0, parallax_err=0.1)
    of_stars.filter(pk=stars[FAR]).update(parallax=0.3, parallax_err=0.1)
    chosen = [k for k in range(len(rows)) if k != UNMATCHED]
    ids = rows["refsource_id"].tolist()
    match(reference, published, [ids[k] for k in chosen], [stars[k] for k in chosen])
    return published


def columns_of_candidates():
    return list(GalCandidate.objects.order_by("pk").values_list("colour_mag", "absolute_mag"))


def test_absolute_magnitudes_are_those_at_ten_parsecs():
    mag, parallax = np.full(5, 15.0), np.array([100.0, 10.0, 0.3, -2.0, np.nan])
    found = absolute_magnitudes(mag, parallax, np.full(5, 0.1))
    assert found == pytest.approx([15.0, 10.0, np.nan, np.nan, np.nan], nan_ok=True)


def test_candidates_have_the_colour_of_the_star_they_are_and_its_magnitude_by_a_good_parallax(
    reference, gaia
):
    assert columns_of_candidates() == [(None, None)] * 3
    assert measure_motions() == {"catalogues": [reference.pk]}
    near, far, unmatched = columns_of_candidates()
    assert near == pytest.approx((1.5, 15.0 - 5 * np.log10(20)), abs=1e-4)
    assert far == (pytest.approx(1.5, abs=1e-4), None)
    assert unmatched == (None, None)


def test_lists_are_filtered_by_colour_and_absolute_magnitude(reference, gaia):
    refresh_candidates()
    first = reference.id_range[0]

    def chosen(**data):
        return sorted(CandidateFilter(data).qs.values_list("pk", flat=True))

    assert chosen(colour_min="1.4", colour_max="1.6") == [first + NEAR, first + FAR]
    assert chosen(colour_min="1.6") == []
    assert chosen(absolute_min="8", absolute_max="9") == [first + NEAR]


def test_exports_and_the_api_have_them(client, reference, gaia):
    refresh_candidates()
    person = make_person("annie")
    client.force_login(person)
    exported = client.get(reverse("export_candidates"), {"format": "csv"})
    text = b"".join(exported.streaming_content).decode()
    rows = {int(row["refsource_id"]): row for row in csv.DictReader(StringIO(text))}
    near = rows[reference.id_range[0] + NEAR]
    assert float(near["colour_mag"]) == pytest.approx(1.5, abs=1e-4)
    assert float(near["absolute_mag"]) == pytest.approx(8.495, abs=1e-3)
    url = f"/api/candidates/{reference.id_range[0] + NEAR}/"
    one = client.get(url, headers=token_header(person)).json()
    assert one["colour_mag"] == pytest.approx(1.5, abs=1e-4)


def test_gaia_s_colours_come_before_those_of_a_catalogue_without_parallaxes(db):
    assert colour_catalogue() is None
    make_published("decaps2")
    assert colour_catalogue().colour_name == "g − i"
    make_published(*GAIA)
    assert colour_catalogue().colour_name == "BP − RP"
    GalPublishedCatalogue.objects.filter(name="gaia_dr3").update(bands=["G"])
    assert colour_catalogue().published.name == "decaps2"


def diagram_of(client, pk):
    client.force_login(make_person(f"reader{pk}"))
    return client.get(reverse("candidate_field", args=[pk])).json()["published"]


def test_the_diagram_has_the_matched_stars_and_the_candidate_among_them(client, reference, gaia):
    first = reference.id_range[0]
    data = diagram_of(client, first + NEAR)
    assert data["x"] == "BP − RP (mag)" and data["catalogue"] == "gaia_dr3 1"
    apparent, absolute = data["diagrams"]
    assert (apparent["kind"], apparent["y"]) == ("apparent", "G (mag)")
    assert (absolute["kind"], absolute["y"]) == ("absolute", "absolute G (mag)")
    assert (apparent["n_stars"], absolute["n_stars"]) == (39, 38)
    assert apparent["itself"] == [[1.5, 15.0]] and absolute["itself"] == [[1.5, 8.495]]
    for diagram in (apparent, absolute):
        assert 0.9 * diagram["n_stars"] <= sum(diagram["counts"]) <= diagram["n_stars"]
    far = diagram_of(client, first + FAR)["diagrams"]
    assert far[0]["itself"] == [[1.5, 15.1]] and far[1]["itself"] == []
    assert diagram_of(client, first + UNMATCHED)["diagrams"][0]["itself"] == []


def test_the_cells_of_the_diagram_are_where_the_stars_are(client, reference, gaia):
    """Stars of one colour and ten to a magnitude: one line of cells, a star in each."""
    apparent, _ = diagram_of(client, reference.id_range[0])["diagrams"]
    side, cells = apparent["n_cells"], np.array(apparent["cells"])
    assert set(apparent["counts"]) == {1}
    low, high = apparent["x_range"]
    colours = low + (high - low) * (cells % side + 0.5) / side
    assert colours == pytest.approx(np.full(len(cells), 1.5), abs=(high - low) / side)
    low, high = apparent["y_range"]
    mags = np.sort(low + (high - low) * (cells // side + 0.5) / side)
    true = np.delete(15 + np.arange(40) / 10, UNMATCHED)
    true = true[(true >= low) & (true <= high)]
    assert mags == pytest.approx(true, abs=(high - low) / side)


def test_a_diagram_is_counted_when_matches_change_and_goes_with_them(client, reference, gaia):
    first = reference.id_range[0]
    counted, _ = diagram_of(client, first + NEAR)["diagrams"]
    refresh_published(reference.pk)
    assert GalPublishedDiagram.objects.get().published == gaia
    stored, _ = diagram_of(client, first + FAR)["diagrams"]
    assert (stored["cells"], stored["counts"]) == (counted["cells"], counted["counts"])
    GalPublishedDiagram.objects.update(densities=[])
    assert diagram_of(client, first + UNMATCHED)["diagrams"] == []
    GalPublishedCatalogue.objects.update(in_use=False)
    refresh_published(reference.pk)
    assert not GalPublishedDiagram.objects.exists()


def test_one_refreshment_says_all_that_matches_tell(reference, gaia):
    GalPublishedStar.objects.filter(name=None).update(name="4062", var_class="RRAB")
    refresh_published(reference.pk)
    near = GalCandidate.objects.order_by("pk").first()
    assert (near.known, near.known_name) == (Known.KNOWN, "gaia dr3 4062")
    assert near.colour_mag == pytest.approx(1.5, abs=1e-4)
    assert GalBinnedStatistic.objects.filter(statistic="colour_mag").exists()


def test_the_plane_of_all_stars_has_them_as_axes_and_its_lasso_finds_stars_by_them(reference, gaia):
    ids = reference.id_range[0] + np.arange(40)
    store_statistics(reference, statistics_rows(ids))
    colour, absolute = axes_in("i")["colour_mag"], axes_in("i")["absolute_mag"]
    nobody = make_person("nobody")
    plane = Plane((reference.pk,), colour, absolute, Limits(1, 2), Limits(0, 20))
    data = plane_data(plane, nobody)
    assert data["n_stars"] == data["n_shown"] == 38
    bright = np.array([[1.4, 8.0], [1.6, 8.0], [1.6, 8.85], [1.4, 8.85]])
    # From 8.495 on in steps of 0.1, without the two that have no absolute magnitude.
    assert stars_inside([reference.pk], colour, absolute, bright) == [ids[NEAR], ids[3]]
    GalPublishedCatalogue.objects.update(in_use=False)
    replace_published_bins(reference, all_published_colours(reference.pk))
    assert not {"colour_mag", "absolute_mag"} & axes_in("i").keys()


def test_without_matches_and_with_few_stars_there_is_no_diagram(client, reference):
    first = reference.id_range[0]
    assert diagram_of(client, first) is None
    published = make_published(*GAIA)
    assert diagram_of(client, first + 1) is None
    rows = storage.catalogue_sources(reference)[:2]
    stars = add_stars(
        published, rows["ra"].tolist(), rows["dec"].tolist(), [[15.0, 16.0, 14.0]] * 2
    )
    match(reference, published, rows["refsource_id"].tolist(), stars)
    assert diagram_of(client, first + 2)["diagrams"] == []
