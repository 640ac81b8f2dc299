"""Binned statistics of all stars of a catalogue, stored and read."""

from collections.abc import Iterator

import numpy as np

from exposures.science.arrays import IntArray
from exposures.source_ids import rank_of
from photometry.matching.colours import PublishedColours, all_published_colours
from photometry.models import GalReference
from variables.models import GalBinnedStatistic, GalPeriod
from variables.science.binned_statistics import UNKNOWN
from variables.variability.axes import (
    AXES,
    PERIOD_AXES,
    PUBLISHED_AXES,
    Axis,
    colour_axis,
)
from variables.variability.colours import colours_in

BINS_DTYPE = np.dtype("<u2")
ROWS_AT_ONCE = 16  # of a third of a megabyte each


def replace_bins(catalogue: GalReference, rows: np.ndarray) -> None:
    """Bin the statistics of a catalogue's stars anew, from their rows of galvariability (n,).

    Colours are those of the last cross-match, published ones of the last match, and periods those
    that were found last.
    """
    rank = rank_of(rows["refsource_id"])
    GalBinnedStatistic.objects.filter(catalogue=catalogue).delete()
    if len(rows) == 0:
        return
    binned = [_binned(catalogue, axis, rank, rows[axis.name]) for axis in AXES.values()]
    for other, (ids, colours) in colours_in(catalogue).items():
        axis = colour_axis(other, catalogue.filter)
        binned.append(_binned(catalogue, axis, rank_of(ids), colours))
    GalBinnedStatistic.objects.bulk_create(binned)
    replace_period_bins(catalogue)
    replace_published_bins(catalogue, all_published_colours(catalogue.pk))


def replace_period_bins(catalogue: GalReference) -> None:
    """Bin the likeliest periods of a catalogue's stars anew, and their amplitudes."""
    stored = GalPeriod.objects.in_catalogue(catalogue.pk).filter(rank=1)
    found = list(stored.values_list("refsource_id", *PERIOD_AXES))
    GalBinnedStatistic.objects.filter(catalogue=catalogue, statistic__in=PERIOD_AXES).delete()
    if not found:
        return
    ids, *columns = map(np.array, zip(*found, strict=True))
    GalBinnedStatistic.objects.bulk_create(
        _binned(catalogue, axis, rank_of(ids), values)
        for axis, values in zip(PERIOD_AXES.values(), columns, strict=True)
    )


def replace_published_bins(catalogue: GalReference, stars: PublishedColours) -> None:
    """Bin anew the published colours and absolute magnitudes of a catalogue's matched ``stars``."""
    GalBinnedStatistic.objects.filter(catalogue=catalogue, statistic__in=PUBLISHED_AXES).delete()
    values = {"colour_mag": stars.colour, "absolute_mag": stars.absolute_mag}
    rank = rank_of(stars.refsource_id)
    GalBinnedStatistic.objects.bulk_create(
        _binned(catalogue, axis, rank, values[name])
        for name, axis in PUBLISHED_AXES.items()
        if np.isfinite(values[name]).any()
    )


def _binned(catalogue, axis: Axis, rank: IntArray, values: np.ndarray) -> GalBinnedStatistic:
    bins = np.full(int(rank.max()) + 1, UNKNOWN, BINS_DTYPE)
    bins[rank] = axis.scale.bins(axis.coordinates(values))
    n_stars = int(np.count_nonzero(bins != UNKNOWN))
    return GalBinnedStatistic(
        catalogue=catalogue, statistic=axis.name, n_stars=n_stars, bins=bins.tobytes()
    )


def bins_of(catalogue_ids: list[int], axes: list[Axis]) -> Iterator[tuple[int, list[IntArray]]]:
    """Each catalogue's id, and the bins of its stars by their ranks (n,) on each of the axes.

    Catalogues without one of these statistics are left out; of sources without colours, which may
    be the last, bins are unknown.
    """
    names = [axis.name for axis in axes]
    stored = GalBinnedStatistic.objects.filter(catalogue__in=catalogue_ids, statistic__in=names)
    rows = stored.order_by("catalogue").values_list("catalogue", "statistic", "bins")
    catalogue_id, found = None, {}
    for this, name, bins in rows.iterator(ROWS_AT_ONCE):
        if this != catalogue_id:
            catalogue_id, found = this, {}
        found[name] = np.frombuffer(bins, BINS_DTYPE)
        if len(found) == len(set(names)):
            yield catalogue_id, _equally_long([found[wanted] for wanted in names])


def _equally_long(columns):
    length = max(map(len, columns))
    return [
        column
        if len(column) == length
        else np.append(column, np.full(length - len(column), UNKNOWN, BINS_DTYPE))
        for column in columns
    ]
