"""Fluxes of stars at known positions, blended neighbours fitted together."""

from dataclasses import dataclass

import numpy as np
from crowdsource import crowdsource_base
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from photometry.science.crowdsource_adapter import AdaptedPsf, inverse_sigma, quiet


@dataclass(frozen=True)
class ForcedOptions:
    """How the forced fit is done."""

    n_rounds: int = 3  # the sky left over is measured again before each but the first
    merge_pixels: float = 1.0  # positions closer than this are one source to the fit


@dataclass(frozen=True)
class ForcedStars:
    """The stars to fit: all on the image, positions in pixels from 0."""

    x: np.ndarray  # (n,)
    y: np.ndarray  # (n,)
    share: np.ndarray  # (n,) expected relative flux, positive
    catalogue: np.ndarray  # (n,) number of the catalogue a star comes from

    def __len__(self):
        return len(self.x)


@dataclass(frozen=True)
class ForcedFit:
    """Fluxes of the stars that were asked for, in their order; ADU."""

    flux: np.ndarray  # (n,)
    flux_err: np.ndarray  # (n,)
    rchi2: np.ndarray  # (n,) PSF-weighted reduced chi2
    fracflux: np.ndarray  # (n,) share of the light in the stamp that is the star's own
    quality: np.ndarray  # (n,) share of the PSF on usable pixels
    flags: np.ndarray  # (n,) int, mask bits of the central pixel
    model: np.ndarray  # (ny, nx) ADU: the stars and the sky left over


def fit_fluxes(image, psf, stars, options=ForcedOptions()):
    """Fit all stars at once, positions held, and the smooth sky that is left over.

    ``image`` is a triple of (ny, nx) arrays: sky-subtracted data in ADU, inverse variance, mask
    bits; ``psf`` is a ChipPsf, ``stars`` ForcedStars. Positions closer than ``merge_pixels``
    are fitted as one star at their mean weighted by ``share``. Its flux is divided in this
    proportion among stars of one catalogue, which are blended; stars of different catalogues
    are the same star, and get it whole.

    Raises ValueError where there is no star or no pixel with weight.
    """
    data, weight, mask = image
    if len(stars) == 0:
        raise ValueError("no stars to fit")
    if not np.any(weight > 0):
        raise ValueError("no pixel has weight")
    group = merge_groups(stars.x, stars.y, options.merge_pixels)
    total = np.bincount(group, stars.share)
    x, y = (np.bincount(group, stars.share * c) / total for c in (stars.x, stars.y))
    with quiet():
        fitted, model, _, _ = crowdsource_base.fit_im_force(
            np.ascontiguousarray(data, dtype="f4"),
            y.astype("f4"),
            x.astype("f4"),
            AdaptedPsf(psf),
            weight=inverse_sigma(weight),
            dq=mask.astype("i8"),
            psfderiv=False,
            refit_sky=True,
            startsky=0.0,
            niter=max(options.n_rounds, 2),
        )
    return _expand(fitted, model, group, _fraction(stars, group))


def merge_groups(x, y, radius):
    """(n,) group numbers; positions nearer than ``radius`` to another share its group."""
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(radius, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(x), len(x)))
    return connected_components(links, directed=False)[1]


def _fraction(stars, group):
    """(n,) part of the group's flux that is each star's."""
    _, family = np.unique(np.column_stack([group, stars.catalogue]), axis=0, return_inverse=True)
    return stars.share / np.bincount(family, stars.share)[family]


def _expand(stars, model, group, fraction):
    """A ForcedFit for the members of the groups that were fitted."""

    def of_group(name):
        return stars[name].astype("f8")[group]

    return ForcedFit(
        flux=of_group("flux") * fraction,
        # The members of a pair can't be told apart: each carries the whole error.
        flux_err=of_group("dflux"),
        rchi2=of_group("rchi2"),
        fracflux=of_group("fracflux") * fraction,
        quality=of_group("qf"),
        flags=stars["flags"].astype("i4")[group],
        model=model,
    )
