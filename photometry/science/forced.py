"""Fluxes of stars at known positions, blended neighbours fitted together."""

from dataclasses import dataclass

import numpy as np
from crowdsource import crowdsource_base
from scipy.ndimage import map_coordinates, spline_filter
from scipy.signal import fftconvolve
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from exposures.science.quantities import Count, Fraction, Margin, Sigma, TwoOrMore
from photometry.science.crowdsource_adapter import AdaptedPsf, frozen_heap, inverse_sigma, quiet

# Set in the flags, beside those of MaskBit, of what is too sharp for a star: a hot pixel or a
# cosmic ray.
SHARP = 128


@dataclass(frozen=True)
class ForcedOptions:
    """How the forced fit is done."""

    n_rounds: TwoOrMore = 3  # the sky left over is measured again before each but the first
    n_neighbours: Count = 12  # that enter a star's error
    sharp_excess: Fraction = 0.4  # of the PSF's central pixel, left over there: light in one pixel
    sharp_sigma: Sigma = 5.0  # and its significance
    merge_pixels: Margin = 1.0  # positions closer than this are one source to the fit


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
    flux_err: np.ndarray  # (n,) neighbours included
    rchi2: np.ndarray  # (n,) PSF-weighted reduced chi2
    fracflux: np.ndarray  # (n,) share of the light in the stamp that is the star's own
    quality: np.ndarray  # (n,) share of the PSF on usable pixels
    flags: np.ndarray  # (n,) int, mask bits of the 3 x 3 pixels at the star, and SHARP
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
    with quiet(), frozen_heap():
        fitted, model, _, _ = crowdsource_base.fit_im_force(
            np.ascontiguousarray(data, dtype="f4"),
            y.astype("f4"),
            x.astype("f4"),
            AdaptedPsf(psf),
            weight=inverse_sigma(weight),
            psfderiv=False,
            refit_sky=True,
            startsky=0.0,
            niter=max(options.n_rounds, 2),
        )
    inflation = neighbour_inflation(x, y, psf, options.n_neighbours)
    flags = core_flags(mask, x, y)
    flags |= SHARP * is_sharp((data - model, weight), psf, (x, y, fitted["flux"]), options)
    return _expand(fitted, model, _Groups(group, _fraction(stars, group), inflation, flags))


def merge_groups(x, y, radius):
    """(n,) group numbers; positions nearer than ``radius`` to another share its group."""
    pairs = cKDTree(np.column_stack([x, y])).query_pairs(radius, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(x), len(x)))
    return connected_components(links, directed=False)[1]


def _fraction(stars, group):
    """(n,) part of the group's flux that is each star's."""
    _, family = np.unique(np.column_stack([group, stars.catalogue]), axis=0, return_inverse=True)
    return stars.share / np.bincount(family, stars.share)[family]


def core_flags(mask, x, y):
    """(n,) mask bits that are set in any of the 3 x 3 pixels at each position."""
    padded = np.pad(mask, 1).astype("i4")
    column, row = np.round(x).astype(int), np.round(y).astype(int)
    cores = [padded[row + j, column + i] for j in range(3) for i in range(3)]
    return np.bitwise_or.reduce(cores)


def neighbour_inflation(x, y, psf, n_neighbours):
    """(n,) factors by which neighbours raise each star's error over that of a star alone.

    The error of a flux fitted together with others is the root of a diagonal element of the
    inverse of A'WA. Off the diagonal this matrix falls off like the PSF's autocorrelation, so a
    star's nearest neighbours hold nearly all of it: each star's own small block is inverted.
    """
    n = min(n_neighbours, len(x) - 1)
    if n == 0:
        return np.ones(1)
    positions = np.column_stack([x, y])
    _, index = cKDTree(positions).query(positions, k=n + 1)
    correlation = _autocorrelation(psf, np.mean(x), np.mean(y))
    inflation = np.empty(len(x))
    for start in range(0, len(x), 10_000):
        block = positions[index[start : start + 10_000]]
        offset = block[:, :, None, :] - block[:, None, :, :]
        matrix = correlation(offset[..., 0], offset[..., 1]) + 1e-6 * np.eye(n + 1)
        inflation[start : start + 10_000] = np.sqrt(np.linalg.inv(matrix)[:, 0, 0])
    return inflation


def _autocorrelation(psf, x, y, size=59):
    """The overlap of two PSFs as a function of their offset in x and y, 1 at none."""
    stamp = psf.stamps(np.round([x]), np.round([y]), size)[0].astype("f8")
    overlap = fftconvolve(stamp, stamp[::-1, ::-1], mode="same")
    spline = spline_filter(overlap / overlap.max())

    def correlation(dx, dy):
        coordinates = np.array([dy + size // 2, dx + size // 2])
        return map_coordinates(spline, coordinates, mode="constant", prefilter=False)

    return correlation


def is_sharp(leftover, psf, stars, options=ForcedOptions()):
    """True where the fit leaves much light in the central pixel of a star.

    ``leftover`` is the residual image and its weight, ``stars`` are x, y (pixels) and flux. A hot
    pixel, whatever its flux, leaves the same multiple of the PSF's central pixel.
    """
    residual, weight = leftover
    x, y, flux = stars
    centre = np.round(y).astype(int), np.round(x).astype(int)
    expected = flux * psf.stamps(x, y, 1)[:, 0, 0]
    excess = residual[centre] > options.sharp_excess * np.abs(expected)
    return excess & (residual[centre] * np.sqrt(weight[centre]) > options.sharp_sigma)


@dataclass(frozen=True)
class _Groups:
    """What the members of the fitted groups don't share with them."""

    number: np.ndarray  # (n,) group of each star
    fraction: np.ndarray  # (n,) of the group's flux
    inflation: np.ndarray  # (n_groups,) of the error
    flags: np.ndarray  # (n_groups,)


def _expand(fitted, model, groups):
    """A ForcedFit for the members of the groups that were fitted."""

    def of_group(name):
        return fitted[name].astype("f8")[groups.number]

    return ForcedFit(
        flux=of_group("flux") * groups.fraction,
        # The members of a pair can't be told apart: each carries the whole error.
        flux_err=of_group("dflux") * groups.inflation[groups.number],
        rchi2=of_group("rchi2"),
        fracflux=of_group("fracflux") * groups.fraction,
        quality=of_group("qf"),
        flags=groups.flags[groups.number],
        model=model,
    )
