"""A made-up reference and search images whose sky and pixels agree, with changes to flag."""

from dataclasses import dataclass

import numpy as np

from exposures.models import GalImage
from photometry.storage import storage
from tests.builders.survey_rows import HALF_SIDE, from_tangent_plane, make_image, make_sources
from variables.models import GalVarObj

SIDE = 2000  # pixels
SIZE = {"width": SIDE, "height": SIDE}


@dataclass(frozen=True)
class Field:
    """A reference with sources, and a search image that is shifted in x by ``shift`` pixels."""

    reference: GalImage
    search: GalImage
    rows: np.ndarray  # of galsources on the reference, in the order they were asked for
    shift: float

    @property
    def ids(self):
        return self.rows["refsource_id"].tolist()


def sky(x, y, ra=266.0, dec=-29.0):
    """ra, dec of pixels of the reference."""
    x, y = ((2 * np.asarray(v, float) / SIDE - 1) * HALF_SIDE for v in (x, y))
    return from_tangent_plane(x, y, ra, dec)


def make_field(x, y, changed=(), vanished=(), name="1", shift=5.0) -> Field:
    """Sources at pixels of a reference, some of which change or vanish on the search image."""
    rows = make_sources(len(x))
    rows["x"], rows["y"] = x, y
    rows["ra"], rows["dec"] = sky(x, y)
    reference = make_image(f"{name}r", is_reference=True, n_sources=len(x), **SIZE)
    catalogue = storage.create_catalogue(reference, rows, {}, "1")
    stored = storage.catalogue_sources(catalogue)
    order = [int(np.argmin(np.hypot(stored["x"] - r["x"], stored["y"] - r["y"]))) for r in rows]
    rows = stored[order]
    search = make_search(reference, rows, changed, vanished, f"{name}s", shift)
    return Field(reference, search, rows, shift)


def make_search(reference, rows, changed=(), vanished=(), name="s", shift=5.0, **columns):
    """A search image of a reference; what vanished has no row in galsources."""
    right, top = SIDE - 0.5, SIDE - 0.5
    ra, dec = sky(np.array([-0.5, right, right, -0.5]) - shift, [-0.5, -0.5, top, top])
    footprint = np.column_stack([ra, dec]).ravel().tolist()
    columns = {"mjd": 60001.0, "footprint": footprint, **SIZE} | columns
    image = make_image(name, reference=reference, n_sources=len(rows), **columns)
    measured = np.delete(rows, list(vanished))
    measured["x"] += shift
    storage.replace_measurements(image, measured)
    for i in [*changed, *vanished]:
        make_change(image, rows[i], i in vanished)
    return image


def make_change(image, row, vanished=False, **columns):
    kind = GalVarObj.Kind.VANISHED if vanished else GalVarObj.Kind.FAINTER
    values = {
        "refsource_id": int(row["refsource_id"]),
        "kind": kind,
        "significance": 40.0,
        **{name: float(row[name]) for name in ("ra", "dec")},
        "delta_mag": None if vanished else 0.8,
        "delta_mag_err": None if vanished else 0.02,
        "reference_mag": float(row["mag"]),
        "flux": 100.0,
        "flux_err": 3.0,
    }
    return GalVarObj.objects.create(image=image, **values | columns)
