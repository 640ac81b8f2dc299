"""Which measurements and stars the statistics of light curves are of."""

from dataclasses import dataclass

from exposures.science.quantities import Fraction, MaskBits, Options, Ratio, Sigma, ThreeOrMore


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
    max_false_per_million: Ratio = 30.0
    """Number of constant stars in a million that may seem to vary: stars with a false-alarm
    probability up to that are candidates."""

    @property
    def max_false_alarm(self) -> float:
        """The same as a probability."""
        return self.max_false_per_million / 1e6
