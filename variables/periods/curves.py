"""Light curves of chosen stars in all filters, as one matrix of shared epochs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from exposures.binary_copy import copy_out, names_of
from exposures.science.arrays import FloatArray, IntArray
from exposures.science.barycentre import bjd_tdb
from exposures.source_ids import catalogue_of
from photometry.models import GalReference
from photometry.querysets.objects import matches_of
from photometry.storage.columns import source_dtype
from variables.models import GalTrend, GalTrendStar
from variables.periods.options import PeriodSearch
from variables.science.periodicity.curve_matrices import CurveMatrix
from variables.variability.curves import CatalogueImages, good_measurements
from variables.variability.storage import TREND_DTYPE, TREND_STAR_DTYPE

MEASURED = source_dtype(("refsource_id", "galimage_id", "mag", "mag_err"))


@dataclass(frozen=True)
class StarMembers:
    """The sources of stars in all filters; arrays (n_members,)."""

    star: np.ndarray  # which of the stars, from 0
    refsource_id: np.ndarray

    def in_catalogue(self, catalogue_id: int) -> "StarMembers":
        """Those of one catalogue, in order of their ids."""
        of = np.flatnonzero(catalogue_of(self.refsource_id) == catalogue_id)
        of = of[np.argsort(self.refsource_id[of], kind="stable")]
        return StarMembers(self.star[of], self.refsource_id[of])


def members_of(refsource_ids: Sequence[int]) -> StarMembers:
    """The sources of the objects of some sources: their own first, and the nearest of each filter.

    Of blends, their own alone.
    """
    matches = matches_of(refsource_ids)
    star, member = [], []
    for k, own in enumerate(refsource_ids):
        others = []
        if (match := matches.get(own)) is not None and not match.is_blend:
            own_filter = next(one.filter for one in match.members if one.refsource_id == own)
            others = [one.refsource_id for one in match.in_other_filters(own_filter)]
        star += [k] * (1 + len(others))
        member += [own, *others]
    return StarMembers(np.array(star, int), np.array(member, "i8"))


def direction_of(catalogue: GalReference) -> tuple[float, float]:
    """Right ascension and declination of a catalogue's chip, or of its exposure, degrees."""
    image = catalogue.image
    place = image if image.ra is not None and image.dec is not None else image.exposure
    return place.ra, place.dec


def read_star_curves(
    refsource_ids: Sequence[int], direction: tuple[float, float], search: PeriodSearch
) -> CurveMatrix:
    """The CurveMatrix of stars by one source of each, in all filters, without shared trends.

    Days are BJD in TDB of a ``direction``, degrees, for all: stars of a chip differ from its middle
    by 1.3 s at most. Measurements count that count for statistics of variability; those of images
    that nobody knows the time of are left out.
    """
    members = members_of(refsource_ids)
    catalogues = GalReference.objects.select_related("image__exposure").in_bulk(
        np.unique(catalogue_of(members.refsource_id)).tolist()
    )
    filters = sorted({catalogue.filter for catalogue in catalogues.values()})
    parts = []
    for catalogue in catalogues.values():
        epochs = CatalogueImages.of(catalogue)
        mag, mag_err = _magnitudes(
            catalogue, epochs, members.in_catalogue(catalogue.pk), len(refsource_ids), search
        )
        band = np.full(len(epochs.images), filters.index(catalogue.filter))
        parts.append((epochs.mjd, band, mag, mag_err))
    mjd, band, mag, mag_err = (
        np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)
    )
    days = bjd_tdb(mjd, *direction, search.observatory)
    known = np.flatnonzero(np.isfinite(days))
    order = known[np.argsort(mjd[known], kind="stable")]
    return CurveMatrix(days[order], band[order], mag[:, order], mag_err[:, order])


def _magnitudes(
    catalogue: GalReference,
    epochs: CatalogueImages,
    members: StarMembers,
    n_stars: int,
    search: PeriodSearch,
) -> tuple[FloatArray, FloatArray]:
    """(n_stars, n_images) magnitudes of members of one catalogue and their errors."""
    mag = np.full((n_stars, len(epochs.images)), np.nan, "f4")
    mag_err = mag.copy()
    good = good_measurements(catalogue.image, search.variability)
    rows = copy_out(
        f"SELECT {', '.join(names_of(MEASURED))} FROM {catalogue.partition}"
        f" WHERE refsource_id IN ({_listed(members.refsource_id)}) AND {good}",
        MEASURED,
    )
    column = epochs.in_column(rows["galimage_id"])
    rows, column = rows[column >= 0], column[column >= 0]
    place = np.searchsorted(members.refsource_id, rows["refsource_id"])
    mag[members.star[place], column] = rows["mag"]
    mag_err[members.star[place], column] = rows["mag_err"]
    mag[members.star] -= _trends(catalogue, epochs, members.refsource_id)
    return mag, mag_err


def _trends(
    catalogue: GalReference, epochs: CatalogueImages, refsource_ids: IntArray
) -> FloatArray:
    """(n, n_images) mag that the trends of a catalogue are for sources, in order of their ids."""
    found = np.zeros((len(refsource_ids), len(epochs.images)), "f4")
    trends = copy_out(
        f"SELECT {', '.join(names_of(TREND_DTYPE))} FROM {GalTrend._meta.db_table}"
        f" WHERE catalogue_id = {catalogue.pk}",
        TREND_DTYPE,
    )
    if not len(trends):
        return found
    stars = copy_out(
        f"SELECT {', '.join(names_of(TREND_STAR_DTYPE))} FROM {GalTrendStar._meta.db_table}"
        f" WHERE refsource_id IN ({_listed(refsource_ids)})",
        TREND_STAR_DTYPE,
    )
    coefficients = np.column_stack([stars[name] for name in names_of(TREND_STAR_DTYPE)[1:]])
    column = epochs.in_column(trends["galimage_id"])
    trends, column = trends[column >= 0], column[column >= 0]
    of_images = np.zeros((coefficients.shape[1], len(epochs.images)), "f4")
    of_images[trends["number"] - 1, column] = trends["mag"]
    found[np.searchsorted(refsource_ids, stars["refsource_id"])] = coefficients @ of_images
    return found


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(str(int(one)) for one in ids) or "NULL"
