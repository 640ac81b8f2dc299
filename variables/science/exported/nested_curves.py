"""Light curves nested in the sources of a pixel, as matrices; read where Arrow has them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from photometry.science.compiled import compiled
from variables.science.exported.images import CatalogueEpochs
from variables.science.variability.curves import CatalogueCurves, Missed, missed_fluxes

WHICH = ("image_id", "is_good")  # columns that tell which image a row is of, and if it counts
NO_COLUMN = -1


@dataclass(frozen=True)
class NestedPiece:
    """What is nested in some sources of a pixel, in arrays that Arrow's memory is seen through."""

    place: slice  # of n sources among those that were asked for
    first: np.ndarray  # (n,) where its rows begin
    end: np.ndarray  # (n,) where they end
    values: dict[str, np.ndarray]  # (m,) by the name of the column, in its unit

    @property
    def rows(self) -> tuple[IntArray, IntArray]:
        """The places of sources (k,) and of their rows (k,), without a unit, a pair a row."""
        lengths = self.end - self.first
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = np.arange(self.place.start, self.place.stop)
        return np.repeat(place, lengths), np.repeat(self.first, lengths) + within


def nested_pieces(
    pixel: Any, sources: IntArray, nested: str, names: tuple[str, ...]
) -> Iterator[NestedPiece]:
    """Columns ``names`` of the nested column ``nested`` of some sources of a pixel, piece by piece.

    ``sources`` (n,) are the places of their rows in the data frame, ascending, without a unit. A
    piece is what was a group of rows in the file.
    """
    begin = 0
    for piece in pixel[nested].array.list_array.iterchunks():
        own = slice(*np.searchsorted(sources, (begin, begin + len(piece))).tolist())
        offsets, row = piece.offsets.to_numpy(), sources[own] - begin
        values = {name: piece.values.field(name).to_numpy(zero_copy_only=False) for name in names}
        yield NestedPiece(own, offsets[row], offsets[row + 1], values)
        begin += len(piece)


def catalogue_curves(pixel: Any, sources: IntArray, epochs: CatalogueEpochs) -> CatalogueCurves:
    """The CatalogueCurves of a catalogue's sources in a pixel, a row (n_images,) mag each.

    ``sources`` (n,) are the places of their rows in the data frame, ascending, without a unit.
    Measurements count that ``is_good`` says so of.
    """
    curves = np.empty((2, len(sources), len(epochs.image_id)), "f4")
    for piece in nested_pieces(pixel, sources, "lightcurve", (*WHICH, "mag", "mag_err")):
        mag, mag_err = piece.values["mag"], piece.values["mag_err"]
        own = curves[:, piece.place]
        _fill(piece.first, piece.end, _columns(piece, epochs), mag, mag_err, own)
    return CatalogueCurves(
        refsource_id=pixel["source_id"].to_numpy(dtype="i8")[sources],
        image_id=epochs.image_id,
        mjd=epochs.mjd,
        filter=epochs.filter,
        mag=curves[0],
        mag_err=curves[1],
        missed=_missed(pixel, sources, epochs),
    )


def _missed(pixel: Any, sources: IntArray, epochs: CatalogueEpochs) -> Missed:
    """The Missed of sources, of epochs at which they were not detected."""
    parts = [Missed.none()]
    names = ("flux", "flux_err", "limit_mag")
    for piece in nested_pieces(pixel, sources, "nondetections", (*WHICH, *names)):
        star, row = piece.rows
        image = _columns(piece, epochs)[row]
        good = image != NO_COLUMN
        star, row, image = star[good], row[good], image[good]
        of_images = epochs.limit_sigma[image], epochs.error_scale[image]
        flux, flux_err, limit_mag = (piece.values[name][row] for name in names)
        fluxes = missed_fluxes(flux, flux_err, limit_mag, *of_images)
        parts.append(Missed(star, image, *(values.astype("f4") for values in fluxes)))
    columns = (field.name for field in fields(Missed))
    return Missed(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def _columns(piece: NestedPiece, epochs: CatalogueEpochs) -> IntArray:
    """(m,) the places of a piece's rows among the images, without a unit; undefined of others.

    NO_COLUMN of rows that are not good, and of images that don't count.
    """
    image_id, is_good = (piece.values[name] for name in WHICH)
    in_time, by_id = epochs.image_id, np.argsort(epochs.image_id)
    columns: IntArray = _columns_in_time(piece.first, piece.end, image_id, is_good, in_time, by_id)
    return columns


@compiled
def _columns_in_time(
    first: IntArray,
    end: IntArray,
    image_id: IntArray,
    is_good: BoolArray,
    in_time: IntArray,
    by_id: IntArray,
) -> IntArray:
    columns, ids = np.empty(len(image_id), np.int32), in_time[by_id]
    for source in range(len(first)):
        expected = 0
        for row in range(first[source], end[source]):
            columns[row] = NO_COLUMN
            if not is_good[row] or len(ids) == 0:
                continue
            # Rows are in order of time, as images are: mostly it is the next one.
            if expected == len(ids) or in_time[expected] != image_id[row]:
                place = np.searchsorted(ids, image_id[row])
                if place == len(ids) or ids[place] != image_id[row]:
                    continue
                expected = by_id[place]
            columns[row] = expected
            expected += 1
    return columns


@compiled
def _fill(
    first: IntArray,
    end: IntArray,
    column: IntArray,
    mag: FloatArray,
    mag_err: FloatArray,
    curves: FloatArray,
) -> None:
    """Put magnitudes and errors (m,) mag into their columns of matrices (2, n, n_images) mag.

    NaN where there is none, and where one of the two is not finite.
    """
    for star in range(len(first)):
        curves[:, star] = np.nan
        for row in range(first[star], end[star]):
            place = column[row]
            if place >= 0 and np.isfinite(mag[row]) and np.isfinite(mag_err[row]):
                curves[0, star, place] = mag[row]
                curves[1, star, place] = mag_err[row]
