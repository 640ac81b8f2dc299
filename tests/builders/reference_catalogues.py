"""Reference catalogues of made-up stars in several filters, in the database."""

import numpy as np

from photometry.models import GalObject, GalObjectSource
from photometry.storage import storage
from photometry.storage.columns import SOURCE_DTYPE
from tests.builders.survey_rows import from_tangent_plane, make_image


def make_reference(name, filter, x, y, mag=18.0, ra=266.0, dec=-29.0, error=0.02, **columns):
    """A catalogue of stars at offsets in arcsec from a position, and errors in magnitudes."""
    image = make_image(
        name, ra, dec, filter, is_reference=True, fwhm_arcsec=1.0, n_sources=len(x), **columns
    )
    return add_catalogue(image, x, y, mag, ra, dec, error)


def add_catalogue(image, x, y, mag=18.0, ra=266.0, dec=-29.0, error=0.02):
    """A catalogue of an image that may have one already, which it then replaces."""
    rows = np.zeros(len(x), SOURCE_DTYPE)
    rows["x"], rows["y"], rows["mag"], rows["mag_err"] = x, y, mag, error
    rows["ra"], rows["dec"] = from_tangent_plane(np.array(x) / 3600, np.array(y) / 3600, ra, dec)
    rows["flux"] = 10 ** (-0.4 * (rows["mag"] - 30))
    rows["flux_err"] = rows["flux"] * error
    rows["rchi2"] = rows["fracflux"] = rows["quality"] = 1
    return storage.create_catalogue(image, rows, {}, "test")


def ids_at(catalogue, x, y):
    """Ids of the sources that were made at these offsets, in this order."""
    rows = storage.catalogue_sources(catalogue)
    # x and y are single precision.
    places = {(round(float(r["x"]), 3), round(float(r["y"]), 3)): r["refsource_id"] for r in rows}
    return [int(places[round(a, 3), round(b, 3)]) for a, b in zip(x, y, strict=True)]


def object_of(refsource_id):
    return GalObject.objects.get(sources__refsource_id=refsource_id)


def everything():
    """All that is stored, to be compared with what is stored later."""
    objects = GalObject.objects.order_by("pk").values_list()
    sources = GalObjectSource.objects.order_by("pk").values_list("pk", "object_id", "mag", "filter")
    return list(objects), list(sources)
