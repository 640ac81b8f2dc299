"""What is told of the quality of chips in pictures."""

from dataclasses import dataclass

import numpy as np
from astropy.stats import gaussian_fwhm_to_sigma

from exposures.science.arrays import FloatArray
from photometry.science.quality.image_quality import FIGURES

DEPTH_SIGMA = 5.0


@dataclass(frozen=True)
class Quantity:
    """A number of each chip, with its label, unit and decimals."""

    name: str
    label: str
    unit: str = ""
    decimals: int = 2

    def number(self, value: float) -> str:
        """A value as text, a dash for NaN."""
        return "–" if np.isnan(value) else f"{value:.{self.decimals}f}"

    @property
    def heading(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


OVER_TIME = (
    Quantity("fwhm_arcsec", "seeing", "″"),
    Quantity("zero_point", "zero point", "mag"),
    Quantity("depth", "depth on the sky, 5 sigma", "mag"),
    Quantity("chi2_nu", "chi2/nu of constant stars"),
)
ON_CHIPS = (
    *OVER_TIME,
    Quantity("sky", "sky", "ADU", 1),
    Quantity("astrometric_rms_mas", "scatter of positions", "mas", 1),
    Quantity("n_sources", "sources", decimals=0),
    Quantity("n_variables", "changes", decimals=0),
    *(
        Quantity(name, figure.label, figure.unit, figure.decimals)
        for name, figure in FIGURES.items()
        if name != "chi2_nu"
    ),
)
# Of the columns of chips, those that are asked for.
COLUMNS = (
    *("fwhm_arcsec", "zero_point", "chi2_nu", "sky", "astrometric_rms_mas"),
    *("n_sources", "n_variables", "sky_noise", "fwhm_pixels"),
)


def depth_of(zero_point: FloatArray, sky_noise: FloatArray, fwhm_pixels: FloatArray) -> FloatArray:
    """(n,) magnitudes at which a star alone on the sky is measured to a fifth of its flux.

    By the noise of the sky in ADU under a Gaussian PSF, of which 4 pi sigma^2 pixels hold as much
    noise as a fit of its flux has; zero points (n,) are magnitudes of 1 ADU. NaN where one is.
    """
    pixels = 4 * np.pi * (gaussian_fwhm_to_sigma * fwhm_pixels) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = zero_point - 2.5 * np.log10(DEPTH_SIGMA * sky_noise * np.sqrt(pixels))
    return np.where(np.isfinite(depth), depth, np.nan)
