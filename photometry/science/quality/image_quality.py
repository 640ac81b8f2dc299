"""Figures of an image's quality, and their limits.

Figures are plain numbers by name; NaN where an image has too few stars to tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf, isnan

from exposures.science.arrays import Float
from exposures.science.quantities import (
    Arcseconds,
    Count,
    Fraction,
    HalfPixels,
    MagnitudeError,
    Number,
    Options,
    Parts,
    Ratio,
    SearchPixels,
    Sigma,
    Switch,
    TwoOrMore,
)


@dataclass(frozen=True)
class FigureOptions(Options):
    """Options of measuring the figures of quality."""

    bright_stars: Count = 200
    """Largest number of stars whose residuals are stacked, the brightest."""
    stack_stars: TwoOrMore = 20
    """Least number of stars in the stack of residuals."""
    stack_half_pixels: HalfPixels = 20
    """Half the side of the stack of residuals."""
    companion_stars: Count = 400
    """Largest number of stars round which companions are looked for, the brightest."""
    companion_pixels: SearchPixels = 40.0
    """Distance from each star up to which companions are looked for."""
    companion_flux: Fraction = 0.1
    """Least flux of a companion, as a share of the star's."""
    expected_sigma: Sigma = 10.0
    """Expected significance of sources that must not be lost."""
    lost_flux: Fraction = 0.2
    """Share of the expected flux below which a source is lost."""
    cell_stars: Count = 8
    """Number of stars in each cell of the map of what the magnitude correction leaves."""
    magnitude_bins: Parts = 5
    """Number of bins with equal numbers of stars in which the errors are tested."""
    min_bin_stars: Count = 20
    """Least number of stars in a bin of magnitude or in a map of cells."""
    min_images: Count = 2
    """Least number of other images with whose zero points a chip's is compared."""
    confidence: Sigma = 2.0
    """Number of sigma that chance is granted in shares and misfits."""


@dataclass(frozen=True)
class QualityLimits(Options):
    """Limits of the figures beyond which a chip is doubted or fails."""

    elongation: Ratio = 2.0
    """Largest ratio of the PSF's major to its minor axis, where it is worst."""
    psf_at_bounds: Number = 0
    """Largest number of the PSF's parameters at the bounds of the fit."""
    fwhm_variation: Ratio = 1.4
    """Largest ratio of the widest to the narrowest FWHM on the chip."""
    psf_hollow: Ratio = 1.1
    """Largest ratio of the PSF's highest value to that in its middle."""
    psf_width: Ratio = 1.15
    """Largest ratio of the bright stars' own width to that of the PSF, or its inverse."""
    doubled_share: Fraction = 0.08
    """Largest share of bright stars with a companion at one distance."""
    psf_misfit: Ratio = 0.05
    """Largest share of the light of bright stars that is left round them."""
    noise_ratio: Ratio = 1.8
    """Largest ratio of the pixels' noise to the expected, or its inverse."""
    sky_over_saturation: Ratio = 0.5
    """Largest level of the sky, as a share of the saturation level."""
    n_calibrators: Number = 5
    """Least number of clean stars that calibrate the magnitudes."""
    n_registered: Number = 3
    """Least number of stars that tell the positions of a search image."""
    registered_share: Fraction = 0.4
    """Least share of bright reference stars found in their places."""
    catalogue_share: Fraction = 0.3
    """Least share of the catalogue's stars found in their places, on a reference."""
    wcs_offset: Arcseconds = 120.0
    """Largest offset of the header's WCS in the middle of the image."""
    chi2_nu: Ratio = 8.0
    """Largest chi2/nu of constant stars, before the errors are expanded."""
    expansion: Ratio = 3.0
    """Largest factor by which errors are expanded, at the magnitude where it is largest."""
    correction_rms: MagnitudeError = 0.08
    """Largest scatter of the calibrating stars about the magnitude correction."""
    correction_range: MagnitudeError = 0.5
    """Largest range of the magnitude correction's smooth part over the chip."""
    channel_step: MagnitudeError = 0.5
    """Largest step of magnitudes between read-out channels, though it is corrected."""
    local_offset: MagnitudeError = 0.05
    """Largest rms of what the magnitude correction leaves in cells of the chip."""
    lost_share: Fraction = 0.05
    """Largest share of the sources that should be seen and are not."""
    changed_share: Fraction = 0.05
    """Largest share of the sources that passed all cuts as changed."""
    zero_point_offset: MagnitudeError = 1.5
    """Largest difference of the zero point from this chip's other epochs, or the header."""
    zero_point_on_chips: MagnitudeError = 0.3
    """Largest difference of the zero point from the exposure's other chips."""
    depth_loss: MagnitudeError = 2.0
    """Largest loss of limiting magnitude against the reference."""


