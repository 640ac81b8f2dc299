"""Sources of an image and published stars, as the match has them."""

from dataclasses import dataclass, fields, replace

import numpy as np

from exposures.science.arrays import Index


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

    def select(self, rows: Index) -> "ImageSources":
        """The sources at ``rows``: indices (k,), or bool (n,)."""
        names = ("ra", "dec", "error", "mag", "mag_err", "log_odds")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


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
