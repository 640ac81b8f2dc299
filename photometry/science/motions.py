"""Proper motions of reference sources: from a catalogue, and positions at other epochs by them."""

from dataclasses import dataclass

import numpy as np

from exposures.science.arrays import BoolArray, Float, FloatArray, Index
from exposures.science.astrometry import mutual_neighbours
from exposures.science.motion import DAYS_A_YEAR, moved
from exposures.science.quantities import (
    Count,
    Fraction,
    Milliarcseconds,
    Motion,
    Options,
    Pixels,
    Sigma,
    Switch,
    ThreeOrMore,
)
from photometry.science.calibration.calibration import MAG_PER_LN


@dataclass(frozen=True)
class MotionOptions(Options):
    """Options of the proper motions by which stars are looked for at another epoch."""

    use: Switch = True
    """Whether reference sources are measured where they are at the epoch of the image; else where
    they are on the reference."""
    match_pixels: Pixels = 1.0
    """Distance within which a source of a reference has the motion of a star of the catalogue."""
    max_error: Motion = 3.0
    """Largest error of a proper motion that is used."""
    min_probability: Fraction = 0.95
    """Least probability that a source is the published star whose proper motion it has."""
    min_stars: Count = 20
    """Least number of sources with a catalogue's proper motion, from which on the others of a field
    move as the middle of these."""
    min_significance: Sigma = 30.0
    """Least significance of a clean star's flux on an image, for its place there to be kept."""
    position_error: Milliarcseconds = 10.0
    """Error of a star's place on an image beside that of its pixels: what the air and neighbours
    do to it."""
    min_images: ThreeOrMore = 5
    """Least number of images with a star's place, for a proper motion to be measured of it."""
    min_sigma: Sigma = 5.0
    """Least significance of a measured proper motion that is used."""
    min_speed: Motion = 10.0
    """Least proper motion that is measured on images and used."""


@dataclass(frozen=True)
class Motions:
    """Proper motions of n stars in mas/yr; NaN where unknown."""

    pm_ra: np.ndarray  # (n,) times cos(dec)
    pm_dec: np.ndarray  # (n,)
    pm_ra_err: np.ndarray  # (n,)
    pm_dec_err: np.ndarray  # (n,)
    n_images: np.ndarray  # (n,) int, on which it was measured; 0 where it is a catalogue's

    def __len__(self) -> int:
        return len(self.pm_ra)

    def select(self, index: Index) -> "Motions":
        """The motions of a selection: indices (k,), or a mask (n,) of bool."""
        columns = (self.pm_ra, self.pm_dec, self.pm_ra_err, self.pm_dec_err, self.n_images)
        return Motions(*(values[index] for values in columns))

    @classmethod
    def unknown(cls, n: int) -> "Motions":
        """Of n stars, all NaN."""
        pm_ra, pm_dec, pm_ra_err, pm_dec_err = np.full((4, n), np.nan)
        return cls(pm_ra, pm_dec, pm_ra_err, pm_dec_err, np.zeros(n, int))

    @property
    def are_known(self) -> np.ndarray:
        """(n,) bool, whether the mas/yr of each are known."""
        return np.isfinite(self.pm_ra) & np.isfinite(self.pm_dec)

    @property
    def speed(self) -> np.ndarray:
        """(n,) mas/yr."""
        return np.hypot(self.pm_ra, self.pm_dec)

    @property
    def significance(self) -> np.ndarray:
        """(n,) the speed in sigma of its error; NaN where unknown."""
        return np.hypot(self.pm_ra / self.pm_ra_err, self.pm_dec / self.pm_dec_err)


def catalogue_motions(
    x: FloatArray,
    y: FloatArray,
    star_x: FloatArray,
    star_y: FloatArray,
    listed: Motions,
    options: MotionOptions = MotionOptions(),
) -> Motions:
    """The Motions of sources at ``x, y`` (n,), from stars at ``star_x, star_y`` (m,) pixels.

    ``listed`` are those of the m stars, at the same epoch. A source has the motion of a star if
    each is the other's nearest, within ``match_pixels``; NaN else, and where the error is above
    ``max_error`` or unknown.
    """
    with np.errstate(invalid="ignore"):
        largest = np.maximum(listed.pm_ra_err, listed.pm_dec_err)
        useful = np.isfinite(star_x) & np.isfinite(star_y) & listed.are_known
        useful &= largest <= options.max_error
    # Neighbours are looked for among all stars: one without a motion may be the source.
    placed = np.flatnonzero(np.isfinite(star_x) & np.isfinite(star_y))
    source, star = mutual_neighbours(x, y, star_x[placed], star_y[placed], options.match_pixels)
    star = placed[star]
    source, star = source[useful[star]], star[useful[star]]
    found = Motions.unknown(len(x))
    for name in ("pm_ra", "pm_dec", "pm_ra_err", "pm_dec_err"):
        getattr(found, name)[source] = getattr(listed, name)[star]
    return found


def usable_motions(
    listed: Motions, probability: FloatArray, options: MotionOptions = MotionOptions()
) -> BoolArray:
    """(n,) whether sources have the Motions (n,) of published stars that they are matched with.

    ``probability`` (n,) is that of each match, 0 to 1; it has to be ``min_probability``, and the
    error known and no larger than ``max_error`` mas/yr.
    """
    with np.errstate(invalid="ignore"):
        largest = np.maximum(listed.pm_ra_err, listed.pm_dec_err)
        is_good = (largest <= options.max_error) & (probability >= options.min_probability)
    return listed.are_known & is_good


def positions_at(
    ra: FloatArray,
    dec: FloatArray,
    motions: Motions,
    days: FloatArray,
    options: MotionOptions = MotionOptions(),
) -> tuple[FloatArray, FloatArray]:
    """Positions (n,) in degrees of sources ``days`` (n,) after they were at ``ra, dec`` (n,).

    Those without a motion go along with the middle of those that a catalogue has, ``min_stars`` at
    least: an image is registered to stars of which most move with the field, and who stood still
    would seem to move. All stay where motions are not to be used.
    """
    if not options.use:
        return ra, dec
    known = motions.are_known
    listed = known & (motions.n_images == 0)
    usual_ra, usual_dec = (
        _middle(values[listed], options.min_stars) for values in (motions.pm_ra, motions.pm_dec)
    )
    pm_ra = np.where(known, motions.pm_ra, usual_ra)
    pm_dec = np.where(known, motions.pm_dec, usual_dec)
    return moved(ra, dec, pm_ra, pm_dec, np.asarray(days) / DAYS_A_YEAR)


def _middle(values: FloatArray, fewest: int) -> Float:
    return float(np.median(values)) if len(values) >= fewest else 0.0


def fade_mag(shift_fwhm: FloatArray) -> FloatArray:
    """(n,) mag by which stars look fainter that are sought ``shift_fwhm`` (n,) FWHM off.

    Of a Gaussian with dispersion s, ``exp(-d^2 / 4 s^2)`` of the flux is found at a distance d.
    """
    return MAG_PER_LN * 2 * np.log(2) * np.square(shift_fwhm)
