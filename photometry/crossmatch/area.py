"""The sky area of a cross-match: the footprints of images, with margins."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from exposures.science.angles import to_sky
from exposures.science.footprints import contains, is_in_any, tangent_plane, unit_vectors

# Beyond the images: objects that reach as far are made anew, and what lies round those is read.
WRITTEN_ARCSEC, READ_ARCSEC = 10.0, 20.0


@dataclass(frozen=True)
class CatalogueArea:
    """A catalogue in use, with the footprint of its image."""

    catalogue: int
    image: int
    exposure: int
    filter: str
    fwhm: float  # arcsec
    ra: float  # ICRS degrees
    dec: float
    radius: float  # degrees
    footprint: tuple[float, ...]


@dataclass(frozen=True)
class Area:
    """The images whose sources are cross-matched again."""

    image_ids: frozenset[int]
    footprints: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, images):
        """The area of images that have footprints."""
        footprints = tuple(np.array(image.footprint) for image in images)
        return cls(frozenset(image.pk for image in images), footprints)

    @cached_property
    def read(self) -> list[np.ndarray]:
        """The footprints, widened by the margin within which sources are read."""
        return [_widened(footprint, READ_ARCSEC) for footprint in self.footprints]

    @cached_property
    def written(self) -> list[np.ndarray]:
        """The footprints, widened by the margin within which objects are made anew."""
        return [_widened(footprint, WRITTEN_ARCSEC) for footprint in self.footprints]

    def chosen(self, chip, other, reach_arcsec, sources, own):
        """(k,) which of the sources of a chip, a slice of them, are in the area near another chip.

        Numbers from the beginning of the slice.
        """
        ra, dec = sources.ra[own], sources.dec[own]
        inside = contains(_widened(other.footprint, reach_arcsec), ra, dec)
        if chip.image not in self.image_ids:
            touching = [self.read[footprint] for footprint in self._touching(chip)]
            left = np.flatnonzero(inside)
            inside[left] = is_in_any(np.array(touching).reshape(-1, 8), ra[left], dec[left])
        return np.flatnonzero(inside)

    def holds(self, chip, ra, dec):
        """(n,) whether sources of a chip lie on the images or within WRITTEN_ARCSEC of them."""
        if chip.image in self.image_ids:
            return np.ones(len(ra), bool)
        touching = [self.written[footprint] for footprint in self._touching(chip)]
        return is_in_any(np.array(touching).reshape(-1, 8), ra, dec)

    def _touching(self, chip):
        """Indices of the footprints that may share sky with a chip, once widened."""
        centres, reach = self._circles
        (own,) = unit_vectors([chip.ra, chip.dec])
        reach = reach + np.radians(chip.radius + 2 * READ_ARCSEC / 3600)
        return np.flatnonzero(centres @ own > np.cos(np.minimum(reach, np.pi))).tolist()

    @cached_property
    def _circles(self):
        """(n, 3) unit vectors of the footprints' middles, and (n,) radii round them, radians."""
        corners = unit_vectors(np.ravel(self.footprints)).reshape(-1, 4, 3)
        centres = corners.mean(axis=1)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        nearest = np.sum(corners * centres[:, None], axis=2).min(axis=1, initial=1.0)
        return centres, np.arccos(np.clip(nearest, -1, 1))


def _widened(footprint, margin_arcsec):
    """A footprint with its edges moved outwards by at least a margin."""
    return _widened_corners(tuple(footprint), margin_arcsec)


@lru_cache(maxsize=1000)
def _widened_corners(footprint, margin_arcsec):
    corners = unit_vectors(footprint)
    centre = corners.mean(axis=0)
    centre /= np.linalg.norm(centre)
    plane = tangent_plane(corners, centre)
    following = np.roll(plane, -1, axis=0)
    twice_area = np.abs(plane[:, 0] * following[:, 1] - plane[:, 1] * following[:, 0])
    to_edges = twice_area / np.linalg.norm(following - plane, axis=1)
    factor = 1 + 1.01 * np.radians(margin_arcsec / 3600) / to_edges.min()
    moved = centre + factor * (corners / (corners @ centre)[:, None] - centre)
    return np.column_stack(to_sky(moved)).ravel()
