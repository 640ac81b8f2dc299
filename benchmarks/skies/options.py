"""Options of a sky drawn with GalSim, and the nights that the benchmark measures."""

from dataclasses import dataclass, replace

LIMITING_MAG = 23.5  # 5 sigma of a star alone, as in exposures.simulation
BRIGHTEST_MAG = 13.5
SLOPE = 0.3  # of log10 counts a magnitude
ZERO_POINT = 30.0  # mag of 1 ADU
SKY_ADU = 500.0
PIXEL_ARCSEC = 0.263


@dataclass(frozen=True)
class SkyOptions:
    """One field on a few epochs; zero, or False, switches an effect off."""

    seed: int = 1
    n_epochs: int = 6  # the first is the reference
    shape: tuple[int, int] = (1024, 1024)  # ny, nx
    stars_per_chip: int = 80_000  # above LIMITING_MAG, on a chip of DECam's full size
    filter: str = "i"
    ra: float = 265.0  # of the pointing, ICRS degrees
    dec: float = -29.0
    expnum: int = 700_000  # of the reference
    first_mjd: float = 57773.3
    years: float = 0.03  # from the first to the last epoch
    dither_pixels: float = 40.0
    flat_amplitude: float = 0.05  # mag, range of a smooth photometric variation over the chip
    zero_point_scatter: float = 0.05  # mag, of the epochs
    wcs_error_mas: float = 80.0  # of the header's pointing
    variable_fraction: float = 0.05
    vanishing_fraction: float = 0.05  # of stars of S/N 30 to 100 on the reference
    cosmic_rays_per_megapixel: float = 12.0
    # The PSF.
    seeing_arcsec: tuple[float, float] = (0.9, 1.4)
    aberrations: float = 0.15  # waves, rms of each of the Zernike terms over the field
    aureole: float = 0.025  # of the light
    brighter_fatter: float = 0.01  # growth of the width up to full well
    # The sky and the air.
    nebulosity: float = 0.0  # rms, of the sky's level
    turbulence: float = 0.0  # rms of the PSF's width and shape over the chip
    turbulent_mag: float = 0.009  # rms of the local zero point for 1.5 % of turbulence
    thin_cloud: float = 0.0  # rms of the transparency
    fringes: float = 0.0  # amplitude, of the sky's level
    refraction_arcsec: float = 0.0  # shift a magnitude of colour, 45 degrees from the zenith
    # The stars.
    fainter_mag: float = 1.0  # how far below LIMITING_MAG the stars go on
    bright_stars: int = 0  # of 7 to 12 mag on a chip of 1024 x 1024, with bleed trails and a ghost
    is_masked: bool = True  # whether saturated pixels and bleed trails are in the quality mask
    motions: bool = False  # proper motions of bulge and disk, and a few fast stars
    fast_fraction: float = 0.003  # of the stars, where they move
    binary_fraction: float = 0.0  # with companions at 0.1 to 1 arcsec
    # What is no star.
    satellites: int = 0  # trails, without a mask, on the last epoch
    galaxies: int = 0  # on a chip of 1024 x 1024
    gain_error: float = 0.0  # of the header, relative

    @property
    def megapixels(self):
        """The area in units of 1024 x 1024."""
        return self.shape[0] * self.shape[1] / 1024**2

    def scaled(self, n):
        """How many of ``n`` on a chip of 1024 x 1024 this one has, at least one."""
        return max(1, round(n * self.megapixels)) if n else 0


BASE = SkyOptions()
DEBRIS = {"satellites": 1, "galaxies": 20, "fringes": 0.01}
TURBULENCE = {"turbulence": 0.015}
MOTIONS = {"motions": True, "years": 6.0, "refraction_arcsec": 0.015}
ALL = {
    **DEBRIS,
    **TURBULENCE,
    **MOTIONS,
    "nebulosity": 0.15,
    "thin_cloud": 0.015,
    "bright_stars": 6,
    "binary_fraction": 0.3,
    "fainter_mag": 3.0,
    "gain_error": 0.1,
}
_CHANGES = {
    "base_20k": {"stars_per_chip": 20_000},
    "base_80k": {},
    "base_160k": {"stars_per_chip": 160_000},
    "nebulosity_15": {"nebulosity": 0.15},
    "nebulosity_50": {"nebulosity": 0.5},
    "turbulence": TURBULENCE,
    "bright": {"bright_stars": 6},
    "motions": {**MOTIONS, "fast_fraction": 0.01},
    "debris": DEBRIS,
    "all_80k": ALL,
    "all_160k": {**ALL, "stars_per_chip": 160_000},
}


def nights(shape=(1024, 1024), n_epochs=6, seed=BASE.seed):
    """A dict of SkyOptions by the night's name, each with its own place and its own time."""
    return {
        name: replace(
            BASE,
            **changes,
            shape=shape,
            n_epochs=n_epochs,
            seed=seed,
            ra=BASE.ra - 6 * number,
            expnum=BASE.expnum + 100 * number,
            first_mjd=BASE.first_mjd + 0.02 * number,
        )
        for number, (name, changes) in enumerate(_CHANGES.items())
    }
