"""The light curves of all stars of a catalogue as matrices: a row a star, a column an image."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from photometry.science.calibration.calibration import MAG_PER_LN

ZERO_POINT = 25.0  # mag of a flux of 1
ELEMENTS_AT_ONCE = 2_000_000  # of matrices, that are worked on in memory beside them


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of rows of a matrix, without a unit, that are not too many at once; at least one."""
    step = max(ELEMENTS_AT_ONCE // max(n_columns, 1), 1)
    for start in range(0, max(n_rows, 1), step):
        yield slice(start, min(start + step, n_rows))


@dataclass(frozen=True)
class Missed:
    """Measurements without a magnitude, as the flux was not positive; arrays (m,)."""

    star: np.ndarray  # row of the matrices, ascending
    image: np.ndarray  # column of the matrices
    flux: np.ndarray  # in units of that of a star of ZERO_POINT mag
    flux_err: np.ndarray  # in the same unit

    @classmethod
    def none(cls) -> "Missed":
        """No such measurement."""
        return cls(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))


def missed_fluxes(
    flux: FloatArray,
    flux_err: FloatArray,
    limit_mag: FloatArray,
    limit_sigma: FloatArray,
    error_scale: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Fluxes (n,) without a magnitude and their errors, in units of the flux of ZERO_POINT mag.

    ``flux`` and ``flux_err`` (n,) are ADU as fitted, ``error_scale`` (n,) is by how much errors are
    larger, and ``limit_mag`` (n,) the upper limit in mag. As the flux is not positive, that is so
    many errors, ``limit_sigma`` (n,), and tells what one is.
    """
    calibrated_err = 10 ** (-0.4 * (limit_mag - ZERO_POINT)) / limit_sigma
    return flux / (error_scale * flux_err) * calibrated_err, calibrated_err


@dataclass(frozen=True)
class CatalogueCurves:
    """Light curves of the stars of one catalogue, which share their images.

    Stars are in the order of their ids, images in that of time.
    """

    refsource_id: np.ndarray  # (n_stars,)
    image_id: np.ndarray  # (n_images,)
    mjd: np.ndarray  # (n_images,) of the middle of the exposure, UTC
    filter: str
    mag: np.ndarray  # (n_stars, n_images) float32; NaN where not measured, or badly
    mag_err: np.ndarray  # (n_stars, n_images) float32, mag; NaN where mag is
    missed: Missed = field(default_factory=Missed.none)

    def __len__(self) -> int:
        return len(self.refsource_id)

    @property
    def n_images(self) -> int:
        """The number of images."""
        return len(self.image_id)

    def fluxes(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Fluxes of some stars and their errors, (n, n_images) float64; NaN where not measured.

        ``rows`` (n,) are indices of stars, ascending. In units of the flux of ZERO_POINT mag. What
        was missed has fluxes of 0 or less.
        """
        mag, mag_err = self.mag[rows].astype("f8"), self.mag_err[rows].astype("f8")
        flux = 10 ** (-0.4 * (mag - ZERO_POINT))
        flux_err = flux * mag_err / MAG_PER_LN
        if len(rows) == 0:
            return flux, flux_err
        near = slice(*np.searchsorted(self.missed.star, (rows[0], rows[-1] + 1)))
        star, image = self.missed.star[near], self.missed.image[near]
        place = np.searchsorted(rows, star)
        known = rows[place] == star
        here = place[known], image[known]
        flux[here] = self.missed.flux[near][known]
        flux_err[here] = self.missed.flux_err[near][known]
        return flux, flux_err

    def fading(self, faint_sigma: float) -> BoolArray:
        """(n_stars,) whether a star fades: one measurement is below a significance, or missed."""
        fades = np.zeros(len(self), bool)
        with np.errstate(invalid="ignore"):
            for part in blocks(*self.mag.shape):
                fades[part] = (self.mag_err[part] > MAG_PER_LN / faint_sigma).any(axis=1)
        fades[self.missed.star] = True
        return fades

    def linear(self, rows: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Magnitudes of some stars that are linear in flux, their errors, and what they begin at.

        ``m0 - 1.0857 (f / f0 - 1)`` with f0 the median flux of the star and m0 its magnitude: near
        it the usual ones, and defined where a star has no light, too. ``rows`` (n,) are indices of
        stars, ascending. (n, n_images) and (n, n_images) mag, NaN where not measured, and m0 (n,)
        mag. Where more than half of the fluxes are not positive f0 is the median of those that are;
        NaN where there is none.
        """
        flux, flux_err = self.fluxes(rows)
        usual = _median(flux)
        unusual = ~(usual > 0)
        usual[unusual] = _median(np.where(flux[unusual] > 0, flux[unusual], np.nan))
        middle = ZERO_POINT - 2.5 * np.log10(usual)
        scale = MAG_PER_LN / usual[:, None]
        return middle[:, None] - scale * (flux - usual[:, None]), scale * flux_err, middle

    def in_flux(self, fades: BoolArray) -> Self:
        """These with magnitudes linear in flux, as of ``linear``, of stars that fade (n_stars,).

        What was missed of them is measured, then.
        """
        return self.copy().put_in_flux(fades)

    def put_in_flux(self, fades: BoolArray) -> Self:
        """As ``in_flux`` of stars that fade (n_stars,), with the matrices of these, in place."""
        rows = np.flatnonzero(fades)
        for part in blocks(len(rows), self.n_images):
            some = rows[part]
            self.mag[some], self.mag_err[some], _ = self.linear(some)
        return replace(self, missed=Missed.none())

    def copy(self) -> Self:
        """These with matrices of their own."""
        return replace(self, mag=self.mag.copy(), mag_err=self.mag_err.copy())


def _median(values: FloatArray) -> FloatArray:
    """(n,) medians of rows (n, m) without their NaN, in their unit; NaN where nothing is left."""
    result = np.full(len(values), np.nan)
    some = np.isfinite(values).any(axis=1)
    if some.any():
        result[some] = np.nanmedian(values[some], axis=1)
    return result
