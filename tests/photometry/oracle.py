"""crowdsource's own forced fit, which ours is compared with."""

import numpy as np
from crowdsource import crowdsource_base

from photometry.science.crowdsource_adapter import AdaptedPsf, inverse_sigma, quiet


def fit_by_crowdsource(image, psf, x, y, niter, refit_sky=True):
    """Stars as crowdsource's table has them; its x is our y.

    ``psf`` is a ChipPsf, or a PSF of crowdsource's own.
    """
    data, weight, _ = image
    psf = AdaptedPsf(psf) if hasattr(psf, "stamps") else psf
    with quiet():
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
