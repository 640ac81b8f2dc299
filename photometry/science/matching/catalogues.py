"""Sources of an image and published stars, as the match has them."""

from dataclasses import dataclass, fields

import numpy as np

from exposures.science.arrays import FloatArray, Index
from exposures.science.motion import moved, years_after


@dataclass(frozen=True)
class ImageSources:
    """Reference sources of one image; arrays (n,)."""

    ra: np.ndarray  # ICRS degrees, at the image's epoch
    dec: np.ndarray
    error: np.ndarray  # arcsec, along an axis, of the fit alone
    mag: np.ndarray  # NaN without flux
    mag_err: np.ndarray
    log_odds: np.ndarray  # natural log of how much likelier the published kind of star is like this
    fwhm_arcsec: float  # of the image

    def __len__(self) -> int:
        return len(self.ra)


@dataclass(frozen=True)
class PublishedStars:
    """Stars of a published catalogue at the image's epoch; arrays (n,), NaN where unknown."""

    ra: np.ndarray  # ICRS degrees
    dec: np.ndarray
    ra_err: np.ndarray  # arcsec, times cos(dec)
    dec_err: np.ndarray  # arcsec
    mag: np.ndarray  # of the main band
    mag_err: np.ndarray
    amplitude: np.ndarray  # mag, from brightest to faintest
    colour: np.ndarray  # mag, of any two bands

    def __len__(self) -> int:
        return len(self.ra)

    def select(self, rows: Index) -> "PublishedStars":
        """The stars at ``rows``: indices (k,), or bool (n,)."""
        return PublishedStars(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class PublishedPositions:
    """Positions of a published catalogue as it has them; arrays (n,), NaN where unknown."""

    ra: np.ndarray  # ICRS degrees, at ``epoch``
    dec: np.ndarray
    epoch: np.ndarray  # Julian year
    ra_err: np.ndarray  # mas, times cos(dec)
    dec_err: np.ndarray
    pm_ra: np.ndarray  # mas/yr, times cos(dec)
    pm_dec: np.ndarray
    pm_ra_err: np.ndarray  # mas/yr
    pm_dec_err: np.ndarray


def positions_at(
    stars: PublishedPositions, mjd: float, unknown_motion: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Right ascension, declination (n,) in degrees and their errors (n,) in arcsec at an MJD.

    Errors grow with those of the motions; a motion that is NaN is none, with an error of
    ``unknown_motion`` mas/yr, and an error of a known motion that is NaN counts as 0.
    """
    years = years_after(stars.epoch, mjd)
    known = np.isfinite(stars.pm_ra) & np.isfinite(stars.pm_dec)
    pm_ra, pm_dec = (np.where(known, pm, 0.0) for pm in (stars.pm_ra, stars.pm_dec))
    ra, dec = moved(stars.ra, stars.dec, pm_ra, pm_dec, years)

    def error(at_epoch: FloatArray, of_motion: FloatArray) -> FloatArray:
        of_motion = np.where(known, np.nan_to_num(of_motion), unknown_motion)
        return np.hypot(np.nan_to_num(at_epoch), of_motion * years) / 1000

    return (
        ra,
        dec,
        error(stars.ra_err, stars.pm_ra_err),
        error(stars.dec_err, stars.pm_dec_err),
    )
