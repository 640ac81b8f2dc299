"""Sources of an image and published stars on one plane, with what each source may be."""

from dataclasses import dataclass, replace

import numpy as np

from exposures.science.angles import tangent_offsets, to_sky
from exposures.science.arrays import BoolArray, Float, FloatArray, Floats, IntArray
from exposures.science.footprints import unit_vectors
from photometry.science.crossmatch.options import CrossMatchOptions
from photometry.science.matching.candidates import Candidates, Places, Seeing, candidates_of
from photometry.science.matching.catalogues import ImageSources, PublishedStars
from photometry.science.matching.densities import LocalDensity
from photometry.science.matching.frames import frame_offset, magnitude_offset
from photometry.science.matching.options import MatchingOptions
from photometry.science.matching.resolution import separation_of_pairs

# Factor by which crowding and the fit may enlarge errors, for the radius within which one looks.
ENLARGED = 2.5
LEAST_RADIUS_FWHM = 0.3
AMPLITUDE_SCATTER = 0.35  # of the amplitude: that of a sine's epochs about its mean
TILE_ARCSEC = 45.0


@dataclass(frozen=True)
class Plane:
    """Sources (n,) and stars (m,) with their places on a plane in arcsec."""

    sources: ImageSources
    stars: PublishedStars
    places: np.ndarray  # (n, 2)
    star_places: np.ndarray  # (m, 2)
    size: Float

    @classmethod
    def of(cls, sources: ImageSources, stars: PublishedStars) -> "Plane":
        """That which touches the sky in the middle of n sources, positions in degrees."""
        centre = _middle(sources if len(sources) else stars)
        places, star_places = (
            3600 * np.column_stack(tangent_offsets(one.ra, one.dec, *centre))
            for one in (sources, stars)
        )
        size = float(np.ptp(places, axis=0).max()) if len(places) else 0.0
        return cls(sources, stars, places, star_places, max(size, 1.0))

    def part(self, n: int) -> "Plane":
        """About n of the sources or of the stars, whichever are fewer, in tiles all over."""
        every = int(min(len(self.sources), len(self.stars)) / n)
        if every < 2:
            return self
        own, theirs = (_in_tiles(a, every) for a in (self.places, self.star_places))
        return Plane(
            self.sources.select(own),
            self.stars.select(theirs),
            self.places[own],
            self.star_places[theirs],
            self.size,
        )

    def frame_offset(self) -> FloatArray:
        """(2,) arcsec by which sources lie off the stars, as a first guess."""
        return frame_offset(self.places, self.sources.mag, self.star_places, self.stars.mag)

    def separation_of_pairs(self) -> float:
        """The distance in arcsec below which half of all pairs of stars are one; 0 if unknown."""
        return float(separation_of_pairs(self.star_places))


