"""Options of a simulated night."""

from dataclasses import dataclass

from exposures.errors import GalprojectError
from exposures.simulation.instcal import FILTERS
from exposures.simulation.mosaic import FULL_SHAPE, N_CHIPS

SMALLEST_SIDE = 64  # pixels; less has no room for an artifact


@dataclass(frozen=True)
class SimulationOptions:
    """A field seen by a few neighbouring chips, on one reference and several search exposures."""

    seed: int = 1
    n_epochs: int = 5  # search exposures; the reference is beside them
    filter: str = "i"  # short name
    n_chips: int = 2  # neighbours round the middle of the mosaic
    chip_shape: tuple[int, int] = (4094, 2046)  # ny, nx; smaller chips make a smaller mosaic
    stars_per_chip: int = 20_000  # brighter than limiting_mag, on a chip of full size
    variable_fraction: float = 0.01
    n_reference_artifacts: int = 10  # a chip
    n_novae: int = 0  # stars that the reference does not have, on all chips together
    n_movers: int = 0  # that are elsewhere on every exposure
    n_vanishing: int = 0  # of which nothing is left from some search exposure on
    new_mags: tuple[float, float] = (19.0, 22.5)  # brightest and faintest of these three
    n_bright_stars: int = 0  # of 7 to 12 mag, on all chips together; they have aureoles
    ra: float = 265.0  # of the pointing, ICRS degrees
    dec: float = -29.0
    compress: bool = True  # tile-compressed, .fits.fz
    exposure_seconds: float = 30.0
    zero_point: float = 30.0  # mag of 1 ADU
    zero_point_scatter: float = 0.05  # mag, of the exposures
    limiting_mag: float = 23.5  # 5 sigma of a star alone in average seeing
    faintest_mag: float = 24.5  # stars below limiting_mag are the unresolved background
    brightest_mag: float = 13.5
    slope: float = 0.3  # of log10 counts a magnitude, as towards the bulge
    sky_adu: float = 500.0
    sky_gradient: float = 0.06  # of the sky, across the chip
    nebulosity: float = 0.0  # rms of nebulae and dark clouds, of the sky
    flat_amplitude: float = 0.10  # mag, range of the photometric variation over a chip
    dither_pixels: float = 60.0
    wcs_error_mas: float = 80.0  # of the header's pointing
    reference_fwhm: float = 3.7  # pixels
    fwhm_range: tuple[float, float] = (3.6, 5.2)  # pixels, of the search exposures
    cosmic_rays_per_megapixel: float = 12.0
    first_mjd: float = 57773.3

    def __post_init__(self):
        for is_right, rule in self._rules():
            if not is_right:
                raise GalprojectError(f"This can't be simulated: {rule}")

    def _rules(self):
        yield self.filter in FILTERS, f"the filter is one of {', '.join(FILTERS)}"
        yield 1 <= self.n_chips <= N_CHIPS, f"there are 1 to {N_CHIPS} chips"
        yield self.n_epochs >= 0, "the number of epochs is not negative"
        yield self.stars_per_chip >= 1, "there is at least one star on a chip"
        yield 0 <= self.variable_fraction <= 1, "the fraction of variables is between 0 and 1"
        yield self.n_reference_artifacts >= 0, "the number of artifacts is not negative"
        strangers = self.n_novae, self.n_movers, self.n_vanishing
        yield (
            min(strangers) >= 0,
            "the numbers of novae, movers and vanishing stars aren't negative",
        )
        yield self.n_bright_stars >= 0, "the number of bright stars is not negative"
        yield 0 <= self.nebulosity <= 1, "the nebulosity is between 0 and 1 of the sky"
        yield 0 <= self.ra < 360 and -90 < self.dec < 90, "RA is 0 to 360, Dec within 90 degrees"
        yield (
            all(SMALLEST_SIDE <= n <= m for n, m in zip(self.chip_shape, FULL_SHAPE, strict=True)),
            f"a chip has {SMALLEST_SIDE} to {FULL_SHAPE[0]} rows of "
            f"{SMALLEST_SIDE} to {FULL_SHAPE[1]} pixels",
        )
