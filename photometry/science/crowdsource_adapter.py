"""What crowdsource needs to work with our PSF and conventions; nothing else knows of its own.

crowdsource (Schlafly et al. 2018, ApJS 234, 39) calls the first axis x and takes 1/sigma as
weight. Images are passed as they are, so its x is our y; weights are converted here.
"""

import contextlib
import gc
import io
import logging
import warnings

import numpy as np

from photometry.science.psf import ChipPsf, StarStamps, fit_psf

logger = logging.getLogger(__name__)


class AdaptedPsf:
    """A ChipPsf as crowdsource calls it."""

    def __init__(self, psf: ChipPsf):
        self.psf = psf

    def __call__(self, x, y, stampsz=None, deriv=False):
        scalar = np.ndim(x) == 0
        size = 59 if stampsz is None else int(stampsz)
        stamps = self.psf.stamps(x=np.atleast_1d(y), y=np.atleast_1d(x), size=size)
        stamps = stamps[0] if scalar else stamps
        if not deriv:
            return stamps
        return stamps, -np.gradient(stamps, axis=-2), -np.gradient(stamps, axis=-1)

    def render_model(self, x, y, stampsz=59, deriv=False):
        """The PSF of stars at pixel centres near ``x, y``."""
        return self(np.round(x), np.round(y), stampsz, deriv)

    def serialize(self, stampsz=None):
        """crowdsource's own tables are not written; ChipPsf is stored by its parameters."""
        raise NotImplementedError("ChipPsf is stored by its parameters")

    def fitfun(self, x, y, xcen, ycen, stamp, imstamp, modstamp, isig, nkeep=200, **plotting):
        """A PSF fitted to the brightest clean stars of the current model, or None."""
        # Double precision: the profile is fitted by numerical derivatives.
        x, y = x.astype("f8"), y.astype("f8")
        dx, dy = y - np.round(y) + ycen, x - np.round(x) + xcen
        good = _clean_stars(stamp, imstamp, isig, dx, dy)
        keep = good[np.argsort(-stamp[good].sum(axis=(1, 2)))[: self.psf.options.n_stars]]
        if len(keep) < 3:
            return None
        weight = isig[keep].astype("f8") ** 2
        stars = StarStamps(y[keep], x[keep], dx[keep], dy[keep], stamp[keep], weight)
        return AdaptedPsf(fit_psf(stars, self.psf, self.psf.options))


def _clean_stars(stamp, imstamp, isig, dx, dy):
    """Indices of stars whose stamp is whole, mostly their own, and well centred."""
    centre = stamp.shape[-1] // 2
    flux = stamp.sum(axis=(1, 2))
    use = isig > 0
    covered = (stamp * use).sum(axis=(1, 2)) / np.where(flux == 0, 1, flux)
    own = flux / np.maximum(imstamp.sum(axis=(1, 2)), 1e-3 + 0 * flux)
    signal = imstamp[:, centre, centre] * isig[:, centre, centre]
    good = (np.abs(covered - 1) < 0.03) & (own > 0.5) & (signal > 10) & (flux > 0)
    good &= use[:, centre, centre]
    for offset in (dx, dy):
        middle = np.median(offset[good]) if good.any() else 0.0
        good &= np.abs(offset - middle) < 1
    return np.flatnonzero(good)


def inverse_sigma(weight):
    """crowdsource's weight, 1/sigma, from an inverse variance."""
    return np.sqrt(weight).astype("f4")


@contextlib.contextmanager
def quiet():
    """Send what crowdsource prints to the log, and hold the warnings of its divisions by zero."""
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        warnings.catch_warnings(),
        np.errstate(divide="ignore", invalid="ignore"),
    ):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
    for line in printed.getvalue().splitlines():
        logger.debug("crowdsource: %s", line)


@contextlib.contextmanager
def frozen_heap():
    """Spare crowdsource's own garbage collections what was there before: 90 ms each of Django."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
