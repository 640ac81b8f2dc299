"""The PSF fitted anew to stars of a joint fit, each without its neighbours."""

import numpy as np

from exposures.science.arrays import FloatArray, IntArray
from photometry.science.detection.fit_stamps import cut_out
from photometry.science.detection.joint_fit import JointFit
from photometry.science.psf.psf import ChipPsf
from photometry.science.psf.psf_fit import StarStamps, fit_psf
from photometry.science.psf.psf_stars import clean_stars, has_plateau, stamp_side


def refitted_psf(
    images: tuple[FloatArray, FloatArray],
    place: tuple[FloatArray, FloatArray],
    psf: ChipPsf,
    fit: JointFit,
    chosen: IntArray,
) -> tuple[ChipPsf, IntArray]:
    """The PSF by the first ``n_stars`` clean ones of some stars; unchanged if they are too few.

    ``images`` are the data in ADU and its inverse variance, (ny, nx) each; ``place`` are x and y
    (n,) pixels of the stars of the JointFit, which was made with ``psf``. ``chosen`` (k,) are
    indices of those that are tried, the best first; the second result are those of them that are
    clean and no plateau.
    """
    x, y = (c[chosen] for c in place)
    side = stamp_side(psf.fwhm_at(x, y))
    data, weights = images
    light, left, weight = (cut_out(image, x, y, side) for image in (data, fit.residual, weights))
    alone = left + fit.models(psf.stamps(x, y, side + 2), chosen)
    dx, dy = x - np.round(x) + fit.dx[chosen], y - np.round(y) + fit.dy[chosen]
    # Double precision: the profile is fitted by numerical derivatives.
    stars = StarStamps(x, y, dx, dy, alone.astype("f8"), weight.astype("f8"))
    good = clean_stars(stars, light, psf.options)
    good = good[~has_plateau(light[good], psf.fwhm_at(x[good], y[good]))]
    return fit_psf(stars.select(good[: psf.options.n_stars]), psf, psf.options), chosen[good]
