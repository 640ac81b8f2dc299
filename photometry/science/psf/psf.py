"""A point-spread function that varies across the chip, evaluated for many stars at once."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from exposures.science.arrays import FloatArray, Floats
from exposures.science.quantities import (
    Count,
    Exponent,
    Few,
    Fraction,
    InFwhm,
    OddPixels,
    Options,
    Pixels,
    Ratio,
    Rounds,
    Sigma,
    Trials,
)
from photometry.science.psf.moffat import WING_BETA, inverse_width, moffat_norm, wing_width
from photometry.science.psf.stamps import (
    AMPLITUDE,
    CORE_SCALE,
    DX,
    DY,
    TERMS,
    U2,
    UV,
    V2,
    WING,
    WING_WIDTH,
    Profiles,
    evaluate,
)

# Positions enter the polynomials in units of this many pixels, so that coefficients of all
# orders are of one size.
POSITION_SCALE = 1000.0
# Bounds of a profile's shape parameters: fwhm in pixels, e1, e2 (axis ratios above 0.4), beta and
# wing.
SHAPE_LOW = np.array([1.0, -0.4, -0.4, 1.5, 0.0])
SHAPE_HIGH = np.array([40.0, 0.4, 0.4, 12.0, 1.0])


@dataclass(frozen=True)
class PsfOptions(Options):
    """Options of the PSF's fit to a chip's bright stars."""

    n_stars: Trials = 200
    """Largest number of suitable stars to which the PSF is fitted, the brightest of each part of
    the chip."""
    min_stars_linear: Count = 25
    """Least number of stars for the PSF's shape to vary across the chip."""
    min_stars_core: Count = 8
    """Least number of stars for a core that is free pixel by pixel; with fewer the PSF is a Moffat
    profile alone."""
    core_pixels: OddPixels = 15
    """Least side of the PSF's core that is free pixel by pixel; an odd number."""
    core_fwhm: InFwhm = 3.0
    """Side of the PSF's core in FWHM, where that is more than its least side."""
    beta: Exponent = 3.0
    """Exponent of the Moffat profile from which the fit starts."""
    max_wing: Fraction = 0.27
    """Largest share of a star's light in the wing that the air makes beyond the Moffat profile; 0
    for none, 0.26 is Kolmogorov's turbulence. There is none where the exponent of the profile alone
    is below 4, and all of it from 4.5 on."""
    max_steps: Rounds = 8
    """Largest number of steps of the fit of the PSF's profile."""
    model_error: Fraction = 0.03
    """Share of a pixel's model value that is added to its noise when the PSF's shape is fitted."""
    default_fwhm_pixels: Pixels = 4.0
    """Seeing that is assumed where neither the header nor the stars tell."""
    candidates_a_star: Few = 5
    """Number of bright stars that are looked at for each star that the PSF is fitted to."""
    max_missing: Fraction = 0.03
    """Largest share of the light on unusable pixels of a star that the PSF is fitted to."""
    min_share: Fraction = 0.5
    """Least share of the light in its stamp that is its own, of a star that the PSF is fitted
    to."""
    min_signal: Sigma = 10.0
    """Least significance of the central pixel of a star that the PSF is fitted to."""
    max_offset_pixels: Pixels = 1.0
    """Largest distance of a star's position from its light, beyond the shift of all stars, for the
    PSF to be fitted to it."""
    loss_sigma: Sigma = 3.0
    """Deviation of a pixel beyond which it pulls no harder at the PSF's profile."""
    clip_sigma: Sigma = 3.0
    """Deviation of a star in a pixel of the PSF's core beyond which it is clipped."""
    star_clips: Rounds = 2
    """Largest number of times that stars unlike the others are left out of the PSF's fit."""
    star_deviation: Ratio = 3.0
    """Squared deviation of a star from the PSF, in the median of all stars', beyond which it is
    left out."""
    seeing_sigma: Sigma = 20.0
    """Least significance of the peaks from which the seeing is first estimated."""
    n_seeing: Trials = 60
    """Largest number of bright peaks from which the seeing is first estimated."""
    min_seeing: Trials = 5
    """Least number of bright peaks for an estimate of the seeing; with fewer the header's is
    taken."""


