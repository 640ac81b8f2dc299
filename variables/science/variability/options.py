"""Which measurements and stars the statistics of light curves are of."""

from dataclasses import dataclass

from exposures.science.quantities import (
    Count,
    Fraction,
    InFwhm,
    Margin,
    MaskBits,
    Options,
    Ratio,
    Sigma,
    ThreeOrMore,
    TrendCount,
)


@dataclass(frozen=True)
class VariabilityOptions(Options):
    """Options of the statistics of every star over all its epochs."""

    min_epochs: ThreeOrMore = 5
    """Least number of good measurements of a star, below which it gets no statistics."""
    bad_flags: MaskBits = 255
    """Bits of flags with one of which a measurement is left out; by default every reason to
    distrust a pixel at the star's place, and sources that are sharper than the PSF."""
    min_quality: Fraction = 0.75
    """Least share of a source's PSF on usable pixels, below which a measurement is left out."""
    faint_sigma: Sigma = 5.0
    """Significance of a measurement below which a star fades, so that its statistics are of
    fluxes."""
    min_trend_epochs: ThreeOrMore = 20
    """Least number of images of a catalogue, below which trends that its stars share are not looked
    for."""
    max_trends: TrendCount = 5
    """Largest number of trends that are taken away; fewer where those of stars left out say so."""
    trend_stars: Count = 2_000
    """Largest number of constant stars, the brightest, that trends are found on."""
    edge_pixels: Margin = 5.0
    """Distance from an image's edge within which a measurement is left out, as stars beyond the
    edge, which are not fitted, spill over; and from the reference's, within which a star has no
    false-alarm probability, as its place is off."""
    pair_fwhm: InFwhm = 1.0
    """Distance between sources, in FWHM of the images' median seeing, within which a fit trades
    flux between them, so that the sum of their fluxes has to vary, too."""
    isolated_fracflux: Fraction = 0.96
    """Share of the light in its stamp that is its own, below which a star has neighbours whose
    light follows the seeing."""
    follows_share: Fraction = 0.2
    """Share of the scatter of a star with neighbours that follows seeing, airmass, sky and place on
    the chip, from which on they make it."""
    isolated_follows_share: Fraction = 0.4
    """The same of a star without neighbours."""
    max_false_per_million: Ratio = 30.0
    """Number of constant stars in a million that may seem to vary: stars with a false-alarm
    probability up to that are candidates."""

    @property
    def max_false_alarm(self) -> float:
        """The same as a probability."""
        return self.max_false_per_million / 1e6
