"""Where on the sky a chip lies, as its row of galimages says."""

from exposures.science.astrometry import pixel_scale_arcsec


def place(image, chip, wcs):
    """Fill the columns that say where on the sky a chip lies."""
    ny, nx = chip.shape
    corner_x, corner_y = [-0.5, nx - 0.5, nx - 0.5, -0.5], [-0.5, -0.5, ny - 0.5, ny - 0.5]
    ra, dec = wcs.to_sky(corner_x, corner_y)
    centre_ra, centre_dec = wcs.to_sky([nx / 2 - 0.5], [ny / 2 - 0.5])
    scale = pixel_scale_arcsec(chip.wcs, chip.shape)
    image.width, image.height = nx, ny
    image.ra, image.dec = float(centre_ra[0]), float(centre_dec[0])
    image.radius = 0.5 * float((nx**2 + ny**2) ** 0.5) * scale / 3600
    image.footprint = [float(v) for pair in zip(ra, dec, strict=True) for v in pair]
