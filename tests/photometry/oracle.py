"""crowdsource's own forced fit, which ours is compared with."""

import numpy as np
from crowdsource import crowdsource_base
from crowdsource.psf import VariablePixelizedPSF

from photometry.science.detection.crowdsource_adapter import (
    AdaptedPsf,
    inverse_sigma,
    quiet_crowdsource,
)


def fit_by_crowdsource(image, psf, x, y, niter, refit_sky=True):
    """Stars as crowdsource's table has them; its x is our y.

    ``psf`` is a ChipPsf, or a PSF of crowdsource's own. The sky is 0 to start with.
    """
    data, weight, _ = image
    psf = AdaptedPsf(psf) if hasattr(psf, "stamps") else psf
    with quiet_crowdsource():
        return crowdsource_base.fit_im_force(
            np.ascontiguousarray(data, dtype="f4"),
            y.astype("f4"),
            x.astype("f4"),
            psf,
            weight=inverse_sigma(weight),
            psfderiv=False,
            refit_sky=refit_sky,
            startsky=0.0,
            niter=niter,
        )[0]


def crowdsource_half_widths(image, x, y):
    """(n,) int half widths of crowdsource's stamps: by the value of the central pixel."""
    data, weight, _ = image
    return crowdsource_base.get_sizes(y, x, data, weight=weight) // 2


def crowdsource_psf(psf, shape, n_side=7, size=149):
    """A ChipPsf as crowdsource's own class has it: stamps whose pixels are linear in the position.

    The least-squares fit to stamps at ``n_side``^2 places on a chip of ``shape``; ``size`` is that
    of crowdsource's largest stamps. crowdsource shifts each star's by a spline in scipy.
    """
    y, x = (
        c.ravel()
        for c in np.meshgrid(*(np.linspace(0, side - 1, n_side).round() for side in shape))
    )
    terms = np.column_stack([np.ones_like(x), y / 1000, x / 1000])
    stamps = psf.stamps(x, y, size).reshape(len(x), -1)
    constant, along_y, along_x = np.linalg.lstsq(terms, stamps)[0].reshape(3, size, size)
    coefficients = np.array([[constant, along_x], [along_y, np.zeros_like(constant)]], "f4")
    own = VariablePixelizedPSF(coefficients, normalize=-1)
    own.normstamp = np.ones((1, 1))  # of unit integral, as ours
    return own
