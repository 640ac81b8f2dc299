"""Options of injected stars."""

from dataclasses import dataclass

from exposures.errors import GalprojectError


@dataclass(frozen=True)
class InjectionOptions:
    """Numbers, magnitudes and changes of the injected stars."""

    seed: int = 1
    n_stars: int | None = None  # on a chip; None: some per cent of its sources, see `number`
    magnitudes: tuple[float, float] | None = None  # brightest, faintest; None: see `range_of`
    n_rounds: int = 1  # with the seeds that follow: other stars each time
    variable_fraction: float = 0.5  # of the stars; the others are constant
    amplitudes: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)  # mag, of the changes

    def __post_init__(self):
        for is_right, rule in self._rules():
            if not is_right:
                raise GalprojectError(f"This can't be injected: {rule}")

    def _rules(self):
        yield self.seed >= 0, "the seed is not negative"
        yield self.n_stars is None or self.n_stars >= 1, "there is at least one star on a chip"
        yield self.n_rounds >= 1, "there is at least one round"
        yield 0 <= self.variable_fraction <= 1, "the share of variables is between 0 and 1"
        yield (
            all(0 < a <= 10 for a in self.amplitudes) and len(self.amplitudes) > 0,
            "amplitudes are more than 0 and at most 10 mag",
        )
        if self.magnitudes is not None:
            yield self.magnitudes[0] < self.magnitudes[1], "the brightest magnitude comes first"


USUAL_FRACTION, MOST_FRACTION = 0.03, 0.05  # of the sources that are there
# In an empty field, where a few per cent are too few: a star in a square of this side.
USUAL_SPACING, CLOSEST_SPACING = 30.0, 20.0  # FWHM


def number_of_stars(options, n_sources, shape, fwhm_pixels) -> int:
    """The number of stars for a chip, so few that its crowding stays the same.

    Raises GalprojectError if more are asked for.
    """

    def at(fraction, spacing):
        return max(
            1, int(fraction * n_sources), int(shape[0] * shape[1] / (spacing * fwhm_pixels) ** 2)
        )

    most = at(MOST_FRACTION, CLOSEST_SPACING)
    if options.n_stars is None:
        return at(USUAL_FRACTION, USUAL_SPACING)
    if options.n_stars > most:
        raise GalprojectError(
            f"{options.n_stars} stars would change the crowding of a chip with {n_sources:,} "
            f"sources. Ask for at most {most} (--stars), and for more rounds (--rounds)"
        )
    return options.n_stars


# Of the default range: below saturation at the brightest, beyond the limit at the faintest.
BELOW_SATURATION, BEYOND_LIMIT = 1.0, 1.0  # mag


def range_of(options, saturation_mag, limiting_mag) -> tuple[float, float]:
    """The range of magnitudes of the injected stars."""
    if options.magnitudes is not None:
        return options.magnitudes
    faintest = limiting_mag + BEYOND_LIMIT
    # Where saturation is unknown, or next to the limit: a range all the same.
    return min(max(saturation_mag + BELOW_SATURATION, faintest - 10), faintest - 3), faintest
