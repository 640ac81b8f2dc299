"""The sky area of a cross-match: the footprints of images, with margins."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exposures.science.angles import to_sky
from exposures.science.footprints import contains, overlap_fraction, tangent_plane, unit_vectors

# Beyond the images: objects that reach as far are made anew, and what lies round those is read.
WRITTEN_ARCSEC, READ_ARCSEC = 10.0, 20.0
NEARLY_ALL = 0.8  # of a chip: there to test each source costs more than to look it up in vain


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

    def shares_sky_with(self, other) -> bool:
        """Whether their footprints overlap; those of the chips of one exposure never do."""
        return self.exposure != other.exposure and (
            overlap_fraction(self.footprint, other.footprint) > 0
            or overlap_fraction(other.footprint, self.footprint) > 0
        )


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

    def chosen(self, chip, other, reach_arcsec, sources, own):
        """(k,) which of the sources of a chip, a slice of them, are in the area near another chip.

        Numbers from the beginning of the slice.
        """
        ra, dec = sources.ra[own], sources.dec[own]
        inside = np.ones(len(ra), bool)
        if chip.image not in self.image_ids:
            inside = np.zeros(len(ra), bool)
            for footprint in self.read:
                if _may_touch(chip, footprint):
                    inside |= contains(footprint, ra, dec)
        if overlap_fraction(chip.footprint, other.footprint) < NEARLY_ALL:
            left = np.flatnonzero(inside)
            wide = _widened(other.footprint, reach_arcsec)
            inside[left] = contains(wide, ra[left], dec[left])
        return np.flatnonzero(inside)

    def holds(self, chip, ra, dec):
        """(n,) whether sources of a chip lie on the images or within WRITTEN_ARCSEC of them."""
        inside = np.full(len(ra), chip.image in self.image_ids)
        for footprint in self.footprints:
            left = np.flatnonzero(~inside)
            if len(left) and _may_touch(chip, footprint):
                wide = _widened(footprint, WRITTEN_ARCSEC)
                inside[left] = contains(wide, ra[left], dec[left])
        return inside


def _may_touch(chip, footprint):
    """Whether a chip may share sky with a widened footprint."""
    corners = unit_vectors(footprint)
    centre = corners.mean(axis=0)
    centre /= np.linalg.norm(centre)
    (own,) = unit_vectors([chip.ra, chip.dec])
    reach = np.arccos(np.clip((corners @ centre).min(), -1, 1)) + np.radians(chip.radius)
    return own @ centre > np.cos(min(reach + np.radians(2 * READ_ARCSEC / 3600), np.pi))


def _widened(footprint, margin_arcsec):
    """A footprint with its edges moved outwards by at least a margin."""
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
