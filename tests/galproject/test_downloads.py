"""What is taken home of a candidate: cutouts as FITS, light curves in formats with units."""

import io

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from django.core.cache import cache

from exposures.models import GalImage
from tests.builders.candidates import crossmatch_all, make_candidate
from tests.builders.people import make_person, token_header
from tests.galproject.test_pictures import (  # noqa: F401  (a fixture)
    catalogue_with_candidates,
    epochs_of,
    own_pictures,
)
from variables.models import GalVarObj
from variables.pictures.pixels import pixels_of_image
from variables.pictures.render import render_catalogue
from variables.pictures.sprite import cutout_layout

pytestmark = pytest.mark.django_db


@pytest.fixture
def headers():
    cache.clear()
    return token_header(make_person("annie"))


def content(response):
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def cutouts(client, candidate, query="", headers=None):
    path = f"/api/candidates/{candidate.pk}/cutouts/{query}"
    return fits.open(io.BytesIO(content(client.get(path, headers=headers))))


@pytest.fixture
def drawn(processed):
    catalogue, candidate = catalogue_with_candidates()
    render_catalogue(catalogue)
    return candidate


def test_cutouts_have_the_candidate_where_their_wcs_says_and_what_is_known_of_each_image(
    client, headers, drawn
):
    with cutouts(client, drawn, headers=headers) as file:
        file.verify("exception")
        assert file[0].header["CANDID"] == drawn.pk
        assert [hdu.name for hdu in file[1:4]] == ["REF", "IMAGE1", "DIFF1"]
        ids = [file[name].header["IMAGEID"] for name in names_of(file)]
        assert ids == [i for i in cutout_layout(drawn.pk).image_ids if i in ids]
        for name in names_of(file):
            check_image(file[name], drawn)


def names_of(file):
    return [hdu.name for hdu in file[1:] if hdu.name.startswith("IMAGE")]


def check_image(hdu, candidate):
    image = GalImage.objects.select_related("exposure").get(pk=hdu.header["IMAGEID"])
    assert hdu.header["FILTER"] == candidate.filter
    assert hdu.header["MJD-AVG"] == image.exposure.mjd
    assert hdu.header["EXPTIME"] == image.exposure.exposure_seconds
    # The projection agrees with the whole chip's at the candidate, and at a corner.
    pixels, wcs = pixels_of_image(image), WCS(hdu.header)
    corner = candidate.ra + 10 / 3600, candidate.dec - 10 / 3600
    here = np.array(wcs.all_world2pix([[candidate.ra, candidate.dec], corner], 0))
    there = np.transpose(pixels.to_pixels(*np.transpose([(candidate.ra, candidate.dec), corner])))
    assert here[1] - here[0] == pytest.approx(there[1] - there[0], abs=0.03)
    x, y = np.rint(there[0]).astype(int)
    assert np.hypot(*(here[0] - 63 - (there[0] - [x, y]))) < 1e-6
    if pixels.weight[y, x] > 0:
        assert hdu.data[63, 63] == pixels.data[y, x]


def test_a_change_is_seen_in_its_difference(client, headers, drawn):
    change = GalVarObj.objects.accepted().filter(refsource_id=drawn.pk).exclude(delta_mag=None)
    change = change.order_by("-significance").first()
    with cutouts(client, drawn, f"?image={change.image_id}", headers) as file:
        assert [hdu.name for hdu in file[1:]] == ["REF", "IMAGE1", "DIFF1"]
        middle = file["DIFF1"].data[60:67, 60:67]
        assert np.sign(np.nanmean(middle)) == -np.sign(change.delta_mag)
        assert "SCALED" in file["DIFF1"].header


def test_files_are_bounded_and_hold_only_images_that_the_page_shows(client, headers, drawn):
    path = f"/api/candidates/{drawn.pk}/cutouts/"
    asked = {"999999": "no cutouts on image", "x": "image"}
    for number, words in asked.items():
        response = client.get(path, {"image": number}, headers=headers)
        assert response.status_code == 404 and words in response.json()["detail"]
    client.force_login(make_person("henrietta"))
    page = client.get(f"/candidates/{drawn.pk}/").content.decode()
    assert f"/candidates/{drawn.pk}/cutouts.fits" in page
    assert content(client.get(f"/candidates/{drawn.pk}/cutouts.fits"))[:6] == b"SIMPLE"


def test_an_image_that_is_gone_is_an_extension_that_says_so(client, headers, drawn):
    image_id = cutout_layout(drawn.pk).image_ids[0]
    GalImage.objects.filter(pk=image_id).update(path="/nowhere/gone.fits")
    with cutouts(client, drawn, f"?image={image_id}", headers) as file:
        assert file["IMAGE1"].header["PROBLEM"] == "its file can't be read"
    GalImage.objects.filter(pk=drawn.catalogue.image_id).update(path="/nowhere/gone.fits")
    response = client.get(f"/api/candidates/{drawn.pk}/cutouts/", headers=headers)
    assert response.status_code == 404 and "/nowhere" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "read"), [("ecsv", "ascii.ecsv"), ("fits", "fits"), ("votable", "votable")]
)
def test_a_light_curve_keeps_its_numbers_units_and_descriptions(client, headers, name, read):
    candidate = make_candidate(3)
    path = f"/api/candidates/{candidate.pk}/light-curve/"
    rows = client.get(path, headers=headers).json()
    response = client.get(path, {"format": name}, headers=headers)
    assert "attachment" in response["Content-Disposition"]
    table = Table.read(io.BytesIO(response.content), format=read)
    assert len(table) == len(rows)
    for column in ("mjd", "mag", "refsource_id", "filter"):
        known = [i for i, row in enumerate(rows) if row[column] is not None]
        found = [table[column][i] for i in known]
        assert [str(v) if column == "filter" else v for v in found] == pytest.approx(
            [rows[i][column] for i in known]
        )
    assert table["mjd"].unit == units.day and table["mag_err"].unit == units.mag
    if name != "fits":
        assert table["bjd_tdb"].description.startswith("the same moment at the barycentre")
    else:
        assert any("bjd_tdb: the same moment" in line for line in table.meta["comments"])


def test_the_epochs_of_the_whole_star_are_those_of_all_its_sources(client, headers):
    make_candidate(2, filter="i")
    candidate = make_candidate(2, filter="r")
    crossmatch_all()
    candidate.refresh_from_db()
    path = f"/api/objects/{candidate.object_id}/light-curve/"
    response = client.get(path, {"format": "ecsv"}, headers=headers)
    table = Table.read(response.content.decode(), format="ascii.ecsv")
    assert candidate.pk in table["refsource_id"]