@dataclass(frozen=True)
class ChipPsf:
    """An elliptical profile plus a free core, both linear in position on the chip.

    The profile is ``(1 + q / alpha^2)^-beta`` with
    ``q = (1 + e1) dx^2 + (1 - e1) dy^2 + 2 e2 dx dy`` (Moffat 1969, A&A 3, 455), and for a share of
    its light another such, a wing of the same FWHM whose exponent is WING_BETA. The core is a cubic
    B-spline and is added to it. Integrates to 1.
    """

    fwhm: np.ndarray  # (n_terms,) pixels: constant, x, y
    e1: np.ndarray  # (n_terms,)
    e2: np.ndarray  # (n_terms,)
    beta: float
    # (n_terms, k, k) B-spline coefficients, [y, x]
    core: np.ndarray | None = field(default=None, repr=False)
    options: PsfOptions = field(default=PsfOptions(), repr=False)
    wing: float = 0.0  # share of the profile's light

    @classmethod
    def round(cls, fwhm_pixels: float, options: PsfOptions = PsfOptions()) -> Self:
        """A circular Moffat profile with a width of a number of pixels, from which fits start."""
        zero = np.zeros(1)
        return cls(np.array([float(fwhm_pixels)]), zero, zero, options.beta, None, options)

    @property
    def is_round(self) -> bool:
        """Whether it is circular all over the chip, as a guess is and no fit to real stars."""
        return self.core is None and not (np.any(self.e1) or np.any(self.e2))

    def seen_from(self, left: float, top: float) -> Self:
        """The same PSF by positions on a part of the chip whose first pixel is at ``left, top``."""
        fwhm, e1, e2 = (_from(c, left, top) for c in (self.fwhm, self.e1, self.e2))
        core = None if self.core is None else _from(self.core, left, top)
        return replace(self, fwhm=fwhm, e1=e1, e2=e2, core=core)

    def fwhm_at(self, x: Floats, y: Floats) -> Any:
        """FWHM in pixels, geometric mean of the axes, at ``x, y`` pixels; of the same shape."""
        return np.clip(_polynomial(self.fwhm, x, y), SHAPE_LOW[0], SHAPE_HIGH[0])

    def shape_at(self, x: FloatArray, y: FloatArray) -> list[FloatArray]:
        """FWHM in pixels and both ellipticities at ``x, y``, within the bounds of the fit.

        Three arrays of the same shape. Beyond the stars that it was fitted to, a polynomial may
        leave the bounds, and then it is none.
        """
        columns = (_polynomial(c, x, y) for c in (self.fwhm, self.e1, self.e2))
        bounds = zip(SHAPE_LOW[:3], SHAPE_HIGH[:3], strict=True)
        return [np.clip(c, *limits) for c, limits in zip(columns, bounds, strict=True)]

    def ellipticity_at(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both ellipticities, e1 along the axes and e2 along the diagonals, at ``x, y`` pixels.

        The same shape as theirs, no unit. As the polynomials have them, which may be outside of the
        bounds of the fit.
        """
        return _polynomial(self.e1, x, y), _polynomial(self.e2, x, y)

    def profiles(self, x: ArrayLike, y: ArrayLike) -> Profiles:
        """Profiles of stars at ``x, y`` (n,) pixels on stamps centred on the nearest pixel."""
        x, y = np.atleast_1d(x).astype("f8"), np.atleast_1d(y).astype("f8")
        fwhm, e1, e2 = self.shape_at(x, y)
        inverse = inverse_width(fwhm, self.beta)
        width = wing_width(self.beta)
        norm = moffat_norm(inverse, e1, e2, self.beta)
        core = np.zeros((1, 0, 0)) if self.core is None else self.core
        terms = position_terms(len(core), x, y)
        scale = 1 / (1 + np.einsum("tjk,tn->n", core, terms))
        columns = {
            U2: (1 + e1) * inverse,
            UV: 2 * e2 * inverse,
            V2: (1 - e1) * inverse,
            AMPLITUDE: (1 - self.wing) * norm * scale,
            WING: self.wing * moffat_norm(width * inverse, e1, e2, WING_BETA) * scale,
            WING_WIDTH: width,
            DX: x - np.round(x),
            DY: y - np.round(y),
            CORE_SCALE: scale,
        }
        parameters = np.empty((len(x), TERMS + len(core)), np.float32)
        for column, values in columns.items():
            parameters[:, column] = values
        parameters[:, TERMS:] = terms.T
        return Profiles(parameters, core.astype("f4"), np.float32(self.beta))

    def reach(self, x: FloatArray, y: FloatArray, level: FloatArray) -> FloatArray:
        """(n,) pixels beyond which the PSF at ``x, y`` (n,) is below ``level`` (n,), 1/pixels^2.

        Where there is a wing, each of them is.
        """
        fwhm, e1, e2 = self.shape_at(x, y)
        inverse = inverse_width(fwhm, self.beta)
        q = _fall((1 - self.wing) * moffat_norm(inverse, e1, e2, self.beta) / level, self.beta)
        if self.wing > 0:
            width = wing_width(self.beta)
            height = self.wing * moffat_norm(width * inverse, e1, e2, WING_BETA)
            q = np.maximum(q, _fall(height / level, WING_BETA) / width)
        narrowest = inverse * (1 - np.minimum(np.hypot(e1, e2), 0.9))
        return np.sqrt(q / narrowest)

    def stamps(self, x: ArrayLike, y: ArrayLike, size: int) -> FloatArray:
        """(n, size, size) PSF of stars at ``x, y`` (n,) on stamps centred on the nearest pixel."""
        return evaluate(self.profiles(x, y), size)


def _fall(times: FloatArray, beta: float) -> FloatArray:
    """(n,) the q at which a profile has fallen ``times`` (n,), 0 where it begins lower."""
    return np.maximum(times, 1) ** (1 / beta) - 1


def position_terms(n_terms: int, x: ArrayLike, y: ArrayLike) -> FloatArray:
    """(n_terms, n) the first ``n_terms`` of 1, x, y in units of POSITION_SCALE.

    ``x, y`` are pixels, (n,) or of any shape, which takes the place of n.
    """
    one = np.ones(np.shape(x))
    return np.array([one, np.divide(x, POSITION_SCALE), np.divide(y, POSITION_SCALE)])[:n_terms]


def _from(coefficients: FloatArray, left: float, top: float) -> FloatArray:
    """Coefficients of the terms of a position that is counted from ``left, top``."""
    terms = position_terms(len(coefficients), left, top)
    return np.concatenate([np.tensordot(terms, coefficients, 1)[None], coefficients[1:]])


def _polynomial(coefficients: FloatArray, x: ArrayLike, y: ArrayLike) -> Any:
    # Not by BLAS, whose last digit depends on the number of threads.
    return np.einsum("t,t...->...", coefficients, position_terms(len(coefficients), x, y))
