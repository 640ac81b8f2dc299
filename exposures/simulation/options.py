"""What a simulated night is like."""

from dataclasses import dataclass


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
    flat_amplitude: float = 0.10  # mag, range of the photometric variation over a chip
    dither_pixels: float = 60.0
    wcs_error_mas: float = 80.0  # of the header's pointing
    reference_fwhm: float = 3.7  # pixels
    fwhm_range: tuple[float, float] = (3.6, 5.2)  # pixels, of the search exposures
    cosmic_rays_per_megapixel: float = 12.0
    first_mjd: float = 57773.3
