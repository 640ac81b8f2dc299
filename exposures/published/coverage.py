"""The sky that published catalogues cover, measured when they are loaded, and asked for."""

import numpy as np
from django.db import transaction

from exposures.binary_copy import copy_out
from exposures.models import GalPublishedCatalogue, GalPublishedCoverage
from exposures.published.footprints import ALL_SKY, MOC_ORDER
from exposures.science.coverage import StarCounts, cells_of, in_box, in_ranges
from exposures.science.motion import separation_degrees

ANY_MAG = -99.0  # brighter than anything: covered wherever the depth is known
ROWS_AT_ONCE = 500_000
DTYPE = np.dtype([("ra", "f8"), ("dec", "f8"), ("mag", "f4")])
# Of rows of a file, beyond which the next one lies in another part of the sky, degrees.
FAR_DEGREES = 2.0
MOST_FAR = 0.1  # of the rows in a file that is in the order of the sky


def measure_coverage(catalogue: GalPublishedCatalogue) -> bool:
    """Measure the coverage of a catalogue from its rows, and store it in place of what it had.

    Returns whether its rows are scattered over the sky, rather than in its order.
    """
    counts, n_far = StarCounts(), 0
    first, last = catalogue.id_range
    n_ids = sum(file["rows"] for file in catalogue.files)
    for start in range(first, min(first + n_ids, last + 1), ROWS_AT_ONCE):
        rows = copy_out(
            f"SELECT ra, dec, coalesce(mag, 'NaN') FROM {catalogue.partition}"
            f" WHERE id >= {start} AND id < {start + ROWS_AT_ONCE}",
            DTYPE,
        )
        counts.add(rows["ra"], rows["dec"], rows["mag"])
        step = separation_degrees(
            rows["ra"][1:], rows["dec"][1:], rows["ra"][:-1], rows["dec"][:-1]
        )
        n_far += int((step > FAR_DEGREES).sum())
    measured = counts.coverage()
    with transaction.atomic():
        catalogue.coverage.all().delete()
        _store(catalogue, measured)
        catalogue.healpix_order = measured.order
        catalogue.save(update_fields=["healpix_order"])
    return n_far > MOST_FAR * max(catalogue.n_rows, 1)


def _store(catalogue, measured):
    depths = np.where(np.isfinite(measured.depth), measured.depth, None)
    columns = (measured.cells.tolist(), depths.tolist(), measured.n_stars.tolist())
    GalPublishedCoverage.objects.bulk_create(
        (
            GalPublishedCoverage(catalogue=catalogue, cell=cell, depth=depth, n_rows=n_rows)
            for cell, depth, n_rows in zip(*columns, strict=True)
        ),
        batch_size=5000,
    )


def is_covered(catalogue: GalPublishedCatalogue, ra, dec, mag=None) -> np.ndarray:
    """(n,) whether a catalogue would have stars of these magnitudes at these positions.

    ``ra`` and ``dec`` (n,) are ICRS degrees, ``mag`` (n,) is in its main band; without, whether it
    reaches there at all. Where its depth is not known, no star of any magnitude is covered, as
    none is of magnitude NaN.
    """
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    is_there, depth = _cells_at(catalogue, ra, dec)
    if catalogue.footprint is not None:
        is_there = _in_footprint(catalogue.footprint, ra, dec)
    if mag is None:
        return is_there
    if catalogue.depth is not None:
        depth = np.where(np.isfinite(depth), depth, catalogue.depth)
    with np.errstate(invalid="ignore"):
        return is_there & (np.asarray(mag, float) <= depth)


def _cells_at(catalogue, ra, dec):
    """(n,) whether a measured cell is at each position, and its depth, mag, or NaN."""
    if catalogue.healpix_order is None or len(ra) == 0:
        return np.zeros(len(ra), bool), np.full(len(ra), np.nan)
    cells = cells_of(ra, dec, catalogue.healpix_order)
    wanted = np.unique(cells)
    rows = catalogue.coverage.filter(cell__in=wanted.tolist()).values_list("cell", "depth")
    depths = {cell: np.nan if depth is None else depth for cell, depth in rows}
    is_known = np.isin(cells, np.fromiter(depths, np.int64, len(depths)))
    place = np.searchsorted(wanted, cells)
    of_wanted = np.array([depths.get(cell, np.nan) for cell in wanted.tolist()])
    return is_known, of_wanted[place]


def _in_footprint(footprint, ra, dec):
    if footprint == ALL_SKY:
        return np.ones(len(ra), bool)
    if "moc" in footprint:
        ranges = np.array(footprint["moc"], np.int64).reshape(-1, 2)
        return in_ranges(cells_of(ra, dec, MOC_ORDER), ranges)
    box = tuple(footprint[name] for name in ("ra_min", "ra_max", "dec_min", "dec_max"))
    return in_box(ra, dec, box)