@dataclass(frozen=True)
class Field:
    """What each source may be, with what does not change while one learns; arrays of candidates."""

    plane: Plane
    candidates: Candidates
    error: np.ndarray  # (n, 2) arcsec, of offsets, as stated
    mag_error: np.ndarray  # mag, of the difference of magnitudes, variable stars' included
    has_mag: np.ndarray  # whether both magnitudes are known
    density: np.ndarray  # of sources of that magnitude, an arcsec^2 and mag; of all, an arcsec^2

    @classmethod
    def of(
        cls,
        plane: Plane,
        frame: FloatArray,
        pairs_arcsec: float,
        options: MatchingOptions,
        blending: CrossMatchOptions,
    ) -> "Field":
        """That of a Plane; ``frame`` (2,) arcsec is how far sources lie off stars."""
        sources, stars, places = plane.sources, plane.stars, plane.places
        fwhm = sources.fwhm_arcsec
        star_error = np.column_stack([stars.ra_err, stars.dec_err])
        own_error = np.hypot(sources.error, options.position_floor_arcsec)
        largest = star_error.max(axis=1)
        reach = _Reach(LEAST_RADIUS_FWHM * fwhm, options)
        typical = np.percentile(own_error, 90) if len(own_error) else 0.0
        candidates = candidates_of(
            Places(places, np.column_stack([own_error, own_error]), sources.mag),
            Places(plane.star_places + frame, star_error, stars.mag),
            reach.of(largest, typical),
            Seeing(fwhm, pairs_arcsec / blending.blend_fwhm),
            blending,
        )
        # Blends are so many that those are left out that are too far for the source's own error.
        radius = reach.of(largest[candidates.star], own_error[candidates.source])
        near = np.linalg.norm(candidates.offset, axis=1) <= radius
        candidates = candidates.select(near | candidates.is_single)
        source, star = candidates.source, candidates.star
        has_mag = np.isfinite(sources.mag[source] + stars.mag[star])
        density = LocalDensity.of(places, sources.mag)
        mag = np.where(has_mag, sources.mag[source], np.nan)
        return cls(
            plane,
            replace(candidates, offset=candidates.offset + frame),  # from where theirs have it
            np.hypot(np.hypot(own_error[source], candidates.error)[:, None], star_error[star]),
            _mag_error(sources, stars, candidates),
            has_mag,
            density.at(places[source], mag),
        )

    @property
    def places(self) -> FloatArray:
        """(n, 2) arcsec, of the candidates' sources."""
        places: FloatArray = self.plane.places[self.candidates.source]
        return places

    @property
    def mag(self) -> FloatArray:
        """(n,) mag, of the candidates' sources."""
        mag: FloatArray = self.plane.sources.mag[self.candidates.source]
        return mag

    @property
    def colour(self) -> FloatArray:
        """(n,) mag, of the candidates' stars."""
        colour: FloatArray = self.plane.stars.colour[self.candidates.star]
        return colour

    def magnitude_offset(self, frame: FloatArray) -> Float:
        """The mag by which sources are fainter than stars, by pairs nearer than chance makes.

        ``frame`` (2,) arcsec is how far sources lie off stars.
        """
        candidates = self.candidates
        single = np.flatnonzero(candidates.is_single & self.has_mag)
        off = self.mag[single] - candidates.mag[single]
        distance = np.linalg.norm((candidates.offset - frame)[single] / self.error[single], axis=1)
        # Of pairs at larger distances, as many by chance lie within a smaller circle.
        near, ring = distance < 2.0, (distance >= 2.5) & (distance < np.hypot(2.0, 2.5))
        return magnitude_offset(off[near], off[ring])

    def separations(self) -> tuple[FloatArray, FloatArray]:
        """(n, k) arcsec of sources from their stars, and (n,) of others from them; NaN for none."""
        none = [[np.nan, np.nan]]
        of_stars = np.append(self.plane.star_places, none, axis=0)[self.candidates.stars]
        of_others = np.append(self.plane.places, none, axis=0)[self.candidates.other]
        return (
            np.linalg.norm(self.places[:, None] - of_stars, axis=2),
            np.linalg.norm(of_others - of_stars[:, 0], axis=1),
        )


@dataclass(frozen=True)
class _Reach:
    """How far from a star its source may be."""

    least: float  # arcsec
    options: MatchingOptions

    def of(self, star_error: FloatArray, own_error: Floats) -> FloatArray:
        """(n,) arcsec, by errors of stars (n,) and sources in arcsec."""
        radius = self.options.reach_sigma * np.hypot(star_error, ENLARGED * np.asarray(own_error))
        return np.clip(radius, self.least, self.options.max_radius_arcsec)


def _mag_error(sources: ImageSources, stars: PublishedStars, candidates: Candidates) -> FloatArray:
    own = np.nan_to_num(sources.mag_err)[candidates.source]
    theirs = np.nan_to_num(stars.mag_err)[candidates.star]
    varies = AMPLITUDE_SCATTER * np.nan_to_num(stars.amplitude)[candidates.star]
    return np.asarray(np.sqrt(own**2 + theirs**2 + varies**2))


def _in_tiles(places: FloatArray, every: int) -> BoolArray:
    """(n,) whether places lie in tiles, of which each row of them has one in so many."""
    column, row = np.floor(places / TILE_ARCSEC).astype(int).T
    number: IntArray = column + (every // 2 + 1) * row
    return number % every == 0


def _middle(positions: ImageSources | PublishedStars) -> tuple[float, float]:
    """Right ascension and declination of the middle of positions, degrees."""
    if not len(positions):
        return 0.0, 0.0
    vectors = unit_vectors(np.column_stack([positions.ra, positions.dec]))
    ra, dec = to_sky(vectors.mean(axis=0)[None])
    return float(ra[0]), float(dec[0])
