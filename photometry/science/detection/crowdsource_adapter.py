"""The adapter between crowdsource and our PSF and conventions.

crowdsource (Schlafly et al. 2018, ApJS 234, 39) calls the first axis x and takes 1/sigma as
weight. Images are passed as they are, so its x is our y; weights are converted here.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from crowdsource import crowdsource_base

from exposures.science.arrays import BoolArray, FloatArray, Floats
from photometry.science.psf.psf import ChipPsf

logger = logging.getLogger(__name__)


class AdaptedPsf:
    """A ChipPsf with the interface that crowdsource calls."""

    def __init__(self, psf: ChipPsf) -> None:
        self.psf = psf

    def __call__(
        self, x: Floats, y: Floats, stampsz: int | None = None, deriv: bool = False
    ) -> Any:
        """Stamps at ``x`` (rows) and ``y`` (columns), and with ``deriv`` their two derivatives.

        Two numbers of pixels give one stamp (stampsz, stampsz), arrays (n,) give (n, stampsz,
        stampsz), of sum 1 over the whole PSF; of 59 pixels by default, as crowdsource has it.
        """
        scalar = np.ndim(x) == 0
        size = 59 if stampsz is None else int(stampsz)
        stamps = self.psf.stamps(x=np.atleast_1d(y), y=np.atleast_1d(x), size=size)
        stamps = stamps[0] if scalar else stamps
        if not deriv:
            return stamps
        return stamps, -np.gradient(stamps, axis=-2), -np.gradient(stamps, axis=-1)

    def render_model(self, x: Floats, y: Floats, stampsz: int = 59, deriv: bool = False) -> Any:
        """(n, stampsz, stampsz) PSF of stars at the pixel centres nearest to ``x, y`` (n,) pixels.

        As crowdsource has axes: its x is our y. With ``deriv`` also the two derivatives, per pixel.
        """
        return self(np.round(x), np.round(y), stampsz, deriv)

    def serialize(self, stampsz: int | None = None) -> NoReturn:
        """Refuse crowdsource's own format, since ChipPsf is stored by its parameters.

        Raises NotImplementedError.
        """
        raise NotImplementedError("ChipPsf is stored by its parameters")


@dataclass(frozen=True)
class PeakImage:
    """The images searched for peaks; all (ny, nx)."""

    residual: np.ndarray  # ADU, without sky and known stars
    model: np.ndarray  # ADU, the known stars
    weight: np.ndarray  # inverse variance


def new_peaks(
    image: PeakImage,
    psf: AdaptedPsf,
    threshold: float,
    blend_threshold: float,
    keep_saturated: bool,
) -> tuple[FloatArray, FloatArray]:
    """x, y (n,) in pixels of significant peaks of a PeakImage, outside known stars' wings.

    ``threshold`` is in sigma; ``blend_threshold`` is how much of the known stars' light a peak has
    to be, a ratio. Peaks on saturated pixels are left out unless ``keep_saturated``.
    """
    with quiet_crowdsource():
        y, x = crowdsource_base.peakfind(
            image.residual,
            image.model,
            inverse_sigma(image.weight),
            None,  # Of mask bits it knows those for nebulae, which we don't set.
            psf,
            keepsat=keep_saturated,
            threshold=threshold,
            blendthreshold=blend_threshold,
        )
    return x.astype(float), y.astype(float)


def survivors(
    x: FloatArray, y: FloatArray, flux: FloatArray, flux_err: FloatArray, threshold: float
) -> BoolArray:
    """(n,) whether stars are significant and not on top of a brighter one.

    ``x, y`` (n,) are pixels, ``flux`` and ``flux_err`` (n,) ADU, ``threshold`` is in sigma: six
    tenths of it are enough, or 100,000 ADU with a finite error.
    """
    bright = (flux > 0.6 * threshold * flux_err) | ((flux > 1e5) & np.isfinite(flux_err))
    return bright & crowdsource_base.cull_near(x, y, flux)


def inverse_sigma(weight: FloatArray) -> FloatArray:
    """crowdsource's weight, 1/sigma in 1/ADU, float32 of the same shape as an inverse variance."""
    return np.sqrt(weight).astype("f4")


@contextlib.contextmanager
def quiet_crowdsource() -> Iterator[None]:
    """Log what crowdsource prints, and silence its warnings of division by zero."""
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
