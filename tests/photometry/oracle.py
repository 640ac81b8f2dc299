"""crowdsource's own forced fit and peaks, which ours are compared with.

crowdsource (Schlafly et al. 2018, ApJS 234, 39) calls the first axis x and takes 1/sigma as
weight. Images are passed as they are, so its x is our y; weights are converted here.
"""

import contextlib
import io
import warnings

import numpy as np
from crowdsource import crowdsource_base
from crowdsource.psf import VariablePixelizedPSF


class AdaptedPsf:
    """A ChipPsf as crowdsource calls it, of 59 pixels by default, as crowdsource has it."""

    def __init__(self, psf):
        self.psf = psf

    def __call__(self, x, y, stampsz=59, deriv=False):
        """Stamps at ``x`` (rows) and ``y`` (columns), and with ``deriv`` their two derivatives."""
        stamps = self.psf.stamps(x=np.atleast_1d(y), y=np.atleast_1d(x), size=int(stampsz))
        stamps = stamps[0] if np.ndim(x) == 0 else stamps
        if not deriv:
            return stamps
        return stamps, -np.gradient(stamps, axis=-2), -np.gradient(stamps, axis=-1)

    def render_model(self, x, y, stampsz=59, deriv=False):
        """The same at the pixel centres nearest to ``x, y``."""
        return self(np.round(x), np.round(y), stampsz, deriv)


def inverse_sigma(weight):
    """crowdsource's weight, 1/sigma, of an inverse variance."""
    return np.sqrt(weight).astype("f4")


@contextlib.contextmanager
def quiet_crowdsource():
    """Silence what crowdsource prints, and its warnings of division by zero."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(divide="ignore", invalid="ignore"),
    ):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def peaks_by_crowdsource(image, psf, threshold, blend_threshold, keep_saturated):
    """x, y (n,) of the peaks that crowdsource finds in a PeakImage, in the order of rows."""
    with quiet_crowdsource():
        y, x = crowdsource_base.peakfind(
            image.residual,
            image.model,
            inverse_sigma(image.weight),
            None,  # Of mask bits it knows those for nebulae, which we don't set.
            AdaptedPsf(psf),
            keepsat=keep_saturated,
            threshold=threshold,
            blendthreshold=blend_threshold,
        )
    return x, y


def kept_by_crowdsource(x, y, flux):
    """(n,) whether crowdsource keeps stars, as not within a pixel of a brighter one."""
    return crowdsource_base.cull_near(x, y, flux)


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
