"""Sources that changed: which differences from the reference are significant and believable."""

from dataclasses import dataclass

import numpy as np

from exposures.chip import MaskBit


@dataclass(frozen=True)
class SelectionOptions:
    """What counts as a change, and what makes it doubtful."""

    threshold_sigma: float = 15.0  # of the difference to the reference
    max_rchi2_ratio: float = 3.0  # to the running median of sources as bright
    min_quality: float = 0.9  # share of the PSF on usable pixels
    min_fracflux: float = 0.2  # share of the light in the stamp that is the source's own
    edge_pixels: float = 5.0  # nearer, stars beyond the edge that are not fitted spill over


@dataclass(frozen=True)
class Photometry:
    """The same sources on one image; arrays (n,)."""

    mag: np.ndarray  # NaN where the flux is not positive
    mag_err: np.ndarray
    flux: np.ndarray  # ADU
    flux_err: np.ndarray
    rchi2: np.ndarray
    fracflux: np.ndarray
    quality: np.ndarray
    flags: np.ndarray  # MaskBit
    edge_distance: np.ndarray  # pixels

    def __len__(self):
        return len(self.mag)


@dataclass(frozen=True)
class Changes:
    """Significant differences; arrays (m,), one for each selected source."""

    index: np.ndarray  # into the sources given
    vanished: np.ndarray  # bool: no positive flux where the reference predicts a detection
    delta_mag: np.ndarray  # search minus reference; NaN where vanished
    delta_mag_err: np.ndarray
    significance: np.ndarray  # absolute change in sigma, of magnitude or, where vanished, flux
    failed_cuts: np.ndarray  # bits, see CUTS; 0 is believed

    def __len__(self):
        return len(self.index)


# Names of the cuts in the order of their bits.
CUTS = ("search_rchi2", "reference_rchi2", "masked", "edge", "blended", "saturated")


def select_changes(search, reference, expected_flux, flux_err_scale, options=SelectionOptions()):
    """Changes between ``search`` and ``reference`` Photometry of the same sources.

    Where there is flux, the change is in magnitudes, against the errors of both. A source that
    vanished has none: it is tested in flux against ``expected_flux`` (n,) ADU, with its error
    expanded by ``flux_err_scale`` as the magnitudes' were. A cut never removes a change: what
    fails one is recorded as failing it.
    """
    delta = search.mag - reference.mag
    delta_err = np.hypot(search.mag_err, reference.mag_err)
    vanished = ~(search.flux > 0) & (search.quality > 0)
    missing = (expected_flux - search.flux) / (flux_err_scale * search.flux_err)
    with np.errstate(invalid="ignore"):
        significance = np.where(vanished, missing, np.abs(delta) / delta_err)
        index = np.flatnonzero(significance > options.threshold_sigma)
    failed = failed_cuts(search, reference, options)
    return Changes(
        index=index,
        vanished=vanished[index],
        delta_mag=delta[index],
        delta_mag_err=delta_err[index],
        significance=significance[index],
        failed_cuts=failed[index],
    )


def failed_cuts(search, reference, options=SelectionOptions()):
    """(n,) bits of the cuts that each source fails on either image."""
    both = (search, reference)
    fails = {
        "search_rchi2": is_remarkable(search.mag, search.rchi2, options.max_rchi2_ratio),
        "reference_rchi2": is_remarkable(reference.mag, reference.rchi2, options.max_rchi2_ratio),
        "masked": np.any([p.quality < options.min_quality for p in both], axis=0),
        "edge": np.any([p.edge_distance < options.edge_pixels for p in both], axis=0),
        "blended": np.any([p.fracflux < options.min_fracflux for p in both], axis=0),
        "saturated": np.any([(p.flags & SATURATION) != 0 for p in both], axis=0),
    }
    return sum(fails[name].astype("i2") << bit for bit, name in enumerate(CUTS))


SATURATION = MaskBit.SATURATED | MaskBit.BLEED


def is_remarkable(mag, rchi2, max_ratio):
    """True where a fit is worse than ``max_ratio`` times the running median of its magnitude.

    With a fitted PSF bright stars have a large rchi2 without being wrong: a fixed limit would
    cut the bright variables. ``mag`` is that of the same image, as a flare is fitted at its
    brightness there; where it is undefined the faintest count.
    """
    mag = np.where(np.isfinite(mag), mag, np.nanmax(mag, initial=-np.inf))
    return ~(rchi2 <= max_ratio * np.maximum(running_median(mag, rchi2), 1.0))


def running_median(x, values, n_bins=20, min_bin=15):
    """(n,) median of ``values`` among points of similar ``x``, interpolated between bins.

    Bins hold equal numbers of points, at least ``min_bin``; NaN are left out.
    """
    good = np.isfinite(x) & np.isfinite(values)
    if not good.any():
        return np.full(len(x), np.nan)
    order = np.argsort(x[good])
    parts = np.array_split(order, max(1, min(n_bins, good.sum() // min_bin)))
    centres = [np.median(x[good][part]) for part in parts]
    medians = [np.median(values[good][part]) for part in parts]
    return np.interp(x, centres, medians)
