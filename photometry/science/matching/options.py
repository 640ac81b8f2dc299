"""How probable a match with a published star has to be, and what is assumed before any is known."""

from dataclasses import dataclass

from exposures.science.quantities import (
    Arcseconds,
    Fraction,
    MagnitudeError,
    Options,
    Rounds,
    Sigma,
)


@dataclass(frozen=True)
class MatchingOptions(Options):
    """Options of matching reference sources with published stars."""

    claim_probability: Fraction = 0.9
    """Probability from which on a published star is called a source's match."""
    claim_rare_probability: Fraction = 0.97
    """The same for a catalogue of stars of some kind, such as variable ones: few matches teach what
    its errors are, and a wrong name does more harm than none."""
    credible: Fraction = 0.98
    """Probability that what a star could be holds together: fewer possible matches are told with
    less, more with more."""
    reach_sigma: Sigma = 5.0
    """Distance, in the error of both positions, up to which a published star may be a source."""
    max_radius_arcsec: Arcseconds = 15.0
    """Largest distance up to which one may be, however bad its position."""
    position_floor_arcsec: Arcseconds = 0.02
    """Error of all positions along an axis, by the image's WCS, in addition to that of the fit."""
    magnitude_scatter: MagnitudeError = 0.6
    """Scatter of the difference of magnitudes that is assumed until matches have shown theirs."""
    outliers: Fraction = 0.03
    """Share of matches whose position or magnitude is far off, until matches have shown theirs."""
    counterpart: Fraction = 0.8
    """Share of published stars that are sources of the image, until matches have shown theirs."""
    rounds: Rounds = 4
    """Rounds in which probabilities, and what they show of the catalogues, are found in turn."""
