"""Calibrated magnitudes wherever results are given; light curves themselves stay relative."""

import csv
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.urls import reverse

from exposures.keyset import KeysetOrder
from exposures.models import GalPublishedCatalogue
from galproject.references.quality import qualities
from photometry.models import GalZeroPoint
from tests.builders.candidates import make_candidate
from tests.builders.people import make_person, token_header
from variables.candidates.export import export
from variables.candidates.search import CandidateSearch
from variables.models import GalCandidate

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate():
    return make_candidate(3)


@pytest.fixture
def calibrated(candidate):
    """A candidate whose reference has an absolute zero point of 0.25 ± 0.005."""
    published = GalPublishedCatalogue.objects.create(
        name="gaia_dr3", version="DR3", kind="astrometric", title="", epoch=2016, position_err=0.1
    )
    GalZeroPoint.objects.create(
        reference=candidate.catalogue, published=published, band="RP", system="Vega",
        is_other_band=True, zero_point=0.25, error=0.003, systematic=0.004, colour_scatter=0.0,
        scatter=0.0,
    )  # fmt: skip
    return candidate


def rows_of_csv(candidate, capsys):
    place = (str(candidate.ra), str(candidate.dec), "--radius", "0.1", "--csv")
    call_command("light_curve", *place)
    return list(csv.DictReader(StringIO(capsys.readouterr().out)))


def test_the_csv_has_them_beside_the_relative_ones(calibrated, capsys):
    rows = rows_of_csv(calibrated, capsys)
    assert len(rows) == 4
    for row in rows:
        assert float(row["mag_cal"]) - float(row["mag"]) == pytest.approx(0.25, abs=1e-4)
        assert float(row["mag_cal_err"]) == pytest.approx(0.005)
        assert row["mag_cal_by"] == "RP of gaia_dr3 DR3 (Vega)"


def test_without_a_zero_point_the_csv_has_none(candidate, capsys):
    assert {row["mag_cal"] for row in rows_of_csv(candidate, capsys)} == {""}


def test_the_api_has_them(client, calibrated):
    cache.clear()
    url, headers = f"/api/sources/{calibrated.pk}/light-curve/", token_header(make_person("annie"))
    rows = client.get(url, headers=headers).json()
    assert [row["mag_cal"] - row["mag"] for row in rows] == pytest.approx([0.25] * 4, abs=1e-5)
    assert {(row["mag_cal_err"], row["mag_cal_by"]) for row in rows} == {
        (0.005, "RP of gaia_dr3 DR3 (Vega)")
    }
    GalZeroPoint.objects.all().delete()
    assert {row["mag_cal"] for row in client.get(url, headers=headers).json()} == {None}


def test_the_page_shows_the_mean_with_what_it_is_by(client, calibrated):
    client.force_login(make_person("annie"))
    page = client.get(reverse("candidate", args=[calibrated.pk])).content.decode()
    page = " ".join(page.split())
    assert f"{calibrated.mean_mag + 0.25:.2f} ± 0.005" in page
    assert "RP of gaia_dr3 DR3 (Vega), a band near the filter" in page
    GalZeroPoint.objects.all().delete()
    again = client.get(reverse("candidate", args=[calibrated.pk])).content.decode()
    assert "calibrated magnitude" not in again


def test_lists_in_the_api_have_the_mean_calibrated(
    client, calibrated, django_assert_max_num_queries
):
    cache.clear()
    headers = token_header(make_person("annie"))
    with django_assert_max_num_queries(21):
        (row,) = client.get("/api/candidates/", headers=headers).json()["results"]
    assert row["mag_cal"] == pytest.approx(calibrated.mean_mag + 0.25, abs=1e-3)
    assert (row["mag_cal_err"], row["mag_cal_by"]) == (0.005, "RP of gaia_dr3 DR3 (Vega)")
    one = client.get(f"/api/candidates/{calibrated.pk}/", headers=headers).json()
    assert one["mag_cal"] == row["mag_cal"]
    text = client.get("/api/candidates/?format=csv", headers=headers).getvalue().decode()
    (of_table,) = csv.DictReader(StringIO(text))
    assert float(of_table["mag_cal"]) == row["mag_cal"]


def test_exports_have_the_mean_calibrated_or_nothing(calibrated):
    reader = make_person("annie")

    def exported():
        search = CandidateSearch(GalCandidate.objects.all(), KeysetOrder("pk"))
        text = b"".join(
            piece if isinstance(piece, bytes) else piece.encode()
            for piece in export(search, "csv", reader)
        ).decode()
        (row,) = csv.DictReader(StringIO(text))
        return row["mag_cal"], row["mag_cal_err"], row["mag_cal_by"]

    mag, error, by = exported()
    assert float(mag) == pytest.approx(calibrated.mean_mag + 0.25, abs=1e-3)
    assert (float(error), by) == (0.005, "RP of gaia_dr3 DR3 (Vega)")
    GalZeroPoint.objects.all().delete()
    assert exported() == ("", "", "")


def test_the_chips_page_and_the_references_have_the_zero_point_with_its_error(client, calibrated):
    client.force_login(make_person("annie"))
    image = calibrated.catalogue.image
    page = " ".join(client.get(reverse("image", args=[image.pk])).content.decode().split())
    assert "0.250 ± 0.005" in page and "RP of gaia_dr3 DR3 (Vega), a band near the filter" in page
    (quality,) = qualities([image.exposure])
    assert quality.absolute_error == pytest.approx(0.005)
    GalZeroPoint.objects.update(zero_point=None, error=None, systematic=None, reason="too few")
    page = " ".join(client.get(reverse("image", args=[image.pk])).content.decode().split())
    assert "RP of gaia_dr3 DR3 (Vega): too few" in page
    (quality,) = qualities([image.exposure])
    assert quality.absolute_error is None
