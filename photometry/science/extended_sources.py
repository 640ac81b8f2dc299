"""Groups of sources that are one extended source, which the search for stars took apart.

A group of point sources explains a galaxy nearly as well as one of real stars. What tells them
apart is the light between its members. So the light of a group is fitted with its point sources and
with the PSF convolved with Gaussians of several widths, none of them negative: of real stars the
wide ones get nothing, of a galaxy they get much of the light and leave less of it over. The
comparison of a PSF with a wider one is that of ``spread_model`` (Desai et al. 2012, ApJ 757, 83,
also in crowdsource, Schlafly et al. 2018, ApJS 234, 39); in a crowd it is not told by one source
alone, which may be two stars.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.quantities import (
    Arcseconds,
    Fraction,
    InFwhm,
    Options,
    Ratio,
    Sigma,
    Switch,
    ThreeOrMore,
)
from photometry.science.psf.psf import ChipPsf
from photometry.science.weighted_image import WeightedImage

# Set in the flags of a reference's sources, beside those of MaskBit, SHARP and IN_WINGS, of the
# members of an extended source.
EXTENDED = 512

SURROUNDINGS = 3  # radii of a group, within which sources tell how many to expect in it
MARGIN = 8  # pixels beyond a group to which the PSF is known, for what is convolved with it
ROUND_WIDTHS = np.array([0.5, 1.0, 2.0])  # of round Gaussians at the brightest, in sigma of the PSF
GROUP_WIDTHS = np.sqrt([0.3, 1.0])  # of those shaped as the group, in its own widths
SIGMA_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


@dataclass(frozen=True)
class ExtendedOptions(Options):
    """Options of the recognition of extended sources on a reference."""

    flag: Switch = True
    """Whether groups of sources that are one extended source are flagged; their changes are then
    tested by the sum of their fluxes alone."""
    radius_arcsec: Arcseconds = 2.0
    """Distance from the brightest source of a group to which its members lie."""
    min_members: ThreeOrMore = 4
    """Least number of sources of a group: two or three are stars."""
    min_signal: Sigma = 5.0
    """Least significance of a source that is a member of a group."""
    min_contrast: Ratio = 2.5
    """Least number of a group's members in the number to expect of the sources within three times
    its radius; with fewer they are a crowd's, or nebulosity."""
    max_brightest: Fraction = 0.5
    """Largest share of a group's light in its brightest source."""
    min_width_fwhm: InFwhm = 0.2
    """Root mean square width of a group across its longest axis, in FWHM, below which it is a row
    of stars."""
    min_share: Fraction = 0.4
    """Least share of a group's light that is wider than the PSF."""
    min_significance: Sigma = 4.5
    """Least significance of this light: the root of the chi2 that it explains."""
    max_rchi2: Ratio = 1.5
    """Largest reduced chi2 that it leaves over; what it doesn't explain is a crowd of stars."""
    model_error: Fraction = 0.03
    """Error of a pixel, as a share of its light."""


class PointSources(NamedTuple):
    """Sources as a fit has them; (n,), pixels and ADU."""

    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray


def find_extended(
    left: WeightedImage,
    psf: ChipPsf,
    sources: PointSources,
    radius: float,
    options: ExtendedOptions = ExtendedOptions(),
) -> BoolArray:
    """(n,) whether PointSources are members of a group that is one extended source.

    ``left`` is the WeightedImage of (ny, nx) pixels in ADU that a fit of these and of all other
    stars leaves over; ``radius`` is that of a group in pixels. Groups at the edge of the image are
    not looked at.
    """
    found = np.zeros(len(sources.x), bool)
    half = int(np.ceil(radius)) + 1
    for members in _groups(sources, psf, radius, options):
        row, column = (int(np.round(c[members[0]])) for c in (sources.y, sources.x))
        square = slice(row - half, row + half + 1), slice(column - half, column + half + 1)
        data, weight = left.data[square], left.weight[square]
        if row < half or column < half or data.shape != (2 * half + 1, 2 * half + 1):
            continue
        group = PointSources(*(c[members] for c in sources))
        if _is_wide(_GroupImage.of(data, weight, psf, group, radius, options), options):
            found[members] = True
    return found


def _groups(
    sources: PointSources, psf: ChipPsf, radius: float, options: ExtendedOptions
) -> list[IntArray]:
    """Members of each group that may be an extended source, its brightest first.

    By the number of its members, the share of its brightest and its width alone.
    """
    x, y, flux = sources
    if len(x) < options.min_members:
        return []
    tree = cKDTree(np.column_stack([x, y]))
    pairs = tree.query_pairs(radius, output_type="ndarray")
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    n = len(x)
    dx, dy, light = x[other] - x[one], y[other] - y[one], flux[other]

    def sums(values: FloatArray) -> FloatArray:
        return np.bincount(one, values.astype("f8"), n).astype("f8")

    total = flux + sums(light)
    variance_x, variance_y, covariance = (
        sums(light * u * v) / total - sums(light * u) * sums(light * v) / total**2
        for u, v in ((dx, dx), (dy, dy), (dx, dy))
    )
    across = (variance_x + variance_y) / 2
    across -= np.hypot((variance_x - variance_y) / 2, covariance)
    chosen = sums(light > flux[one]) == 0
    n_members = np.bincount(one, minlength=n) + 1
    chosen &= n_members >= options.min_members
    chosen &= flux <= options.max_brightest * total
    chosen &= across > (options.min_width_fwhm * psf.fwhm_at(x, y)) ** 2
    some = np.flatnonzero(chosen)
    around = tree.query_ball_point(tree.data[some], SURROUNDINGS * radius, return_length=True)
    chosen[some] = n_members[some] >= options.min_contrast * around / SURROUNDINGS**2
    if not chosen.any():
        return []
    of_chosen = chosen[one]
    one, other = one[of_chosen], other[of_chosen]
    order = np.argsort(one, kind="stable")
    centres, first = np.unique(one[order], return_index=True)
    neighbours = np.split(other[order], first[1:])
    return [np.append(c, near) for c, near in zip(centres, neighbours, strict=True)]