# Limits beyond which nothing is stored: what was measured there is not the field's stars.
FAILURE = QualityLimits(
    elongation=4.0,
    psf_at_bounds=1,
    fwhm_variation=4.0,
    psf_hollow=1.25,
    psf_width=2.0,
    doubled_share=0.6,
    psf_misfit=0.5,
    noise_ratio=10.0,
    sky_over_saturation=0.95,
    n_calibrators=0,
    n_registered=0,
    registered_share=0.2,
    catalogue_share=0.1,
    wcs_offset=600.0,
    chi2_nu=80.0,
    expansion=15.0,
    correction_rms=0.5,
    correction_range=3.0,
    channel_step=2.5,
    local_offset=0.6,
    lost_share=0.7,
    changed_share=0.3,
    zero_point_offset=4.0,
    zero_point_on_chips=3.0,
    depth_loss=4.0,
)


@dataclass(frozen=True)
class QualityOptions(Options):
    """Options of judging images by their quality."""

    measure: FigureOptions = FigureOptions()
    doubt: QualityLimits = QualityLimits()
    """Beyond these, an image is doubted: its changes are stored, and not counted."""
    fail: QualityLimits = FAILURE
    """Beyond these, a chip fails."""
    refuse_doubted_references: Switch = False
    """Whether a reference image whose quality is doubted fails; else its figures are only told, and
    the images measured with it are doubted."""


@dataclass(frozen=True)
class Figure:
    """The label, unit and format of a figure."""

    label: str
    unit: str = ""
    decimals: int = 2
    is_least: bool = False  # the limit is the smallest value, not the largest

    def misses(self, value: Float | None, limit: float) -> bool:
        """Whether a value is beyond a limit; None and NaN never are.

        Both are numbers in units of the figure.
        """
        if value is None or isnan(value):
            return False
        return bool(value < limit if self.is_least else value > limit)

    def number(self, value: Float | None) -> str:
        """A value, a number in units of the figure, as text; a dash if unknown."""
        if value is None or isnan(value):
            return "–"
        return "infinite" if value == inf else f"{value:.{self.decimals}f}"

    def write(self, value: Float | None) -> str:
        """A value, a number in units of the figure, as text with its unit."""
        return f"{self.number(value)} {self.unit}".rstrip()


FIGURES = {
    "elongation": Figure("elongation of the PSF"),
    "psf_at_bounds": Figure("PSF parameters at the bounds of their fit", decimals=0),
    "fwhm_variation": Figure("widest over narrowest PSF"),
    "psf_hollow": Figure("highest value of the PSF over that in its middle"),
    "psf_width": Figure("width of bright stars against the PSF"),
    "doubled_share": Figure("share of bright stars that are doubled", decimals=3),
    "psf_misfit": Figure("light that the PSF leaves round bright stars", decimals=3),
    "noise_ratio": Figure("noise against that expected"),
    "sky_over_saturation": Figure("sky over saturation", decimals=3),
    "n_calibrators": Figure("stars that calibrate the magnitudes", decimals=0, is_least=True),
    "n_registered": Figure("stars that register the positions", decimals=0, is_least=True),
    "registered_share": Figure(
        "share of the reference's bright stars that are in their places", decimals=3, is_least=True
    ),
    "catalogue_share": Figure(
        "share of the catalogue's bright stars that are in their places", decimals=3, is_least=True
    ),
    "wcs_offset": Figure("the header's WCS against the stars", "arcsec"),
    "chi2_nu": Figure("chi2/nu of constant stars"),
    "expansion": Figure("expansion of the errors"),
    "correction_rms": Figure("scatter of the correction", "mag", 3),
    "correction_range": Figure("range of the correction", "mag", 3),
    "channel_step": Figure("step between amplifiers", "mag", 3),
    "local_offset": Figure("offsets that the correction leaves", "mag", 3),
    "lost_share": Figure("share of sources lost", decimals=3),
    "changed_share": Figure("share of sources changed", decimals=3),
    "zero_point_offset": Figure("zero point against other epochs or the header", "mag"),
    "zero_point_on_chips": Figure("zero point against the other chips", "mag"),
    "depth_loss": Figure("depth lost against the reference", "mag"),
}


@dataclass(frozen=True)
class Excess:
    """A figure beyond a limit."""

    name: str  # of FIGURES
    value: float
    limit: float

    def __str__(self) -> str:
        figure = FIGURES[self.name]
        least = "at least" if figure.is_least else "at most"
        limit = figure.write(self.limit)
        return f"{figure.label} {figure.write(self.value)} ({least} {limit})"


def beyond(figures: Mapping[str, float | None], limits: QualityLimits) -> tuple[Excess, ...]:
    """The figures, {name: value}, that are beyond QualityLimits, in the order of FIGURES.

    Values are numbers in the units of FIGURES; NaN and None are never beyond.
    """
    found = []
    for name in (field.name for field in fields(limits)):
        value, limit = figures.get(name), getattr(limits, name)
        if value is not None and FIGURES[name].misses(value, limit):
            found.append(Excess(name, float(value), limit))
    return tuple(found)
