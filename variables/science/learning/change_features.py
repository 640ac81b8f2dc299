"""Features of candidates that sum up their changes: on how many images, how, and what of image."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import FloatArray, IntArray
from variables.science.learning.facts import Facts
from variables.science.selection import CUTS

CUT_SHARES = tuple(f"share_{name}" for name in CUTS)
# Bits of flags of measurements: mask bits, and what the fit says.
FLAG_SHARES = {
    "share_bad": 1 | 2 | 32,
    "share_at_saturated": 4 | 8,
    "share_cosmic_ray": 16,
    "share_streak": 64,
    "share_too_sharp": 128,
    "share_in_wings": 256,
}
MEANS = ("rchi2", "fracflux", "quality", "significance")
CHANGE_FEATURES = (
    *("share_brighter", "n_nights", "delta_scatter", "delta_steadiness", "position_scatter"),
    *("seeing_ratio", "sky_ratio", "least_crowd", "mean_crowd", "near_on_image"),
    *(f"mean_{name}" for name in MEANS),
    *("max_rchi2", "significance_share", *CUT_SHARES, *FLAG_SHARES),
)
NEAR_PIXELS = 30.0
APART = 1e6  # pixels, by which images are apart where places on several are looked up at once


@dataclass(frozen=True)
class _Groups:
    """The changes of each of n candidates."""

    of: IntArray  # (m,) the candidate of each change
    n: int

    def means(self, values: FloatArray | IntArray) -> FloatArray:
        """(n,) means of values (m,) without their NaN; NaN where nothing is left."""
        known = np.isfinite(values)
        number = np.bincount(self.of[known], minlength=self.n)
        return np.bincount(self.of[known], values[known], self.n) / number

    def scatter(self, values: FloatArray) -> FloatArray:
        """(n,) standard deviations of values (m,) without their NaN; NaN of less than two."""
        known = np.isfinite(values)
        off = (values - self.means(values)[self.of])[known]
        number = np.bincount(self.of[known], minlength=self.n)
        return np.sqrt(np.bincount(self.of[known], off**2, self.n) / (number - 1))

    def extreme(self, ufunc: np.ufunc, values: FloatArray | IntArray) -> FloatArray:
        """(n,) the least or greatest of values (m,), by np.fmin or np.fmax; NaN without one."""
        out = np.full(self.n, np.nan)
        ufunc.at(out, self.of, values)
        return out


def change_features(facts: Facts) -> dict[str, FloatArray]:
    """(n,) CHANGE_FEATURES by name, of n candidates; NaN of those that have no change.

    In magnitudes, pixels, arcsec and sigma, and shares and ratios without a unit.
    """
    ids, changes = facts.candidates["refsource_id"], facts.changes
    _, image, on_image = np.unique(changes["image_id"], return_inverse=True, return_counts=True)
    crowd = on_image[image].astype(float)
    near = _near_on_image(changes, image)
    place = np.searchsorted(ids, changes["refsource_id"])
    place[place == len(ids)] = 0
    own = ids[place] == changes["refsource_id"] if len(ids) else np.zeros(len(changes), bool)
    groups, c = _Groups(place[own], len(ids)), changes[own]
    delta = c["delta_mag"].astype(float)
    found = {
        # What vanished has no difference, and what is new none either, but failing a cut is told.
        "share_brighter": groups.means(np.where(np.isnan(delta), np.nan, delta < 0)),
        "n_nights": _n_nights(groups, c["mjd"]),
        "delta_scatter": groups.scatter(delta),
        "delta_steadiness": np.abs(groups.means(delta)) / groups.scatter(delta),
        "position_scatter": 3600 * groups.scatter(c["dec"].astype(float)),
        "seeing_ratio": groups.means(c["fwhm"]) / facts.candidates["usual_fwhm"],
        "sky_ratio": groups.means(c["sky"]) / facts.candidates["usual_sky"],
        "least_crowd": groups.extreme(np.fmin, crowd[own]),
        "mean_crowd": groups.means(crowd[own]),
        "near_on_image": groups.means(near[own]),
        "max_rchi2": groups.extreme(np.fmax, c["rchi2"]),
    }
    found |= {f"mean_{name}": groups.means(c[name]) for name in MEANS}
    found["significance_share"] = found["mean_significance"] / facts.candidates["max_significance"]
    for bit, name in enumerate(CUT_SHARES):
        found[name] = groups.means((c["failed_cuts"] >> bit) & 1)
    for name, bits in FLAG_SHARES.items():
        found[name] = groups.means(np.where(c["flags"] < 0, np.nan, (c["flags"] & bits) != 0))
    return found


def _n_nights(groups: _Groups, mjd: FloatArray) -> FloatArray:
    """(n,) on how many nights a candidate changed, by times (m,) in days; the date changes at noon.

    Noon of Chile is about 16 h UTC; elsewhere a night may count twice.
    """
    night = np.floor(mjd - 16 / 24).astype(int)
    pairs = np.unique(np.column_stack([groups.of, night]), axis=0)
    return np.bincount(pairs[:, 0], minlength=groups.n).astype(float)


def _near_on_image(changes: np.ndarray, image: IntArray) -> FloatArray:
    """(m,) how many other changes of an image are near each change, as along trails; no unit.

    NaN where its place is not known. ``image`` (m,) numbers the images.
    """
    x = changes["x"].astype(float) + APART * image
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(changes["y"]))
    number = np.full(len(changes), np.nan)
    if len(known):
        places = np.column_stack([x, changes["y"]])[known]
        tree = cKDTree(places)
        number[known] = tree.query_ball_point(places, NEAR_PIXELS, return_length=True) - 1
    return number