class _GroupImage(NamedTuple):
    """The light of a group within its radius; p usable pixels, in sigma of each."""

    light: np.ndarray  # (p,)
    point_sources: np.ndarray  # (k, p) of a flux of 1
    wide: np.ndarray  # (m, p) the PSF convolved with Gaussians, of a flux of 1
    sigma: np.ndarray  # (p,) ADU

    @classmethod
    def of(
        cls,
        data: FloatArray,
        weight: FloatArray,
        psf: ChipPsf,
        group: PointSources,
        radius: float,
        options: ExtendedOptions,
    ) -> "_GroupImage":
        """From the square of pixels round the brightest source, and what a fit leaves of it."""
        half = len(data) // 2
        stamps = _moved_stamps(psf, group, half)
        model = np.tensordot(group.flux, stamps, 1)
        v, u = np.mgrid[-half : half + 1, -half : half + 1]
        x, y = group.x[0], group.y[0]
        usable = (weight > 0) & (np.hypot(u - x + np.round(x), v - y + np.round(y)) < radius)
        sigma = np.sqrt(1 / weight[usable] + (options.model_error * model[usable]) ** 2)
        wide = _wide_stamps(psf, group, half)
        return cls(
            (data + model)[usable] / sigma,
            stamps[:, usable] / sigma,
            wide[:, usable] / sigma,
            sigma,
        )


def _moved_stamps(psf: ChipPsf, group: PointSources, half: int) -> FloatArray:
    """(k, 2 half + 1, 2 half + 1) PSF of each of a group round the pixel of its first."""
    column, row = (np.round(c).astype(int) for c in (group.x, group.y))
    right, down = column - column[0], row - row[0]
    reach = half + int(max(np.abs(right).max(), np.abs(down).max()))
    stamps = psf.stamps(group.x, group.y, 2 * reach + 1)
    size = 2 * half + 1
    corners = zip(reach - half - down, reach - half - right, strict=True)
    return np.array(
        [
            stamp[top : top + size, left : left + size]
            for stamp, (top, left) in zip(stamps, corners, strict=True)
        ]
    )


def _wide_stamps(psf: ChipPsf, group: PointSources, half: int) -> FloatArray:
    """(m, 2 half + 1, 2 half + 1) the PSF convolved with Gaussians, round the same pixel.

    Round ones at the brightest source, and others with the centre and shape of the whole group.
    """
    x, y, flux = group
    reach = half + MARGIN
    n = fft.next_fast_len(2 * reach + 1 + MARGIN, real=True)
    transform = fft.rfft2(psf.stamps(x[:1], y[:1], 2 * reach + 1)[0], (n, n))
    v, u = fft.fftfreq(n)[:, None], fft.rfftfreq(n)[None]
    dx, dy = (np.average(c - c[0], weights=flux) for c in (x, y))
    covariance = np.cov(x, y, aweights=flux, ddof=0)
    own = covariance[0, 0] * u**2 + 2 * covariance[0, 1] * u * v + covariance[1, 1] * v**2
    moved = transform * np.exp(-2j * np.pi * (u * dx + v * dy))
    sigma = SIGMA_PER_FWHM * psf.fwhm_at(x[0], y[0])
    spectra = [
        *(transform * np.exp(-2 * (np.pi * w * sigma) ** 2 * (u**2 + v**2)) for w in ROUND_WIDTHS),
        *(moved * np.exp(-2 * (np.pi * w) ** 2 * own) for w in GROUP_WIDTHS),
    ]
    inner = slice(MARGIN, MARGIN + 2 * half + 1)
    return fft.irfft2(spectra, (n, n))[:, inner, inner]


def _is_wide(image: _GroupImage, options: ExtendedOptions) -> bool:
    """Whether much of a group's light is wider than the PSF, and no point sources explain it."""
    n_points = len(image.point_sources)
    profiles = np.concatenate([image.point_sources, image.wide])
    n_pixels = len(image.light)
    if n_pixels <= len(profiles):
        return False
    surplus = n_points / options.min_members
    flux, rest = nnls(profiles.T, image.light)
    if rest**2 > options.max_rchi2 * surplus**2 * n_pixels:
        return False
    light = flux * (profiles @ image.sigma)
    if light[n_points:].sum() <= options.min_share / surplus * light.sum():
        return False
    _, rest_of_points = nnls(image.point_sources.T, image.light)
    return bool(rest_of_points**2 - rest**2 > options.min_significance**2)
