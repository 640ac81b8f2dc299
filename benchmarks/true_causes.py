"""What by the truth of a simulation is in the places where something new was detected."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

MATCH_PIXELS = 1.5
NOVA_PART = 0.25  # least share of the light of a detection by which it is a nova's
LIGHT_FWHM = 0.75  # within which a star's light is that of a detection
LISTED_FWHM = 1.0  # within which a listed star may cause one
MOST = 0.5  # of a detection's light, or of its moment about a listed star, that explains it
CHANGED, DISPLACED = "changed", "displaced"


@dataclass(frozen=True)
class TrueStars:
    """The stars of an image by truth, arrays (n,)."""

    x: np.ndarray  # pixels
    y: np.ndarray
    flux: np.ndarray  # ADU
    flux_before: np.ndarray  # ADU, on the reference, with the zero point of this image
    is_nova: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """(n, 2) pixels."""
        return np.column_stack([self.x, self.y])


def unlisted_light(found, stars: TrueStars, listed: cKDTree, fwhm):
    """(n,) ADU of stars that are not listed where something was found, and whose it is, or -1.

    It is that of the brightest, or of a nova that has NOVA_PART of it.
    """
    # A listed source is the brightest true star at its place that was there on the reference, and
    # no nova; the others are not listed.
    is_listed = np.zeros(len(stars.x), bool)
    of_listed = _brightest_near(listed.data, stars)
    is_listed[of_listed[of_listed >= 0]] = True
    other = np.flatnonzero(~is_listed)
    tree = cKDTree(stars.places[other])
    near = tree.query_ball_point(np.column_stack([found.x, found.y]), LIGHT_FWHM * fwhm)
    light = np.array([stars.flux[other[of]].sum() for of in near])
    star = [
        max(
            other[of],
            key=lambda k: (stars.is_nova[k] and stars.flux[k] > NOVA_PART * own, stars.flux[k]),
        )
        if of
        else -1
        for of, own in zip(near, found.flux, strict=True)
    ]
    return light, np.array(star, int)


def listed_causes(found, stars: TrueStars, listed: cKDTree, fwhm):
    """(n,) how listed stars explain what was found: CHANGED, DISPLACED, or "" where they do not.

    CHANGED: the stars in the place are brighter by truth than on the reference, by MOST of its
    light. DISPLACED: a listed star lies off its listed place by truth, and to that side; the moment
    of its light about that place is MOST of that of the detection, or more.
    """
    places = np.column_stack([found.x, found.y])
    more = np.where(stars.is_nova, 0, stars.flux - stars.flux_before)
    near = cKDTree(stars.places).query_ball_point(places, LIGHT_FWHM * fwhm)
    is_changed = [more[of].sum() > MOST * own for of, own in zip(near, found.flux, strict=True)]
    of_listed = _brightest_near(listed.data, stars)
    is_displaced = np.zeros(len(places), bool)
    for k, beside in enumerate(listed.query_ball_point(places, LISTED_FWHM * fwhm)):
        chosen = np.array([i for i in beside if of_listed[i] >= 0], int)
        arm = places[k] - listed.data[chosen]
        off = stars.places[of_listed[chosen]] - listed.data[chosen]
        moment = stars.flux[of_listed[chosen]] * np.sum(off * arm, axis=1)
        is_displaced[k] = np.any(moment > MOST * found.flux[k] * np.sum(arm**2, axis=1))
    return np.where(is_changed, CHANGED, np.where(is_displaced, DISPLACED, ""))


def _brightest_near(places, stars: TrueStars):
    """(n,) the brightest star but for novae within MATCH_PIXELS of places (n, 2), -1 for none."""
    steady = np.flatnonzero(~stars.is_nova)
    near = cKDTree(stars.places[steady]).query_ball_point(places, MATCH_PIXELS)
    return np.array([max(steady[of], key=lambda k: stars.flux[k]) if of else -1 for of in near])
