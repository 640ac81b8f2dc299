"""Changes of one search image's sources, found and stored."""

import numpy as np
from django.db import transaction

from variables.models import GalVarObj
from variables.science.selection import (
    Changes,
    Photometry,
    SelectionOptions,
    distance_to_saturated,
    select_changes,
)


def find_changes(measurement, shapes, options=SelectionOptions()) -> Changes:
    """Changes in a SearchMeasurement; ``shapes`` are (ny, nx) of search and reference images."""
    m, reference = measurement, measurement.sources
    search_shape, reference_shape = shapes
    return select_changes(
        Photometry(
            m.mag,
            m.mag_err,
            m.fit.flux,
            m.fit.flux_err,
            m.fit.rchi2,
            m.fit.fracflux,
            m.fit.quality,
            m.fit.flags,
            edge_distance(m.x, m.y, search_shape),
            distance_to_saturated(m.x, m.y, m.fit.flags),
        ),
        Photometry(
            *(reference[name] for name in ("mag", "mag_err", "flux", "flux_err", "rchi2")),
            *(reference[name] for name in ("fracflux", "quality", "flags")),
            edge_distance(reference["x"], reference["y"], reference_shape),
            # By search positions, which are those of one image where there are two references.
            distance_to_saturated(m.x, m.y, reference["flags"]),
        ),
        m.expected_flux,
        m.error_scale,
        options,
    )


def edge_distance(x, y, shape):
    """(n,) pixels to the nearest edge of an image of ``shape`` (ny, nx)."""
    return np.min([x, y, shape[1] - 1 - x, shape[0] - 1 - y], axis=0)


def replace_variables(image, measurement, changes) -> int:
    """Store the changes as the image's galvarobjs in place of those it had; how many."""
    m, i = measurement, changes.index
    kinds = np.where(
        changes.vanished,
        GalVarObj.Kind.VANISHED,
        np.where(changes.delta_mag < 0, GalVarObj.Kind.BRIGHTER, GalVarObj.Kind.FAINTER),
    )
    columns = {
        "refsource_id": m.sources["refsource_id"][i],
        "ra": m.sources["ra"][i],
        "dec": m.sources["dec"][i],
        "x": m.x[i],
        "y": m.y[i],
        "kind": kinds,
        "delta_mag": changes.delta_mag,
        "delta_mag_err": changes.delta_mag_err,
        "significance": changes.significance,
        "reference_mag": m.sources["mag"][i],
        "flux": m.fit.flux[i],
        "flux_err": m.fit.flux_err[i],
        "failed_cuts": changes.failed_cuts,
    }
    # tolist() gives Python scalars, which psycopg2 adapts; NaN means unknown, so NULL.
    values = zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True)
    objects = [
        GalVarObj(
            image=image, **{k: None if v != v else v for k, v in zip(columns, row, strict=True)}
        )
        for row in values
    ]
    with transaction.atomic():
        GalVarObj.objects.filter(image=image).delete()
        GalVarObj.objects.bulk_create(objects, batch_size=1000)
    return len(objects)
