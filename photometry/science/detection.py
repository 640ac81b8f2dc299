"""Sources of an image, found and fitted by crowdsource, with the PSF fitted on the way."""

from dataclasses import dataclass

import numpy as np
from crowdsource import crowdsource_base

from exposures.science.quantities import Count, Sigma, WholePixels
from photometry.science.crowdsource_adapter import AdaptedPsf, frozen_heap, inverse_sigma, quiet
from photometry.science.psf import ChipPsf, PsfOptions, estimate_fwhm


@dataclass(frozen=True)
class DetectionOptions:
    """How far crowdsource goes."""

    threshold: Sigma = 5.0  # significance of a peak in the PSF-convolved image
    min_iterations: Count = 4  # of finding, fitting and subtracting, at least
    max_iterations: Count = 8  # and at most
    few_new: Count = 100  # new sources below which it stops
    max_sources: Count = 320_000  # on a chip, beyond which no more are looked for
    tile_pixels: WholePixels = 1100  # side of the sub-images that are fitted at once, about


@dataclass(frozen=True)
class Detections:
    """What was found on an image, sky-subtracted; fluxes in ADU, positions in pixels from 0."""

    x: np.ndarray  # (n,)
    y: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray  # ADU; ignores neighbours
    rchi2: np.ndarray  # PSF-weighted reduced chi2
    fracflux: np.ndarray  # share of the light in the stamp that is the source's own
    quality: np.ndarray  # share of the PSF on usable pixels
    flags: np.ndarray  # (n,) int, mask bits of the central pixel
    psf: ChipPsf
    model: np.ndarray  # (ny, nx) ADU: the sources and what crowdsource added to the sky

    def __len__(self):
        return len(self.x)

    def bright(self, min_significance):
        """Indices of clean sources: whole, mostly their own light, significant."""
        clean = (self.quality > 0.95) & (self.fracflux > 0.5) & (self.flags == 0)
        return np.flatnonzero(clean & (self.flux > min_significance * self.flux_err))

    def brightest(self, min_significance, n):
        """Indices of the ``n`` brightest of these, for a match with a catalogue of few stars."""
        bright = self.bright(min_significance)
        return bright[np.argsort(-self.flux[bright])[:n]]


def find_sources(data, weight, mask, fwhm_pixels, options=DetectionOptions(), psf=PsfOptions()):
    """Find the sources of a sky-subtracted image and fit its PSF.

    ``data`` (ny, nx) ADU, ``weight`` (ny, nx) inverse variance, ``mask`` (ny, nx) bits;
    ``fwhm_pixels`` is a guess, NaN where there is none.

    Raises ValueError where no pixel has weight.
    """
    if not np.any(weight > 0):
        raise ValueError("no pixel has weight")
    noise = 1 / np.sqrt(np.median(weight[weight > 0]))
    measured = estimate_fwhm(data, weight, noise)
    guess = next(f for f in (measured, fwhm_pixels, psf.default_fwhm_pixels) if np.isfinite(f))
    tiles_y, tiles_x = (max(1, round(side / options.tile_pixels)) for side in data.shape)
    with quiet(), frozen_heap():
        stars, model, _, fitted = crowdsource_base.fit_im(
            np.ascontiguousarray(data, dtype="f4"),
            AdaptedPsf(ChipPsf.round(guess, psf)),
            weight=inverse_sigma(weight),
            dq=mask.astype("i8"),
            refit_psf=True,
            threshold=options.threshold,
            miniter=options.min_iterations,
            maxiter=options.max_iterations,
            fewstars=options.few_new,
            maxstars=options.max_sources,
            # crowdsource loses tiles when there are fewer of them along its first axis.
            ntilex=max(tiles_y, tiles_x),
            ntiley=tiles_x,
        )
    return _detections(stars, fitted.psf, model)


def _detections(stars, psf, model):
    return Detections(
        x=stars["y"].astype("f8"),
        y=stars["x"].astype("f8"),
        flux=stars["flux"].astype("f8"),
        flux_err=stars["dflux"].astype("f8"),
        rchi2=stars["rchi2"].astype("f8"),
        fracflux=stars["fracflux"].astype("f8"),
        quality=stars["qf"].astype("f8"),
        flags=stars["flags"].astype("i4"),
        psf=psf,
        model=model,
    )
