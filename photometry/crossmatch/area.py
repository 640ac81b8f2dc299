"""The sky area of a cross-match: the footprints of images, with margins."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exposures.science.footprints import in_circles, is_within, sides_of, unit_vectors, widened
from photometry.crossmatch.catalogues import CatalogueArea
from photometry.crossmatch.sources import Sources

AT_ONCE = 1 << 15  # sources, or those of one catalogue


@dataclass(frozen=True)
class Area:
    """The images whose sources are cross-matched again."""

    image_ids: frozenset[int]
    footprints: np.ndarray  # (m, 8) each once, as filters may share them

    @classmethod
    def of(cls, footprints):
        """The area of images {id: footprint}."""
        different = dict.fromkeys(map(tuple, footprints.values()))
        return cls(frozenset(footprints), np.array(list(different), float).reshape(-1, 8))

    def holds(self, chips: list[CatalogueArea], sources: Sources, margins_arcsec) -> np.ndarray:
        """(k, n) whether sources lie on the images or within each of margins (k,) of them.

        The margins become smaller. Sources of the images themselves count wherever they are.
        """
        is_own = np.array([chip.image in self.image_ids for chip in chips], bool)
        inside = np.tile(is_own[sources.chip], (len(margins_arcsec), 1))
        areas = [widened(self.footprints, margin) for margin in margins_arcsec]
        for some, rows in _pieces(sources, is_own):
            touching = self._touching(
                [chips[number] for number in some.tolist()], margins_arcsec[0]
            )
            places = sources.places[rows]
            i, j = in_circles(areas[0][touching], places)
            for number, area in enumerate(areas):
                within = is_within(sides_of(area[touching])[j], places[i])
                i, j = i[within], j[within]
                inside[number, rows[i]] = True
        return inside

    def _touching(self, chips, margin_arcsec):
        """Indices of the footprints that may share sky with chips, once widened."""
        centres, reach = self._circles
        own = unit_vectors([(chip.ra, chip.dec) for chip in chips])
        radii = np.radians([chip.radius + 2 * margin_arcsec / 3600 for chip in chips])
        near = own @ centres.T > np.cos(np.minimum(radii[:, None] + reach, np.pi))
        return np.flatnonzero(near.any(axis=0))

    @cached_property
    def _circles(self):
        """(n, 3) unit vectors of the footprints' middles, and (n,) radii round them, radians."""
        corners = unit_vectors(np.ravel(self.footprints)).reshape(-1, 4, 3)
        centres = corners.mean(axis=1)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        nearest = np.sum(corners * centres[:, None], axis=2).min(axis=1, initial=1.0)
        return centres, np.arccos(np.clip(nearest, -1, 1))


def _pieces(sources, is_own) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of some of the chips that are no images of the area, and of all of their sources."""
    rows = np.flatnonzero(~is_own[sources.chip])
    chip = sources.chip[rows]
    starts = np.searchsorted(chip, np.unique(chip))
    begun = np.unique(starts // AT_ONCE, return_index=True)[1][1:]
    for piece in np.split(rows, starts[begun]):
        yield np.unique(sources.chip[piece]), piece
