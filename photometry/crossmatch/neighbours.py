"""Sources of two catalogues that lie near each other, of many pairs of catalogues at once."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

from exposures.science.arrays import BoolArray, FloatArray, IntArray
from exposures.science.footprints import is_within, overlap, sides_of, unit_vectors, widened
from photometry.crossmatch.catalogues import CatalogueArea
from photometry.crossmatch.sources import Sources
from photometry.science.crossmatch.matching import ARCSEC, Near
from photometry.science.crossmatch.options import CrossMatchOptions

AT_ONCE = 500_000  # sources, or those of two catalogues
PAIRS_AT_ONCE = 1 << 16  # of catalogues


@dataclass(frozen=True)
class CataloguePairs:
    """Pairs of catalogues that share sky, in order; arrays (m,)."""

    first: IntArray  # number of the catalogue
    second: IntArray  # a higher one
    reach: FloatArray  # arcsec, within which sources of the two can be linked
    fwhm: FloatArray  # (m, 2) arcsec, of their images
    sides: (
        FloatArray  # (m, 4, 3) of the second's image widened by the reach, as ``is_within`` has it
    )

    def __len__(self) -> int:
        return len(self.first)

    def at(self, chosen: slice) -> "CataloguePairs":
        """Some of the pairs."""
        return CataloguePairs(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def parts(self, n_sources: IntArray) -> Iterator["CataloguePairs"]:
        """The pairs, a few catalogues at a time, so that their sources fit into memory.

        ``n_sources`` (n,) is how many each catalogue has.
        """
        sizes = n_sources.tolist()
        start, total, held = 0, 0, set()
        for number, pair in enumerate(zip(self.first.tolist(), self.second.tolist(), strict=True)):
            more = sum(sizes[catalogue] for catalogue in pair if catalogue not in held)
            if total + more > AT_ONCE and number > start:
                yield self.at(slice(start, number))
                start, total, held = number, 0, set()
                more = sum(sizes[catalogue] for catalogue in pair)
            total += more
            held.update(pair)
        if len(self):
            yield self.at(slice(start, len(self)))


def pairs_sharing_sky(chips: list[CatalogueArea], options: CrossMatchOptions) -> CataloguePairs:
    """The CataloguePairs of catalogues; the chips of one exposure never share sky."""
    first, second = touching(chips)
    exposures = np.array([chip.exposure for chip in chips])
    differ = exposures[first] != exposures[second]
    first, second = first[differ], second[differ]
    footprints = np.array([chip.footprint for chip in chips]).reshape(-1, 8)
    shares = np.zeros(len(first), bool)
    for start in range(0, len(first), PAIRS_AT_ONCE):
        rows = slice(start, start + PAIRS_AT_ONCE)
        shares[rows] = overlap(footprints[first[rows]], footprints[second[rows]])
    first, second = first[shares], second[shares]
    fwhm = np.array([chip.fwhm for chip in chips])[np.column_stack([first, second])]
    reach = options.reach_arcsec(fwhm.max(axis=1, initial=0))
    sides = sides_of(widened(footprints[second], reach))
    return CataloguePairs(first, second, reach, fwhm, sides)


def touching(chips):
    """Numbers (k,) of chips whose circles touch, the lower ones and the higher, in their order.

    Each has ``ra``, ``dec`` and the ``radius`` of its circle in degrees.
    """
    if not chips:
        return np.zeros((2, 0), int)
    centres = unit_vectors([(chip.ra, chip.dec) for chip in chips])
    radii = np.radians([chip.radius for chip in chips])
    widest = 2 * np.sin(min(2 * radii.max(), np.pi) / 2)
    found = cKDTree(centres).query_pairs(widest * (1 + 1e-9), output_type="ndarray")
    first, second = found[np.lexsort(found.T[::-1])].T
    cosine = np.sum(centres[first] * centres[second], axis=1)
    near = cosine > np.cos(np.minimum(radii[first] + radii[second], np.pi))
    return first[near], second[near]


def nearby(pairs: CataloguePairs, sources: Sources, is_read: BoolArray) -> Near:
    """Sources of pairs of catalogues that can be linked, by their indices.

    ``is_read`` (n,) is which of the sources of the first catalogues count.
    """
    is_of = np.zeros(1 + max(pairs.second.max(), sources.chip.max(initial=0)), bool)
    is_of[pairs.first] = is_of[pairs.second] = True
    rows = np.flatnonzero(is_of[sources.chip])
    places = sources.places[rows]
    chord = 2 * np.sin(pairs.reach.max(initial=0) * ARCSEC / 2)
    # A tree that halves space, not the sources, is made in half the time, and as good to ask.
    tree = cKDTree(places, balanced_tree=False)
    found = tree.query_pairs(chord, output_type="ndarray")
    offset = (places[found[:, 1]] - places[found[:, 0]]) / ARCSEC
    # Lower indices are of lower catalogues, as sources are in their order.
    i, j = rows[found].T
    number = _numbers(pairs, sources.chip[i], sources.chip[j])
    chords = 2 * np.sin(pairs.reach * ARCSEC / 2) / ARCSEC
    wanted = (number >= 0) & is_read[i] & (np.linalg.norm(offset, axis=1) <= chords[number])
    wanted &= is_within(pairs.sides[number], sources.places[i])
    i, j, number, offset = i[wanted], j[wanted], number[wanted], offset[wanted]
    order = np.lexsort((j, i, number))
    i, j, number, offset = i[order], j[order], number[order], offset[order]
    error = np.hypot(sources.error[i], sources.error[j])
    return Near(i, j, offset, error, sources.flux[i], sources.flux[j], number)


def _numbers(pairs, first, second):
    """(k,) the number among the pairs of those of catalogues, or -1."""
    n = 1 + max(pairs.second.max(initial=0), first.max(initial=0), second.max(initial=0))
    known = pairs.first * n + pairs.second
    asked = first.astype(np.int64) * n + second
    at = np.searchsorted(known, asked).clip(max=len(known) - 1)
    return np.where(known[at] == asked, at, -1)
