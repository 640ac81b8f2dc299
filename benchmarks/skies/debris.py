"""Light that is no star's: galaxies, the trail of a satellite, and ghosts of bright stars."""

import numpy as np

from exposures.simulation.mosaic import Pointing

from .options import PIXEL_ARCSEC
from .placing import OVERSAMPLING
from .psf import galsim

GALAXY_MAG = (16.5, 20.5)
HALF_LIGHT_ARCSEC = (0.5, 2.5)
TRAIL_ADU = (40.0, 150.0)  # of a trail's ridge
GHOST_ADU = 1e7  # flux of stars from which on a ghost is seen
GHOST_FRACTION = 2e-3  # of the star's light
GHOST_RADII = (45.0, 90.0)  # pixels: the shadow of the secondary, and the pupil


def add_galaxies(options, wcs, detector, psf, unit_flux):
    """(ny, nx) ADU of Sersic profiles at fixed places of the sky; mag 0 is ``unit_flux``."""
    image = np.zeros(options.shape)
    rng = np.random.default_rng([options.seed, 20])
    ny, nx = options.shape
    still = Pointing(options.ra, options.dec).wcs(detector, options.shape)
    kernel = _kernel(psf)
    for _ in range(options.scaled(options.galaxies)):
        flux = unit_flux * 10 ** (-0.4 * rng.uniform(*GALAXY_MAG))
        profile = galsim.Sersic(
            n=rng.uniform(0.8, 4), half_light_radius=rng.uniform(*HALF_LIGHT_ARCSEC), flux=flux
        ).shear(g=rng.uniform(0, 0.5), beta=rng.uniform(0, np.pi) * galsim.radians)
        place = still.all_pix2world(rng.uniform(0, nx), rng.uniform(0, ny), 0)
        x, y = (float(z) for z in wcs.all_world2pix(*place, 0))
        _add_profile(image, galsim.Convolve(profile, kernel), x, y)
    return image


def _kernel(psf):
    """The PSF in the middle of the chip, with the pixel's response, as a profile of GalSim."""
    core = psf.cores[psf.cores.shape[0] // 2, psf.cores.shape[1] // 2]
    image = galsim.Image(core.astype("f8"), scale=PIXEL_ARCSEC / OVERSAMPLING)
    return galsim.InterpolatedImage(image, normalization="sb").withFlux(1)


def _add_profile(image, profile, x, y, side=161):
    column, row = round(x), round(y)
    offset = (x - column, y - row)
    drawn = profile.drawImage(
        nx=side, ny=side, scale=PIXEL_ARCSEC, method="no_pixel", offset=offset
    )
    half = side // 2
    rows = slice(max(row - half, 0), max(min(row + half + 1, image.shape[0]), 0))
    columns = slice(max(column - half, 0), max(min(column + half + 1, image.shape[1]), 0))
    part = drawn.array[
        rows.start - row + half : rows.stop - row + half,
        columns.start - column + half : columns.stop - column + half,
    ]
    image[rows, columns] += part


def add_satellite(options, psf, rng):
    """(ny, nx) ADU of straight trails across the chip, as wide as the seeing."""
    trails = np.zeros(options.shape)
    ny, nx = options.shape
    y, x = np.mgrid[:ny, :nx]
    for _ in range(options.satellites):
        angle = rng.uniform(0, np.pi)
        middle_x, middle_y = rng.uniform(0.3, 0.7, 2) * [nx, ny]
        across = (x - middle_x) * np.sin(angle) - (y - middle_y) * np.cos(angle)
        sigma = psf.fwhm_pixels / 2.355 * 1.3
        trails += rng.uniform(*TRAIL_ADU) * np.exp(-0.5 * (across / sigma) ** 2)
    return trails


def ghost_rings(options, x, y, flux):
    """(ny, nx) ADU of the out-of-focus pupil beside very bright stars, away from the middle."""
    image = np.zeros(options.shape)
    if not options.bright_stars:
        return image
    rows, columns = np.mgrid[: options.shape[0], : options.shape[1]]
    inner, outer = GHOST_RADII
    area = np.pi * (outer**2 - inner**2)
    for star in np.flatnonzero(flux > GHOST_ADU):
        radius = np.hypot(columns - 1.02 * x[star], rows - 1.02 * y[star])
        edges = 1 / (1 + np.exp(-(radius - inner) / 2)) / (1 + np.exp((radius - outer) / 2))
        image += GHOST_FRACTION * flux[star] / area * edges
    return image
