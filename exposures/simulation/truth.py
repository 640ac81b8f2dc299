"""The truth of a simulated night, written and read."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import Table
from numpy.polynomial.chebyshev import chebval2d

from exposures.fits.files import open_hdus
from exposures.simulation.mosaic import Pointing, detectors
from exposures.simulation.stars import positions_at
from exposures.whole_files import whole_file

ORDER = 3  # of the polynomials of flat field and sky; (ORDER + 1)^2 coefficients each
EDGE_PIXELS = 60  # stars so far off a chip are still listed as on it


@dataclass(frozen=True)
class Truth:
    """The stars, artifacts, exposures and chips of a night; tables as they were written."""

    stars: np.ndarray  # see stars.STAR_DTYPE, and "epoch_mag", (n_exposures,) magnitudes
    artifacts: np.ndarray  # ccdnum, kind, x, y, ra, dec, flux in ADU; on the reference
    exposures: np.ndarray  # expnum, mjd (middle), is_reference, fwhm, zero_point, pointing, file
    chips: np.ndarray  # expnum, ccdnum, name, ny, nx, flat, sky

    def _exposure(self, expnum):
        return self.exposures[self.exposures["expnum"] == expnum][0]

    def _chip(self, expnum, ccdnum):
        chosen = (self.chips["expnum"] == expnum) & (self.chips["ccdnum"] == ccdnum)
        return self.chips[chosen][0]

    def magnitudes(self, expnum):
        """(n_stars,) true magnitudes on an exposure."""
        index = np.flatnonzero(self.exposures["expnum"] == expnum)[0]
        return self.stars["epoch_mag"][:, index]

    def positions(self, expnum):
        """Right ascension and declination of all stars at an exposure's epoch, degrees."""
        return positions_at(self.stars, self._exposure(expnum)["mjd"])

    def wcs(self, expnum, ccdnum):
        """The true WCS of a chip; that of its header is a little off."""
        exposure, chip = self._exposure(expnum), self._chip(expnum, ccdnum)
        pointing = Pointing(exposure["ra"], exposure["dec"])
        detector = next(d for d in detectors(62) if d.ccdnum == ccdnum)
        return pointing.wcs(detector, (int(chip["ny"]), int(chip["nx"])))

    def star_pixels(self, expnum, ccdnum):
        """Indices into ``stars`` and pixel positions x, y (from 0) of those on or near a chip."""
        chip = self._chip(expnum, ccdnum)
        x, y = self.wcs(expnum, ccdnum).all_world2pix(*self.positions(expnum), 0)
        near = (x > -EDGE_PIXELS) & (x < chip["nx"] + EDGE_PIXELS)
        near &= (y > -EDGE_PIXELS) & (y < chip["ny"] + EDGE_PIXELS)
        index = np.flatnonzero(near)
        return index, x[index], y[index]

    def flat(self, expnum, ccdnum, x, y):
        """Magnitudes by which stars at x, y (pixels) look fainter than they are."""
        chip = self._chip(expnum, ccdnum)
        return surface(chip["flat"], x, y, (chip["ny"], chip["nx"]))

    def sky_image(self, expnum, ccdnum):
        """(ny, nx) ADU of the sky alone, without nebulae."""
        chip = self._chip(expnum, ccdnum)
        return surface_image(chip["sky"], (int(chip["ny"]), int(chip["nx"])))


def surface(coefficients, x, y, shape):
    """A Chebyshev surface of ``coefficients`` (16,), in u, v of -1 to 1, at pixel positions."""
    u, v = 2 * np.asarray(x) / (shape[1] - 1) - 1, 2 * np.asarray(y) / (shape[0] - 1) - 1
    return chebval2d(u, v, np.reshape(coefficients, (ORDER + 1, ORDER + 1)))


def surface_image(coefficients, shape):
    """The surface on every pixel of an image."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return surface(coefficients, *np.broadcast_arrays(x, y), shape)


TABLES = ("stars", "artifacts", "exposures", "chips")


def write_truth(path, truth):
    """Write a Truth as one FITS file with a table for each of its parts."""
    hdus = [fits.PrimaryHDU()]
    hdus += [
        fits.BinTableHDU(Table(getattr(truth, name)).as_array(), name=name.upper())
        for name in TABLES
    ]
    with whole_file(path) as partial:
        fits.HDUList(hdus).writeto(partial)


def read_truth(path) -> Truth:
    """Read what ``write_truth`` wrote; raises InputFileError."""
    with open_hdus(path, memmap=False) as file:
        tables = [Table.read(file.hdus, hdu=name.upper()) for name in TABLES]
        for table in tables:
            table.convert_bytestring_to_unicode()
        return Truth(*(np.asarray(table.as_array()) for table in tables))
